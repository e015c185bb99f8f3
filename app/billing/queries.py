"""Reading billing entries: lists, month totals, provisional amounts, explanations, the rating queue."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, Uuid, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from app.billing import rules, states
from app.billing.model import IS_IN_REVIEW, IS_UNDECIDED, BillingEntry
from app.billing.provisional import groups_of, provisional_ratings
from app.catalog.model import Metric, Programme
from app.catalog.queries import PlanPrices
from app.engagements.model import Engagement
from app.engagements.queries import Customer, Partner
from app.engagements.shown import AnyEngagement
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.collecting import without_collecting
from app.foundation.database import at_most, db
from app.foundation.kept_statements import columns_of
from app.foundation.money import Money
from app.foundation.shared_ids import as_shared_id
from app.foundation.shares import WHOLE, Share
from app.foundation.tenancy import Viewer, acting_for_all

_corrected = aliased(BillingEntry, name="corrected")
#: what a list's row shows; ordered by (submitted_at, id)
LIST_COLUMNS = (
    BillingEntry.id,
    BillingEntry.number,
    BillingEntry.kind,
    BillingEntry.booked_month,
    _corrected.number.label("corrects"),
    BillingEntry.submitted_at,
    BillingEntry.submitted_by_name,
    BillingEntry.notes,
    BillingEntry.state,
    BillingEntry.quantity,
    BillingEntry.amount_minor,
    BillingEntry.currency,
    BillingEntry.reason,
    BillingEntry.service_month,
    BillingEntry.metric_id,
    Metric.name.label("metric_name"),
    Metric.unit.label("unit"),
)
LIST_KEYS = (BillingEntry.submitted_at, BillingEntry.id)
_reversal = aliased(BillingEntry, name="reversal")
_TAKEN_BACK = (
    select(_reversal.number)
    .where(_reversal.corrects_id == BillingEntry.id, _reversal.kind == states.REVERSAL)
    .correlate(BillingEntry)
    .scalar_subquery()
    .label("taken_back")
)


def entries_asked(engagement_id: uuid.UUID, *, search: str = "", **filters: Any) -> tuple[Any, dict[str, Any] | None]:
    """The same list as entries_of(), and taken_back: the number of the reversal that took a row back. Built once for each choice of
    filters, and the parameters to ask it with; None for a search."""
    if search:
        return entries_of(engagement_id, search=search, **filters).add_columns(_TAKEN_BACK), None
    values = {name: value for name, value in filters.items() if value is not None}
    return _kept(frozenset(values)), {**values, "engagement_id": engagement_id}


_PLACES: dict[str, Any] = {
    "engagement_id": bindparam("engagement_id", type_=Uuid()),
    "month": bindparam("month", type_=BillingEntry.service_month.type),
    "state": bindparam("state", type_=String()),
    "metric_id": bindparam("metric_id", type_=Uuid()),
}


@lru_cache(maxsize=16)
def _kept(asked: frozenset[str]) -> Select[*tuple[Any, ...]]:
    return entries_of(**{name: _PLACES[name] for name in ("engagement_id", *asked)}).add_columns(_TAKEN_BACK)


def entries_of(
    engagement_id: Any, *, month: Any = None, state: Any = None, metric_id: Any = None, search: str = ""
) -> Select[*tuple[Any, ...]]:
    """The engagement's filtered entries, for page_of(LIST_KEYS) and the streamed exports. Values, or places for them."""
    found = (
        select(*LIST_COLUMNS)
        .join(Metric, Metric.id == BillingEntry.metric_id)
        .outerjoin(_corrected, _corrected.id == BillingEntry.corrects_id)
        .where(BillingEntry.engagement_id == engagement_id)
    )
    if month is not None:
        found = found.where(BillingEntry.service_month == month)
    if state is not None:
        found = found.where(BillingEntry.state == state)
    if metric_id is not None:
        found = found.where(BillingEntry.metric_id == metric_id)
    if search:
        found = found.where(
            or_(
                BillingEntry.notes.icontains(search, autoescape=True),
                BillingEntry.number.icontains(search, autoescape=True),
            )
        )
    return found


@dataclass(frozen=True)
class MonthTotal:
    """One service month of an engagement: what is rated, and what it comes to if everything submitted is rated."""

    month: BillingMonth
    rated: Money
    provisional: Money
    quantity: Decimal
    entries: int


def provisional_amounts(engagement: AnyEngagement, prices: PlanPrices | None = None) -> dict[uuid.UUID, Money | None]:
    """entry id -> the amount it would be rated at now, in order of submission; None where it would be rejected."""
    return {entry_id: waiting.amount for entry_id, waiting in provisional_ratings(engagement, prices).items()}


