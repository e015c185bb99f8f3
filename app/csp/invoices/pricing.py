"""What each customer's lines of a document version are sold at, added up and kept in csp_document_total.

    price_new(document, ...)             when discovery puts a version in force, in the same transaction: what its lines were priced
                                         at as they passed; and those documents whose refunds waited for its charges
    reprice(version_id)                  the same of a version whose totals stand there without prices
    reprice_customers(version_id, ids)   when terms have changed
    adopt(account_id)                    when customers have come in whose lines were there before them

Each is one pass over the lines along their index, memory one customer's totals; a repeat comes to the same and writes nothing.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Select, select, update

from app.csp.customers.model import CspCustomer
from app.csp.customers.terms import Terms, terms_of
from app.csp.invoices import refunds, rules
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion, CspLine
from app.csp.invoices.passing import Prices, Waiting
from app.csp.invoices.rules import BILLING, Price, Sold
from app.csp.invoices.sums import CustomerSum
from app.foundation import bulk, clock
from app.foundation.database import db, streamed, transaction

_PRICED = (
    CspLine.sequence, CspLine.customer_tenant_id, CspLine.cost, CspLine.charge_type, CspLine.charge_start, CspLine.currency,
)  # fmt: skip
_HEAD = (
    CspDocument.id, CspDocument.account_id, CspDocument.partner_id, CspDocument.invoice_date, CspDocument.period_start,
)  # fmt: skip
_KEY = (CspDocumentTotal.version_id, CspDocumentTotal.customer_tenant_id, CspDocumentTotal.currency)
_PRICES = (
    *_KEY, CspDocumentTotal.customer_id, CspDocumentTotal.sell, CspDocumentTotal.least_mark_up, CspDocumentTotal.most_mark_up,
    CspDocumentTotal.unpriced, CspDocumentTotal.unmatched, CspDocumentTotal.priced_at,
)  # fmt: skip
_NEW = (
    "partner_id", "version_id", "document_id", "customer_tenant_id", "currency", "customer_id", "customer_name", "lines", "cost",
    "microsoft_tax", *Sold.COLUMNS, "unmatched", "priced_at",
)  # fmt: skip
#: customers whose lines are asked for by name; more, and the whole version is read
_BY_NAME = 300


def reprice(version_id: int) -> None:
    """Match the version's refunds and price all its customers; and those documents whose refunds waited for its charges."""
    with transaction():
        document = _document_of(version_id)
        _adopt(document.account_id, version_id)
        _price(document, version_id, None, match=True)
        customers = select(CspDocumentTotal.customer_tenant_id).where(
            CspDocumentTotal.version_id == version_id, CspDocumentTotal.customer_id.is_not(None)
        )
        serve_waiting(version_id, set(db.session.scalars(customers)), Waiting(document.account_id))


def price_new(document: CspDocument, version_id: int, came_to: Iterable[CustomerSum], prices: Prices) -> None:
    """Write what a new version comes to, priced. Its lines are there; it is in force with this transaction."""
    totals = list(came_to)
    customers = prices.known.renewed({one.customer_tenant_id for one in totals})
    lost = refunds.match(document, version_id) if prices.refunding else {}
    is_late = prices.otherwise != rules.otherwise_on(document)
    anew = {
        tenant: terms
        for tenant, (_id, terms) in customers.items()
        if is_late or tenant in prices.refunding or not prices.are_at(tenant, terms)
    }
    sold = prices.sums | sums_of(document, version_id, anew)
    now, nothing = clock.now(), (None, None, None, 0)
    key = (document.partner_id, version_id, document.id)
    rows = []
    for one in totals:
        tenant, own = one.customer_tenant_id, customers.get(one.customer_tenant_id)
        price = sold[tenant, one.currency].columns() if own else nothing
        named = (tenant, one.currency, own[0] if own else None, one.customer_name)
        priced = (*price, lost.get(tenant, 0), now if own else None)
        rows.append((*key, *named, one.lines, one.cost, one.microsoft_tax, *priced))
    bulk.insert(CspDocumentTotal, _NEW, rows)
    prices.known.waiting.note(version_id, None, lost)
    serve_waiting(version_id, customers.keys(), prices.known.waiting)


