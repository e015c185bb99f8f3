"""What discovery writes of CSP customers, their subscriptions and their usage: a page of records at a time, and of those what is new
or has changed. Mark-up, tax, budget, monitoring and links are people's, and never touched here.

Each function stands inside the caller's transaction, is the system's alone, and is safe to say again.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from app.csp.customers import found
from app.csp.customers.model import CspCustomer, CspSubscription, CspUsage
from app.csp.digests import digest_of, half_digest_of
from app.csp.microsoft.records import Customer, CustomerDetails, Subscription, Usage
from app.csp.microsoft.spelling import word
from app.foundation import bulk, clock, history_in_bulk
from app.foundation.database import db
from app.foundation.identity import new_ids
from app.foundation.tenancy import Viewer
from app.foundation.text import folded

RESELLER, FORMER = "reseller", "former"


class Arrived(NamedTuple):
    """How many of a page's records are new, and how many say something else than before."""

    new: int = 0
    changed: int = 0


class Owner(NamedTuple):
    """Whose rows they are."""

    partner_id: uuid.UUID
    account_id: uuid.UUID


def fit(text: str | None, most: int) -> str:
    """As much of a text as the column holds; no database takes a NUL."""
    return (text or "").replace("\0", "")[:most]


def search_words(name: str, domain: str, most: int = 600) -> str:
    return folded(f"{name} {domain}")[:most]


_LISTED = ("name", "search_name", "domain", "relationship", "relationship_as_sent", "reseller_mpn", "gone_at", "digest")
_NEW = (
    "id", "partner_id", "account_id", "tenant_id", *_LISTED, "contact", "first_seen_at", "version",
)  # fmt: skip


def customers_listed(owner: Owner, page: Sequence[Customer], *, by: Viewer) -> Arrived:
    """A page of the listing. Who was former and is listed again is a reseller's customer again."""
    records = {record.tenant_id: record for record in page}
    known = _customers(owner.account_id, records)
    now = clock.now()
    fresh = [record for record in records.values() if record.tenant_id not in known]
    changed, back = [], []
    for tenant_id, row in known.items():
        half = _listed_digest_of(records[tenant_id])
        if row.digest[:32] != half or row.relationship != RESELLER:
            # its own page is to be read again as well
            changed.append((row.id, *_listed_columns(records[tenant_id], half)))
            back += [row] if row.relationship != RESELLER else []
    bulk.update(CspCustomer, ("id",), _LISTED, changed)
    light = []
    rows = []
    for record, row_id in zip(fresh, new_ids(len(fresh)), strict=True):
        columns = _listed_columns(record, _listed_digest_of(record))
        rows.append((row_id, owner.partner_id, owner.account_id, record.tenant_id, *columns, {}, now, 1))
        light.append((found.Subject(row_id, owner.partner_id), {"name": columns[0]}))
    bulk.insert(CspCustomer, _NEW, rows)
    history_in_bulk.record_many(light, found.FOUND, by=by)
    returned = [(found.Subject(row.id, owner.partner_id), {"name": row.name}) for row in back]
    history_in_bulk.record_many(returned, found.BACK, by=by)
    return Arrived(len(fresh), len(changed))


def _listed_digest_of(record: Customer) -> str:
    return half_digest_of(record._replace(relationship=word(record.relationship)))


def _listed_columns(record: Customer, digest: str) -> tuple[Any, ...]:
    name, domain = fit(record.name, 300), fit(record.domain, 300)
    return (
        name, search_words(name, domain), domain, RESELLER, fit(record.relationship, 40),
        fit(record.reseller_mpn, 40) or None, None, digest,
    )  # fmt: skip


def _customers(account_id: uuid.UUID, tenant_ids: Collection[str]) -> dict[str, Any]:
    rows = db.session.execute(
        select(
            CspCustomer.id, CspCustomer.tenant_id, CspCustomer.name, CspCustomer.digest, CspCustomer.relationship
        ).where(CspCustomer.account_id == account_id, CspCustomer.tenant_id.in_(list(tenant_ids)))
    )
    return {row.tenant_id: row for row in rows}