def month_totals(
    engagement: AnyEngagement,
    currency: str,
    provisional: dict[uuid.UUID, Money | None],
    groups: Sequence[Any] | None = None,
) -> list[MonthTotal]:
    """Every month with entries that count, newest first. What would be rejected does not count. `groups`: groups_of() it, where known."""
    waiting: Waiting = {}
    amounts = {entry_id: amount for entry_id, amount in provisional.items() if amount is not None}
    if amounts:
        rows = db.session.execute(
            select(BillingEntry.id, BillingEntry.service_month, BillingEntry.quantity).where(
                BillingEntry.id.in_(amounts)
            )
        )
        for row in rows:
            money, quantity, count = waiting.get(row.service_month, (Money.zero(currency), Decimal(0), 0))
            waiting[row.service_month] = (money + amounts[row.id], quantity + row.quantity, count + 1)
    return rated_totals(groups_of(engagement.id) if groups is None else groups, currency, waiting)


#: month -> what waits there: amount, quantity, entries
Waiting = dict[BillingMonth, tuple[Money, Decimal, int]]


def rated_totals(groups: Sequence[Any], currency: str, waiting: Waiting | None = None) -> list[MonthTotal]:
    """month_totals() of these groups, with what waits beside them."""
    rated: dict[BillingMonth, tuple[int, Decimal, int]] = {}
    for group in groups:
        minor, quantity, count = rated.get(group.service_month, (0, Decimal(0), 0))
        rated[group.service_month] = (minor + group.amount_minor, quantity + group.quantity, count + group.entries)
    nothing = (Money.zero(currency), Decimal(0), 0)
    totals = []
    for month in sorted({*rated, *(waiting or {})}, reverse=True):
        minor, quantity, count = rated.get(month, (0, Decimal(0), 0))
        money, more, waiting_count = (waiting or {}).get(month, nothing)
        totals.append(MonthTotal(month, Money.of_minor(minor, currency), money, quantity + more, count + waiting_count))
    return [total for total in totals if total.entries]


def corrected_months(engagement_id: uuid.UUID) -> set[BillingMonth]:
    """Service months whose figure is another one than at their close: a rated correction of theirs is booked in a later month."""
    later = select(BillingEntry.service_month).where(
        BillingEntry.engagement_id == engagement_id,
        BillingEntry.corrects_id.is_not(None),
        BillingEntry.state == states.RATED,
        BillingEntry.booked_month > BillingEntry.service_month,
    )
    return set(db.session.scalars(later.distinct()))


def taken_back() -> ColumnElement[bool]:
    """Whether a reversal of the entry stands: it is billed anew, or not at all."""
    reversal = aliased(BillingEntry)
    return exists(select(reversal.id).where(reversal.corrects_id == BillingEntry.id, reversal.kind == states.REVERSAL))


def has_entries(programme_id: uuid.UUID) -> bool:
    """Whether anything was ever submitted under the programme; tests are in nobody's book."""
    real = BillingEntry.is_test.is_(False)
    submitted = select(BillingEntry.id).where(BillingEntry.programme_id == programme_id, real)
    with acting_for_all("a programme's rules are fixed by everybody's entries"):
        return db.session.scalar(submitted.limit(1)) is not None


def due_for_rating(limit: int = 500, *, share: Share = WHOLE) -> Sequence[uuid.UUID]:
    """Submitted entries in order of submission, those that failed only when their time has come.

    What came in its programme's quiet window, after the cut-off, waits for the window's end. Shares are by engagement: whose
    groups and whose history one runner holds, no other one waits for.
    """
    due = _due(BillingEntry.id).where(share.has(BillingEntry.engagement_id))
    return db.session.scalars(due.limit(limit)).all()


def engagements_due_for_rating(limit: int) -> Sequence[uuid.UUID]:
    """The engagements of the first `limit` entries due, one for each entry."""
    return db.session.scalars(_due(BillingEntry.engagement_id).limit(limit)).all()


class DueEntry(NamedTuple):
    """A submitted entry as rating many at once reads it: light, with what its engagement and parties have to say."""

    id: uuid.UUID
    number: str
    state: str
    version: int
    engagement_id: uuid.UUID
    programme_id: uuid.UUID
    metric_id: uuid.UUID
    service_month: BillingMonth
    booked_month: BillingMonth
    quantity: Decimal
    submitted_at: datetime
    is_test: bool
    seller_id: uuid.UUID
    partner_id: uuid.UUID
    customer_id: uuid.UUID
    plan_id: uuid.UUID
    engagement: str
    active_from: datetime | None
    ended_at: datetime | None

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "engagement", self.engagement_id

    def history_parties(self) -> dict[str, uuid.UUID | None]:
        return {"seller_id": self.seller_id, "partner_id": self.partner_id, "customer_id": self.customer_id}


#: each of them stands in many entries
_SHARED = ("engagement_id", "programme_id", "metric_id", "seller_id", "partner_id", "customer_id")
_DUE_COLUMNS = (
    *(
        as_shared_id(getattr(BillingEntry, name)) if name in _SHARED else getattr(BillingEntry, name)
        for name in DueEntry._fields[:15]
    ),
    as_shared_id(Engagement.plan_id),
    (Engagement.number + " " + Engagement.name).label("engagement"),
    Engagement.active_from,
    Engagement.ended_at,
)


