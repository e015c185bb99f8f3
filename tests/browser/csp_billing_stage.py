"""Microsoft's documents in a portal that is running: `python -m tests.browser.csp_billing_stage`, with that portal's environment.

As discovery leaves them: six customers of Northbridge, one linked to Acme, one without a mark-up, a credit note, an invoice that does
not tie.
"""

from datetime import UTC, datetime

from sqlalchemy import select

from app import create_app
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation
from tests.makers.csp_documents import line, make_account, make_csp_customer, make_document

SEATS = (("100.80", "2026-09-01", "10"), ("-94.08", "2026-09-03", "-10"), ("112.89", "2026-09-03", "12"))


def main() -> None:
    with create_app().app_context():
        with acting_for_all("a test's organisations"):
            named = {one.name: one for one in db.session.scalars(select(Organisation))}
        partner = next(one for name, one in named.items() if name.startswith("Northbridge"))
        acme = next(one for name, one in named.items() if name.startswith("Acme"))
        account = make_account(partner, "Northbridge CSP (EU)", tax="20")
        aldgate = make_csp_customer(account, "Acme Freight", linked=acme, mark_up="15", monitored=True)
        vela = make_csp_customer(account, "Vela Pharma", mark_up="12", tax="21")
        marlow = make_csp_customer(account, "Marlow & Finch Retail", mark_up="0")
        norrland = make_csp_customer(
            account, "Compagnie générale de navigation transfrontalière et de logistique portuaire", mark_up="15"
        )
        pinecrest = make_csp_customer(account, "Pinecrest Health")
        lines = [line(aldgate, cost, start=start, quantity=quantity) for cost, start, quantity in SEATS]
        lines += [line(vela, "5435.58", subscription="azure", product="Azure plan"), line(marlow, "2904.40")]
        lines += [line(norrland, "8210.55", product="Dynamics 365 Sales Enterprise"), line(pinecrest, "1349.22")]
        make_document(account, "G048201937", lines)
        credit = [line(vela, "-312.40", start="2026-09-10", subscription="azure", product="Azure plan")]
        make_document(
            account, "G048377102", credit, amends="G048201937", document_type="adjustment_note",
            at=datetime(2026, 10, 19, tzinfo=UTC),
        )  # fmt: skip
        odd = [line(marlow, "10.00"), line(None, "5.00", product="Reservation, VM instance")]
        make_document(account, "G048400001", odd, total="15.01", at=datetime(2026, 10, 20, tzinfo=UTC))


if __name__ == "__main__":
    main()