def unlisted(owner: Owner, listed: Any, *, by: Viewer) -> int:
    """After the last page of a whole listing: who is not in it (`listed`: a select of tenant ids) is former from now on, and kept."""
    gone = db.session.execute(
        select(CspCustomer.id, CspCustomer.name).where(
            CspCustomer.account_id == owner.account_id,
            CspCustomer.relationship == RESELLER,
            CspCustomer.tenant_id.not_in(listed),
        )
    ).all()
    now = clock.now()
    bulk.update(CspCustomer, ("id",), ("relationship", "gone_at"), [(row.id, FORMER, now) for row in gone])
    told = [(found.Subject(row.id, owner.partner_id), {"name": row.name}) for row in gone]
    history_in_bulk.record_many(told, found.GONE, by=by)
    return len(gone)


def details_read(read: Mapping[uuid.UUID, CustomerDetails], *, by: Viewer) -> int:
    """What only the customers' own pages say. Returns how many say something else than before; a first reading is no change."""
    rows = db.session.execute(select(CspCustomer.id, CspCustomer.digest).where(CspCustomer.id.in_(list(read))))
    written, changed = [], 0
    for row in rows:
        details = read[row.id]
        half = half_digest_of((details.commerce_id, dict(details.contact)))
        if row.digest[32:] != half:
            changed += bool(row.digest[32:])
            contact = {str(key): fit(str(value), 400) for key, value in details.contact.items() if value is not None}
            written.append((row.id, fit(details.commerce_id, 80) or None, contact, row.digest[:32] + half))
    bulk.update(CspCustomer, ("id",), ("commerce_id", "contact", "digest"), written)
    return changed


def refusals_of(answers: Mapping[uuid.UUID, str | None]) -> None:
    """What Microsoft says of each customer now: None, it answers, or why not. Written where that is another than before."""
    rows = db.session.execute(select(CspCustomer.id, CspCustomer.refusal).where(CspCustomer.id.in_(list(answers))))
    now = clock.now()
    turned = [
        (row.id, answers[row.id], now if answers[row.id] else None) for row in rows if row.refusal != answers[row.id]
    ]
    bulk.update(CspCustomer, ("id",), ("refusal", "refused_at"), turned)


_SUBSCRIPTION = (
    "name", "search_name", "offer_id", "offer_name", "quantity", "unit_type", "status", "auto_renew", "is_trial", "billing_type",
    "billing_cycle", "term", "created_on", "starts_at", "ends_at", "order_id", "parent_id", "suspension_reasons", "digest", "gone_at",
)  # fmt: skip
_NEW_SUBSCRIPTION = (
    "id", "partner_id", "account_id", "customer_id", "subscription_id", *_SUBSCRIPTION, "is_monitored", "version",
)  # fmt: skip