def serve_waiting(version_id: int, tenants: Collection[str], waiting: Waiting) -> None:
    """Documents whose refunds of these customers waited for this version's charges find them, and are priced by them."""
    served = refunds.served_by(version_id, waiting.for_charges_of(version_id, tenants))
    for other_id, some in served.items():
        waiting.note(other_id, some, _price(_document_of(other_id), other_id, some, match=True))


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
    return rules.priced(line, terms.mark_up_on, originals, rules.otherwise_on(document))


def _document_of(version_id: int) -> Any:
    found = select(*_HEAD).join(CspDocumentVersion, CspDocumentVersion.document_id == CspDocument.id)
    return db.session.execute(found.where(CspDocumentVersion.id == version_id)).one()


def _adopt(account_id: uuid.UUID, version_id: int | None) -> dict[int, set[str]]:
    found = (
        select(*_KEY, CspCustomer.id.label("customer_id"))
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
    rows = db.session.execute(found).all()
    _change(row._asdict() for row in rows)
    adopted: dict[int, set[str]] = {}
    for row in rows:
        adopted.setdefault(row.version_id, set()).add(row.customer_tenant_id)
    return adopted


def _price(document: Any, version_id: int, tenants: Collection[str] | None, *, match: bool) -> dict[str, int]:
    """Returns whose refunds found no charge, and how many, where they were matched."""
    lost = refunds.match(document, version_id, tenants) if match else None
    totals = _totals(version_id, tenants)
    terms = terms_of(document.account_id, {one.customer_id for one in totals if one.customer_id})
    customers = {one.customer_tenant_id: terms[one.customer_id] for one in totals if one.customer_id}
    sums = sums_of(document, version_id, customers)
    now = clock.now()
    _change(
        {**total._asdict(), **values}
        for total in totals
        if (values := _news(total, sums.get((total.customer_tenant_id, total.currency)), lost, now))
    )
    return lost or {}


def sums_of(document: Any, version_id: int, customers: Mapping[str, Terms]) -> dict[tuple[str, str], Sold]:
    """(tenant, currency) -> what these customers' lines are sold at, read from their lines; refunds at their charges' mark-up."""
    sums: dict[tuple[str, str], Sold] = {}
    if not customers:
        return sums
    originals, otherwise = refunds.originals_of(version_id), rules.otherwise_on(document)
    for tenant, lines in _lines_by_tenant(version_id, customers):
        mark_up_on = customers[tenant].mark_up_on
        for line in lines:
            if (sold := sums.get((tenant, line.currency))) is None:
                sold = sums[tenant, line.currency] = Sold()
            sold.add(rules.priced(line, mark_up_on, originals, otherwise))
    return sums


def _news(total: Any, found: Sold | None, lost: Mapping[str, int] | None, now: datetime) -> dict[str, Any]:
    """What of a total is another than it stands there."""
    news: dict[str, Any] = {}
    if lost is not None and total.unmatched != lost.get(total.customer_tenant_id, 0):
        news["unmatched"] = lost.get(total.customer_tenant_id, 0)
    if found is None:
        return news
    values = dict(zip(Sold.COLUMNS, found.columns(), strict=True))
    if total.priced_at is None or any(getattr(total, name) != value for name, value in values.items()):
        news |= {**values, "priced_at": now}
    return news


def _change(totals: Iterable[Mapping[str, Any]]) -> None:
    """All of them in one statement: each its key, and what it is to hold."""
    changed = list(totals)
    if changed:
        db.session.execute(update(CspDocumentTotal), changed)


def _totals(version_id: int, tenants: Collection[str] | None) -> Sequence[Any]:
    found = select(*_PRICES).where(CspDocumentTotal.version_id == version_id)
    if tenants is not None:
        found = found.where(CspDocumentTotal.customer_tenant_id.in_(tenants))
    return db.session.execute(found).all()


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
