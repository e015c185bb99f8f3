"""`python -m benchmarks.fill_csp SIZE`: an account of the demo's partner with SIZE invoice lines, and the totals they come to.

Fifty customers stand on every invoice with ten lines each, so an invoice has 500 of them however many invoices there are.
"""

import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.csp.accounts.model import CspAccount
from app.csp.customers.model import CspCustomer
from app.csp.invoices.line_arrivals import LINE
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion, CspLine
from app.foundation import bulk
from app.foundation.database import db, transaction
from app.foundation.identity import new_id
from app.parties.model import Organisation
from benchmarks.fill import main

CUSTOMERS, LINES_EACH = 50, 10
OF_A_DOCUMENT = CUSTOMERS * LINES_EACH
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
EACH_AFTER = timedelta(hours=4)
COST = Decimal("100.80")
NAME, MARK = "Bench CSP", "ZZB"
#: documents whose rows go in one transaction
TOGETHER = 100
_TOTAL = (
    "partner_id", "version_id", "document_id", "customer_tenant_id", "currency", "customer_id", "customer_name", "lines", "cost",
    "microsoft_tax", "sell", "least_mark_up", "most_mark_up", "unpriced", "priced_at",
)  # fmt: skip


def fill(size: int) -> None:
    with transaction() as session:
        partner_id = session.scalars(select(Organisation.id).where(Organisation.name.like("Northbridge%"))).one()
        account = CspAccount(
            partner_id=partner_id, name=NAME, tenant_id=str(uuid.UUID(int=1)), model="direct", state="connected", currency="EUR",
            managed_mark_up=Decimal(15), not_managed_mark_up=Decimal(15), created_at=FIRST, created_by_name="bench",
        )  # fmt: skip
        session.add(account)
        session.flush()
        customers = [_customer(account, number) for number in range(CUSTOMERS)]
        session.add_all(customers)
        session.flush()
        owner = (partner_id, account.id)
        known = [(one.id, one.tenant_id, one.name) for one in customers]
    documents = range(-(-size // OF_A_DOCUMENT))
    for begin in documents[::TOGETHER]:
        with transaction() as session:
            for number in documents[begin : begin + TOGETHER]:
                _document(owner, known, number)
        db.session.expunge_all()


def _customer(account: CspAccount, number: int) -> CspCustomer:
    return CspCustomer(
        partner_id=account.partner_id, account_id=account.id, tenant_id=str(uuid.UUID(int=1000 + number)),
        name=f"Bench customer {number:03}", search_name=f"bench customer {number:03}", relationship="reseller", first_seen_at=FIRST,
    )  # fmt: skip


def _document(owner: tuple[uuid.UUID, uuid.UUID], customers: list[tuple[uuid.UUID, str, str]], number: int) -> None:
    partner_id, account_id = owner
    at, whole = FIRST + EACH_AFTER * number, COST * OF_A_DOCUMENT
    document = CspDocument(
        id=new_id(), partner_id=partner_id, account_id=account_id, number=f"{MARK}{number:06}", document_type="invoice",
        invoice_type="one_time", invoice_date=at, period_start=at, period_end=at + EACH_AFTER, currency="EUR", total=whole,
        line_sets=[], lines_total=whole, difference=Decimal(0), reconciled_at=at, first_seen_at=at,
    )  # fmt: skip
    db.session.add(document)
    db.session.flush()
    version = CspDocumentVersion(
        partner_id=partner_id,
        document_id=document.id,
        source="v1",
        cursor={},
        lines=OF_A_DOCUMENT,
        begun_at=at,
        complete_at=at,
    )
    db.session.add(version)
    db.session.flush()
    document.version_id = version.id
    bulk.insert(CspLine, LINE, _lines(partner_id, version.id, customers, at))
    cost, sell, mark_up = COST * LINES_EACH, Decimal("115.92") * LINES_EACH, Decimal(15)
    bulk.insert(
        CspDocumentTotal,
        _TOTAL,
        (
            (partner_id, version.id, document.id, tenant, "EUR", customer_id, name, LINES_EACH, cost, Decimal(0), sell, mark_up, mark_up, 0, at)
            for customer_id, tenant, name in customers
        ),
    )  # fmt: skip


def _lines(
    partner_id: uuid.UUID, version_id: int, customers: list[tuple[uuid.UUID, str, str]], at: datetime
) -> Iterator[tuple[Any, ...]]:
    """The customers in turn, as Microsoft mixes them."""
    begins, ends = at.isoformat(), (at + EACH_AFTER).isoformat()
    rest = (
        "Microsoft 365 E3", "Monthly", "cycleCharge", begins, ends, "Licenses", "10", "10.08", "10.08", "100.80", "0", "100.80", "EUR",
        '{"orderId":"a81f3b2c77d4","productId":"CFQ7TTC0LFLX","skuId":"0001","termAndBillingCycle":"One-Year commitment for monthly/yearly billing"}',
    )  # fmt: skip
    for place in range(OF_A_DOCUMENT):
        _id, tenant, name = customers[place % CUSTOMERS]
        yield (partner_id, version_id, place + 1, "billing", "onetime", tenant, name, f"sub-{place % 7}", *rest)


if __name__ == "__main__":
    main(int(sys.argv[1]), fill)
