"""Northbridge resells to Aldgate (linked to Acme), Vela (15 %), Marlow (0 %, chosen) and Pinecrest (nothing set); Contrail to Globex."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.csp.statements import actions
from app.foundation.database import db
from app.foundation.tenancy import viewing
from tests.makers.csp_documents import line, make_account, make_csp_customer, make_document

OCTOBER = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC))
#: nobody but Northbridge may ever read one of them: costs, and what is made of them
PLANTED = ("1234.57", "123457", "4321.09", "-94.08", "100.80", "112.89", "119.61", "17.94", "13.37 %", "13.37")


@dataclass
class Stage:
    account: Any
    aldgate: Any
    vela: Any
    marlow: Any
    pinecrest: Any
    invoice: Any
    credit: Any
    foreign: Any
    globex: Any


def set_stage(app: Any, people: Any) -> Stage:
    with app.app_context():
        account = make_account(people.northbridge, tax="20")
        aldgate = make_csp_customer(account, "Aldgate Insurance", linked=people.acme, mark_up="15", monitored=True)
        vela = make_csp_customer(account, "Vela Pharma", mark_up="13.37", tax="19")
        marlow = make_csp_customer(account, "Marlow & Finch Retail", mark_up="0")
        pinecrest = make_csp_customer(account, "Pinecrest Health")
        lines = [
            line(aldgate, "100.80"),
            line(aldgate, "-94.08", start="2026-09-03", quantity="-10", charge_type="removeQuantity"),
            line(aldgate, "112.89", start="2026-09-03", quantity="12", charge_type="addQuantity"),
            line(vela, "1234.57", tax="9.99", subscription="azure", product="Azure plan"),
            line(marlow, "2904.40"),
            line(pinecrest, "1349.22"),
        ]
        invoice = make_document(account, "G048201937", lines)
        credit = make_document(
            account, "G048377102", [line(vela, "-34.57", start="2026-09-10", subscription="azure", product="Azure plan")],
            amends="G048201937", document_type="adjustment_note", at=datetime(2026, 10, 19, tzinfo=UTC),
        )  # fmt: skip
        south = make_account(people.contrail, "Contrail CSP")
        globex = make_csp_customer(south, "Globex Trading", linked=people.globex, mark_up="25", monitored=True)
        foreign = make_document(south, "G048201937", [line(globex, "77.77")])
        db.session.remove()
    return Stage(account, aldgate, vela, marlow, pinecrest, invoice, credit, foreign, globex)


def issue(app: Any, people: Any, document: Any, customer: Any, person: str = "ada") -> Any:
    with app.app_context(), viewing(people.viewer(person)) as by:
        return actions.issue(document.id, customer.id, by=by)
