"""What each customer's lines of a document version are sold at, added up and kept in csp_document_total.

    reprice(version_id)                  when discovery has put a version in force, in the same transaction
    reprice_customers(version_id, ids)   when terms have changed
    adopt(account_id)                    when customers have come in whose lines were there before them

Each is one pass over the lines along their index, memory one customer's totals; a repeat comes to the same and writes nothing.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from app.csp.customers.model import CspCustomer
from app.csp.customers.terms import Terms, terms_of
from app.csp.invoices import refunds, rules
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion, CspLine
from app.csp.invoices.rules import BILLING, Price
from app.foundation import clock
from app.foundation.database import db, streamed, transaction

_PRICED = (
    CspLine.sequence, CspLine.customer_tenant_id, CspLine.cost, CspLine.charge_type, CspLine.charge_start, CspLine.currency,
)  # fmt: skip
_HEAD = (
    CspDocument.id, CspDocument.account_id, CspDocument.partner_id, CspDocument.invoice_date, CspDocument.period_start,
)  # fmt: skip
#: customers whose lines are asked for by name; more, and the whole version is read
_BY_NAME = 300


def reprice(version_id: int) -> None:
    """Match the version's refunds and price all its customers; and those documents whose refunds waited for its charges."""
    with transaction():
        document = _document_of(version_id)
        _adopt(document.account_id, version_id)
        _price(document, version_id, None, match=True)
        for other_id, tenants in _waiting_for(version_id).items():
            _price(_document_of(other_id), other_id, tenants, match=True)


def reprice_customers(version_id: int, customer_ids: Collection[uuid.UUID]) -> None:
    with transaction():
        totals = select(CspDocumentTotal.customer_tenant_id).where(
            CspDocumentTotal.version_id == version_id, CspDocumentTotal.customer_id.in_(customer_ids)
        )
        tenants = set(db.session.scalars(totals))
        if tenants:
            _price(_document_of(version_id), version_id, tenants, match=False)


def adopt(account_id: uuid.UUID) -> None:
    """Totals of tenants that are customers by now become those customers', and are priced."""
    with transaction():
        for version_id, tenants in _adopt(account_id, None).items():
            _price(_document_of(version_id), version_id, tenants, match=True)


def price_of(line: Any, terms: Terms, originals: Mapping[int, str], document: Any) -> Price:
    """One line as pages, files and statements show it: the same rule as the totals'."""
    return rules.priced(line, terms.mark_up_on, originals, otherwise_on(document))


def otherwise_on(document: Any) -> date:
    """The day of a line that says none: its document's period's first, else the document's own."""
    return (document.period_start or document.invoice_date).date()


def _document_of(version_id: int) -> Any:
    found = select(*_HEAD).join(CspDocumentVersion, CspDocumentVersion.document_id == CspDocument.id)
    return db.session.execute(found.where(CspDocumentVersion.id == version_id)).one()


def _adopt(account_id: uuid.UUID, version_id: int | None) -> dict[int, set[str]]:
    found = (
        select(CspDocumentTotal, CspCustomer.id)
        .join(CspDocument, CspDocument.id == CspDocumentTotal.document_id)
        .join(
            CspCustomer,
            (CspCustomer.account_id == CspDocument.account_id)
            & (CspCustomer.tenant_id == CspDocumentTotal.customer_tenant_id),
        )
        .where(CspDocument.account_id == account_id, CspDocumentTotal.customer_id.is_(None))
    )
    if version_id is not None:
        found = found.where(CspDocumentTotal.version_id == version_id)
    adopted: dict[int, set[str]] = {}
    for total, customer_id in db.session.execute(found).all():
        total.customer_id = customer_id
        adopted.setdefault(total.version_id, set()).add(total.customer_tenant_id)
    db.session.flush()
    return adopted