def many_due_for_rating(limit: int, *, share: Share = WHOLE) -> list[DueEntry]:
    """due_for_rating, read for rating all of them in one transaction."""
    due = _due(*_DUE_COLUMNS).join(Engagement, Engagement.id == BillingEntry.engagement_id)
    with without_collecting():
        rows = db.session.execute(due.where(share.has(BillingEntry.engagement_id)).limit(limit))
        return [DueEntry._make(row) for row in rows]


def _due(*columns: Any) -> Select[*tuple[Any, ...]]:
    now = clock.now()
    due = select(*columns).where(
        IS_UNDECIDED,
        BillingEntry.state == states.SUBMITTED,
        or_(BillingEntry.try_again_at.is_(None), BillingEntry.try_again_at <= now),
    )
    quiet = [cut_off for cut_off, policy in CUT_OFF_POLICIES.items() if policy.waits_until(now) is not None]
    if quiet:
        due = due.where(BillingEntry.programme_id.not_in(select(Programme.id).where(Programme.cut_off.in_(quiet))))
    return due.order_by(BillingEntry.submitted_at, BillingEntry.id)


QUEUE_COLUMNS = (
    BillingEntry.id,
    BillingEntry.number,
    BillingEntry.submitted_at,
    BillingEntry.submitted_by_id,
    BillingEntry.submitted_by_name,
    BillingEntry.notes,
    BillingEntry.state,
    BillingEntry.quantity,
    BillingEntry.service_month,
    BillingEntry.currency,
    BillingEntry.failure,
    BillingEntry.engagement_id,
    BillingEntry.is_test,
    Engagement.number.label("engagement_number"),
    Engagement.name.label("engagement_name"),
    Engagement.plan_id,
    BillingEntry.metric_id,
    Metric.unit.label("unit"),
    Customer.name.label("customer_name"),
    Partner.name.label("partner_name"),
)


def rating_queue(
    *, overdue_only: bool = False, partner_id: uuid.UUID | None = None, tests: bool | None = None
) -> Select[*tuple[Any, ...]]:
    """What waits for a person, or has waited too long for the machine: for page_of(LIST_KEYS).

    `tests`: end-to-end tests only, or none of them; a viewer who does not see tests has none either way.
    """
    late = clock.now() - timedelta(hours=rules.OVERDUE_AFTER_HOURS)
    waiting = or_(IS_IN_REVIEW, BillingEntry.submitted_at < late)
    found = (
        select(*QUEUE_COLUMNS)
        # outer, though there always is one: else SQLite may begin with the viewer's engagements, however many there are
        .outerjoin(Engagement, Engagement.id == BillingEntry.engagement_id)
        .join(Metric, Metric.id == BillingEntry.metric_id)
        .join(Customer, Customer.id == BillingEntry.customer_id)
        .join(Partner, Partner.id == BillingEntry.partner_id)
        .where(IS_UNDECIDED, waiting)
    )
    if overdue_only:
        found = found.where(BillingEntry.submitted_at < late)
    if partner_id:
        found = found.where(BillingEntry.partner_id == partner_id)
    if tests is not None:
        found = found.where(BillingEntry.is_test.is_(tests))
    return found


def waiting_count(viewer: Viewer) -> tuple[str, Any] | None:
    """(path, bounded scalar subquery) of entries this reviewer may decide, never own ones, for the operator's menu."""
    if viewer.capacity != "operator" or not viewer.may("rating-queue:decide"):
        return None
    others = or_(BillingEntry.submitted_by_id.is_(None), BillingEntry.submitted_by_id != viewer.member_id)
    some = select(BillingEntry.id).where(IS_IN_REVIEW, others).limit(at_most(100)).subquery()
    return "/reviews/rating", select(func.count()).select_from(some).scalar_subquery()


_BILLED = (
    select(BillingEntry.service_month)
    .where(
        BillingEntry.engagement_id == bindparam("engagement_id", type_=Uuid()),
        BillingEntry.service_month.in_(bindparam("months", expanding=True)),
        BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
    )
    .distinct()
)


def unbilled_open_months(engagement: AnyEngagement, months: Sequence[BillingMonth]) -> list[BillingMonth]:
    """Open months in which the engagement was active and nothing is billed: what completion would cut off."""
    billed = {month for (month,) in columns_of(_BILLED, {"engagement_id": engagement.id, "months": list(months)})}
    return unbilled_months(engagement, months, billed)


def unbilled_months(
    engagement: AnyEngagement, months: Sequence[BillingMonth], billed: Collection[BillingMonth]
) -> list[BillingMonth]:
    """The same where it is known which months have anything that is rated or waits for it."""
    active = engagement.active_from
    return [m for m in months if active is not None and m not in billed and m.overlaps(active, engagement.ended_at)]


def may_view_billing(viewer: Viewer, *, takes_all_three: bool) -> bool:
    """Viewer sees billing; a programme may ask all three roles, as the guide's list does."""
    return viewer.may("billing-entry:view-with-all-three" if takes_all_three else "billing-entry:view")
