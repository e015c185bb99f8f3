"""Puts a discovered CSP account into a seeded portal's database, in a process of its own: `python -m tests.browser.csp_resold FOLDER`.

What a discovery would have left: customers with subscriptions and usage, two runs, documents of three months in two currencies.
"""

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select

from app import create_app
from app.csp.discovery.model import CspRun
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion
from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation
from tests.browser.portal import DATABASE, MOMENT
from tests.makers.csp_customers import make_account, make_customer, make_subscription, make_usage

NAMES = (
    "Adatum Corporation", "Bellows College", "Contoso Suites", "Fabrikam Residences", "Tailspin Toys",
    "The Phone Company", "Wide World Importers", "Compagnie générale de navigation transfrontalière et de logistique portuaire",
)  # fmt: skip


def resell(folder: Path) -> None:
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "INSTANCE_PATH": str(folder),
        "DEMO": "1",
        "DEMO_NOW": MOMENT,
    }
    app, now = create_app(settings), clock.parse_instant(MOMENT)
    with app.app_context(), clock.pinned(now):
        with acting_for_all("who resells in the demo"):
            partner = db.session.scalars(
                select(Organisation).where(Organisation.name == "Northbridge Consulting")
            ).one()
        account = make_account(partner, "Northbridge CSP (EU)", not_managed_mark_up=None, tax_rate=Decimal(21))
        make_account(partner, "Northbridge CSP (UK)", currency="GBP")
        began, customers = datetime(2026, 6, 3, tzinfo=UTC), []
        for place, name in enumerate(NAMES):
            customer = make_customer(
                account, name, first_seen_at=began - timedelta(minutes=5) if place < 5 else began + timedelta(days=25 * place),
                contact={"first_name": "Jo", "last_name": "Hale", "email": f"jo{place}@adatum.example"}, domain=f"customer{place}.example",
            )  # fmt: skip
            customers.append(customer)
            make_subscription(customer)
            make_subscription(
                customer,
                "Azure plan",
                quantity=Decimal(1),
                unit_type="",
                term="",
                billing_cycle="monthly",
                ends_at=None,
            )
            make_subscription(
                customer, "Microsoft 365 E5", status="suspended", suspension_reasons=["CustomerCancellation"]
            )
            make_usage(customer, f"{(place + 1) * 157}.37", begins=now.date().replace(month=10))
        make_customer(
            account, "Wingtip Toys", first_seen_at=began - timedelta(minutes=5), relationship="former",
            gone_at=datetime(2026, 9, 3, tzinfo=UTC), refusal="Microsoft answers 403 (2000): access denied.",
            refused_at=datetime(2026, 9, 2, tzinfo=UTC),
        )  # fmt: skip
        with acting_for_all("what a discovery left"), transaction() as session:
            for number, ended in ((1, began), (2, now - timedelta(hours=4))):
                session.add(
                    CspRun(
                        partner_id=partner.id, account_id=account.id, number=number, state="completed", trigger="schedule",
                        asked_at=ended - timedelta(minutes=21), asked_by_name="system", started_at=ended - timedelta(minutes=20),
                        ended_at=ended,
                    )
                )  # fmt: skip
            for month in range(6, 11):
                document = CspDocument(
                    partner_id=partner.id, account_id=account.id, number=f"G{month:06}", document_type="invoice",
                    invoice_date=datetime(2026, month, 8, tzinfo=UTC), currency="USD" if month == 7 else "EUR",
                    total=Decimal(0), first_seen_at=began,
                )  # fmt: skip
                session.add(document)
                session.flush()
                version = CspDocumentVersion(
                    partner_id=partner.id, document_id=document.id, source="graph", begun_at=began
                )
                session.add(version)
                session.flush()
                document.version_id = version.id
                session.add_all(
                    CspDocumentTotal(
                        partner_id=partner.id, version_id=version.id, document_id=document.id, customer_tenant_id=one.tenant_id,
                        customer_id=one.id, customer_name=one.name, currency=document.currency, lines=12,
                        cost=Decimal((place + 2) * month * 41) / 3, microsoft_tax=Decimal(0),
                    )
                    for place, one in enumerate(customers)
                )  # fmt: skip
        db.session.remove()


if __name__ == "__main__":
    resell(Path(sys.argv[1]))
