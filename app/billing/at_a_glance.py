"""What billing says on Home: how much of the closing month is billed, and what waits to be rated; and which engagements those are.

Few statements, bounded.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, false, func, select, true

from app.billing import states
from app.billing.model import IS_UNDECIDED, BillingEntry
from app.billing.review import amounts_now
from app.catalog.model import Product, Programme
from app.catalog.queries import remuneration_of
from app.catalog.rules import Remuneration
from app.engagements.model import Engagement
from app.engagements.queries import LIST_KEYS, in_states
from app.engagements.states import BILLABLE
from app.foundation.billing_month import BillingMonth
from app.foundation.bounded import Bounded, bounded
from app.foundation.database import db
from app.foundation.kept_statements import columns_of
from app.foundation.money import Money
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.unseen import PLANNED_ONCE, Unseen

#: so many waiting entries are priced for the total; more wait only when nothing is rated at all
MOST_PRICED = 100
Engagements = Select[*tuple[Any, ...]]


def billed_in(month: BillingMonth, cut_off: str | None) -> tuple[Bounded, int]:
    """(engagements that could be billed for the month, those of them with an entry that counts), under one cut-off policy; None:
    the viewer knows no other, and nobody needs to look under which each of them is.

    Where there are very many, of the newest of them only: that is what Bounded.full says.
    """
    values = {"month": month, "ends_before": month.next.starts_at, "cut_off": cut_off}
    [row] = columns_of(_billed(cut_off is not None), values)
    return Bounded(row[0]), int(row[1] or 0)


@cache
def _billed(under_one: bool) -> Select[*tuple[Any, ...]]:
    could = select(Engagement.id)
    if under_one:
        policy = bindparam("cut_off", type_=Programme.cut_off.type)
        could = could.join(Product, Product.id == Engagement.product_id).join(
            Programme, and_(Programme.id == Product.programme_id, Programme.cut_off == policy)
        )
    could = could.where(*_could_be_billed(Unseen("ends_before", type_=Engagement.active_from.type)))
    newest = bounded(could.order_by(*(key.desc() for key in LIST_KEYS)))
    entry = _has_entry(bindparam("month", type_=BillingEntry.service_month.type), newest.c.id)
    counts = select(func.count(), func.sum(case((entry, 1), else_=0))).select_from(newest)
    return counts.execution_options(**{PLANNED_ONCE: True})


def still_unbilled(found: Engagements, month: BillingMonth, cut_off: str, *, viewer: Viewer) -> Engagements:
    """Of a list of engagements those that billed_in counts as missing, as far as the viewer may know."""
    under = select(Programme.id).where(Programme.cut_off == cut_off, *_readable(viewer))
    return found.where(Product.programme_id.in_(under), *_could_be_billed(month.next.starts_at), ~_has_entry(month))


def with_waiting_entries(found: Engagements, *, viewer: Viewer) -> Engagements:
    """Of a list of engagements those with an entry that is not rated yet, as far as the viewer may know."""
    waits = exists(select(BillingEntry.id).where(BillingEntry.engagement_id == Engagement.id, IS_UNDECIDED))
    readable = select(Programme.id).where(*_readable(viewer))
    return found.where(Product.programme_id.in_(readable), waits)


def _has_entry(month: Any, engagement_id: Any = Engagement.id) -> ColumnElement[bool]:
    """Whether the engagement has an entry of that month that counts."""
    return exists(
        select(BillingEntry.id).where(
            BillingEntry.engagement_id == engagement_id,
            BillingEntry.service_month == month,
            BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
        )
    )


def _could_be_billed(ends_before: Any) -> tuple[ColumnElement[bool], ...]:
    """In a month that ends before this instant, a value or a place for one."""
    return *in_states(BILLABLE), Engagement.active_from < ends_before


def _readable(viewer: Viewer) -> tuple[ColumnElement[bool], ...]:
    """The programmes whose entries the viewer may see (queries.may_view_billing)."""
    if viewer.may("billing-entry:view-with-all-three"):
        return ()
    return (Programme.viewing_takes_all_three.is_(False), true() if viewer.may("billing-entry:view") else false())


@dataclass(frozen=True)
class WaitingToBeRated:
    """`gross` and `due`: what it comes to as things stand, by (booked month, currency), as the charge book would hold it."""

    entries: int
    oldest: datetime | None
    gross: dict[tuple[BillingMonth, str], Money]
    due: dict[tuple[BillingMonth, str], Money]


_OLDEST_UNDECIDED = (
    select(BillingEntry.id, BillingEntry.submitted_at, BillingEntry.booked_month, BillingEntry.programme_id)
    .where(IS_UNDECIDED)
    .order_by(BillingEntry.submitted_at)
    .limit(MOST_PRICED)
)
_PROGRAMMES = select(Programme).where(Programme.id.in_(bindparam("ids", expanding=True)))


def waiting_to_be_rated() -> WaitingToBeRated:
    """Everything undecided that this viewer may see, the oldest MOST_PRICED of it priced. `due` is not for customers."""
    rows = columns_of(_OLDEST_UNDECIDED)
    amounts = amounts_now(row.id for row in rows)
    terms = _remunerations({row.programme_id for row in rows})
    gross: dict[tuple[BillingMonth, str], Money] = {}
    due: dict[tuple[BillingMonth, str], Money] = {}
    for row in rows:
        amount = amounts.get(row.id)
        if amount is None:
            continue
        key = (row.booked_month, amount.currency)
        for sums, money in ((gross, terms[row.programme_id].gross(amount)), (due, terms[row.programme_id].due(amount))):
            sums[key] = sums.get(key, Money.zero(amount.currency)) + money
    oldest = rows[0].submitted_at if rows else None
    return WaitingToBeRated(len(rows), oldest, gross, due)


def _remunerations(programme_ids: set[uuid.UUID]) -> dict[uuid.UUID, Remuneration]:
    if not programme_ids:
        return {}
    with acting_for_all("terms decide for every party"):
        programmes = db.session.scalars(_PROGRAMMES, {"ids": list(programme_ids)})
        return {programme.id: remuneration_of(programme) for programme in programmes}