def _waiting_for(version_id: int) -> dict[int, set[str]]:
    """Other versions in force with refunds of the same customers that have no charge yet."""
    other = aliased(CspDocumentTotal)
    found = (
        select(other.version_id, other.customer_tenant_id)
        .join(CspDocumentTotal, CspDocumentTotal.customer_id == other.customer_id)
        .join(CspDocument, CspDocument.version_id == other.version_id)
        .where(CspDocumentTotal.version_id == version_id, other.version_id != version_id, other.unmatched > 0)
    )
    waiting: dict[int, set[str]] = {}
    for other_id, tenant in db.session.execute(found):
        waiting.setdefault(other_id, set()).add(tenant)
    return waiting


def _price(document: Any, version_id: int, tenants: Collection[str] | None, *, match: bool) -> None:
    if match:
        lost = refunds.match(document, version_id, tenants)
    totals = _totals(version_id, tenants)
    terms = terms_of(document.account_id, {one.customer_id for one in totals if one.customer_id})
    by_tenant: dict[str, dict[str, CspDocumentTotal]] = {}
    for total in totals:
        if match and total.unmatched != lost.get(total.customer_tenant_id, 0):
            total.unmatched = lost.get(total.customer_tenant_id, 0)
        if total.customer_id:
            by_tenant.setdefault(total.customer_tenant_id, {})[total.currency] = total
    originals = refunds.originals_of(version_id)
    otherwise, now = otherwise_on(document), clock.now()
    for tenant, lines in _lines_by_tenant(version_id, by_tenant):
        own = by_tenant[tenant]
        of_customer = terms[next(iter(own.values())).customer_id]  # type: ignore[index]
        mark_up_on = lru_cache(maxsize=400)(of_customer.mark_up_on)
        sums = {currency: _Sum() for currency in own}
        for line in lines:
            if line.currency in sums:
                sums[line.currency].add(rules.priced(line, mark_up_on, originals, otherwise))
        for currency, total in own.items():
            _write(total, sums[currency], now)
    db.session.flush()


class _Sum:
    """One customer's lines of one currency, added up as they are read."""

    def __init__(self) -> None:
        self.sell, self.unpriced = rules.NOTHING, 0
        self.mark_ups: set[Decimal] = set()

    def add(self, price: Price) -> None:
        if price.sell is None or price.mark_up is None:
            self.unpriced += 1
            return
        self.sell = rules.EXACT.add(self.sell, price.sell)
        if price.why != rules.PASSED_THROUGH:
            self.mark_ups.add(price.mark_up)


def _write(total: CspDocumentTotal, found: _Sum, now: Any) -> None:
    whole = found.unpriced == 0
    mark_ups = found.mark_ups or {rules.NOTHING}
    values = {
        "sell": found.sell if whole else None,
        "least_mark_up": min(mark_ups) if whole else None,
        "most_mark_up": max(mark_ups) if whole else None,
        "unpriced": found.unpriced,
    }
    if total.priced_at is not None and all(getattr(total, name) == value for name, value in values.items()):
        return
    for name, value in values.items():
        setattr(total, name, value)
    total.priced_at = now


def _totals(version_id: int, tenants: Collection[str] | None) -> Sequence[CspDocumentTotal]:
    found = select(CspDocumentTotal).where(CspDocumentTotal.version_id == version_id)
    if tenants is not None:
        found = found.where(CspDocumentTotal.customer_tenant_id.in_(tenants))
    return db.session.scalars(found.execution_options(populate_existing=True)).all()


def _lines_by_tenant(version_id: int, tenants: Collection[str]) -> Iterator[tuple[str, Iterator[Any]]]:
    """Billing lines of these tenants, a tenant at a time along the index."""
    if not tenants:
        return
    found: Select[*tuple[Any, ...]] = select(*_PRICED).where(
        CspLine.version_id == version_id, CspLine.line_type == BILLING
    )
    if len(tenants) <= _BY_NAME:
        found = found.where(CspLine.customer_tenant_id.in_(sorted(tenants)))
    found = found.order_by(CspLine.customer_tenant_id, CspLine.sequence)
    for tenant, lines in groupby(streamed(found), key=lambda line: line.customer_tenant_id):
        if tenant in tenants:
            yield tenant, lines