def subscriptions_read(owner: Owner, read: Mapping[uuid.UUID, Sequence[Subscription]], *, by: Viewer) -> Arrived:
    """Each customer's subscriptions, whole. What is not among them any more is kept with the instant it went."""
    known: dict[uuid.UUID, dict[str, Any]] = {customer_id: {} for customer_id in read}
    for row in db.session.execute(
        select(
            CspSubscription.id, CspSubscription.customer_id, CspSubscription.subscription_id, CspSubscription.digest,
            CspSubscription.gone_at,
        ).where(CspSubscription.customer_id.in_(list(read)))
    ):  # fmt: skip
        known[row.customer_id][row.subscription_id] = row
    rows: list[Any] = []
    changes, gone, told = [], [], []
    for customer_id, subscriptions in read.items():
        before, names = known[customer_id], {}
        records = {record.subscription_id: record for record in subscriptions}
        for record in records.values():
            digest, held = _digest_of(record), before.get(record.subscription_id)
            if held is None:
                key = (owner.partner_id, owner.account_id, customer_id, fit(record.subscription_id, 80))
                rows.append((*key, *_subscription_columns(record, digest), False, 1))
                names[record.subscription_id] = "new"
            elif held.digest != digest or held.gone_at is not None:
                changes.append((held.id, *_subscription_columns(record, digest)))
                names[record.subscription_id] = "changed"
        left = [row for name, row in before.items() if name not in records and row.gone_at is None]
        gone += [(row.id, clock.now()) for row in left]
        if before and (names or left):  # a customer's first subscriptions came with the customer
            counts = [sum(word == counted for word in names.values()) for counted in ("new", "changed")]
            facts = {"new": str(counts[0]), "changed": str(counts[1]), "gone": str(len(left))}
            told.append((found.Subject(customer_id, owner.partner_id), facts))
    bulk.insert(
        CspSubscription,
        _NEW_SUBSCRIPTION,
        ((row_id, *row) for row_id, row in zip(new_ids(len(rows)), rows, strict=True)),
    )
    bulk.update(CspSubscription, ("id",), _SUBSCRIPTION, changes)
    bulk.update(CspSubscription, ("id",), ("gone_at",), gone)
    history_in_bulk.record_many(told, found.SUBSCRIPTIONS_CHANGED, by=by)
    return Arrived(len(rows), len(changes) + len(gone))


def _digest_of(record: Subscription) -> str:
    """One word in another spelling, which one answer may have and the next not, is no change."""
    return digest_of(
        record._replace(
            unit_type=word(record.unit_type),
            status=word(record.status),
            billing_type=word(record.billing_type),
            billing_cycle=word(record.billing_cycle),
        )
    )


def _subscription_columns(record: Subscription, digest: str) -> tuple[Any, ...]:
    name, offer = fit(record.name, 400), fit(record.offer_name, 400)
    return (
        name, search_words(name or offer, offer if name else "", 800), fit(record.offer_id, 200), offer, record.quantity,
        fit(record.unit_type, 60), fit(record.status, 40), record.auto_renew, bool(record.is_trial), fit(record.billing_type, 40),
        fit(record.billing_cycle, 40), fit(record.term, 20), record.created_on, record.starts_at, record.ends_at,
        fit(record.order_id, 80), fit(record.parent_id, 80), [fit(reason, 400) for reason in record.suspension_reasons], digest, None,
    )  # fmt: skip


_USAGE = ("period_end", "cost", "currency", "budget_at_microsoft", "as_of", "read_at", "digest")


def usage_read(owner: Owner, read: Mapping[uuid.UUID, Usage | None]) -> Arrived:
    """Each customer's estimate of its present billing period; None: Microsoft has none for it."""
    told = {customer_id: usage for customer_id, usage in read.items() if usage is not None and usage.period_start}
    known = {
        (row.customer_id, row.period_start): row
        for row in db.session.execute(
            select(CspUsage.id, CspUsage.customer_id, CspUsage.period_start, CspUsage.digest).where(
                CspUsage.customer_id.in_(list(told))
            )
        )
    }
    now: datetime = clock.now()
    rows, changes = [], []
    for customer_id, usage in told.items():
        assert usage is not None
        assert usage.period_start is not None
        start, digest = usage.period_start.date(), digest_of(usage)
        end = usage.period_end.date() if usage.period_end else None
        columns = (end, usage.cost, fit(usage.currency, 3), usage.budget, usage.as_of, now, digest)
        row = known.get((customer_id, start))
        if row is None:
            rows.append((owner.partner_id, customer_id, start, *columns))
        elif row.digest != digest:
            changes.append((row.id, *columns))
    names = ("id", "partner_id", "customer_id", "period_start", *_USAGE)
    bulk.insert(CspUsage, names, ((row_id, *row) for row_id, row in zip(new_ids(len(rows)), rows, strict=True)))
    bulk.update(CspUsage, ("id",), _USAGE, changes)
    return Arrived(len(rows), len(changes))
