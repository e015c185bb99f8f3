"""What billing says about engagements: beside their rows in a list, on their tabs, in their Details. Bounded, never N+1."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Select, Uuid, bindparam, case, false, func, select, type_coerce

from app.billing import states
from app.billing.model import BillingEntry, RatingGroup
from app.catalog.model import Product, Programme
from app.engagements.model import CompletionRequest, Engagement
from app.engagements.queries import PAGE, EngagementPage
from app.engagements.states import BILLABLE, COMPLETION_REQUESTED, OPEN
from app.foundation.billing_month import BillingMonth
from app.foundation.database import at_most, db, one_of
from app.foundation.history import History
from app.foundation.kept_statements import columns_of
from app.foundation.refusals import NotVisible
from app.months.queries import OpenMonths, first_to_bill

#: Tabs count no further; beyond it they say so with a plus sign.
MOST_COUNTED = 999


def with_open_month(found: Select[*tuple[Any, ...]], taking: OpenMonths) -> Select[*tuple[Any, ...]]:
    """The list of engagements with each row's programme and the month that its form offers first. `taking`: open by the clock.

    Adds: currency, cut_off, takes_all_three (who may read the figures); open_month (its number, by the clock and by the months'
    rows; 0 without any), reopened_month (open_month is that one: no cut-off lies ahead).
    """
    first = first_to_bill(Programme.cut_off, Engagement.active_from, taking)
    return found.join(Programme, Programme.id == Product.programme_id).add_columns(
        Programme.currency,
        Programme.cut_off,
        Programme.viewing_takes_all_three.label("takes_all_three"),
        first.month.label("open_month"),
        first.reopened.label("reopened_month"),
    )


def beside(page: Any) -> list[Any]:
    """What each row of a page of with_open_month() shows of billing, for page_of(beside=...).

    asked_at (of the open completion request), rated_minor (all months), month_minor (rated in open_month, None without any) and
    month_waits (something of it is undecided). Where a row's state says that there is none, it is not looked for.
    """
    group = select(func.sum(RatingGroup.amount_minor)).where(RatingGroup.engagement_id == page.id)
    waits = select(BillingEntry.id).where(
        BillingEntry.engagement_id == page.id,
        _number_of(BillingEntry.service_month) == page.open_month,
        one_of(BillingEntry.state, states.UNDECIDED),
    )
    asked = select(CompletionRequest.asked_at).where(
        CompletionRequest.engagement_id == page.id, one_of(CompletionRequest.state, (OPEN,))
    )
    in_month = group.where(_number_of(RatingGroup.service_month) == page.open_month).scalar_subquery()
    billable = one_of(page.state, BILLABLE)
    return [
        case((one_of(page.state, (COMPLETION_REQUESTED,)), asked.scalar_subquery())).label("asked_at"),
        group.scalar_subquery().label("rated_minor"),
        case((billable, in_month)).label("month_minor"),
        case((billable, waits.exists()), else_=false()).label("month_waits"),
    ]


def _number_of(month: Any) -> Any:
    """The column as the whole number it is stored as, for a comparison inside SQL."""
    return type_coerce(month, Integer)


@dataclass(frozen=True)
class TabPage(EngagementPage):
    """One engagement as partner and operator read it on its tabs: under whose rules, and what each tab counts."""

    programme: Programme
    #: '21', '999+'
    events: str
    entries: str


def _few(found: Select[*tuple[Any, ...]]) -> Any:
    some = found.limit(at_most(MOST_COUNTED + 1)).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


#: The chain counts its events itself, and partner and operator are shown all of an engagement's: the newest has their number.
_EVENTS = (
    select(History.sequence)
    .where(History.subject_kind == "engagement", History.subject_id == Engagement.id)
    .order_by(History.sequence.desc())
    .limit(at_most(1))
    .scalar_subquery()
)
_RATED = (
    select(func.coalesce(func.sum(RatingGroup.entries), 0))
    .where(RatingGroup.engagement_id == Engagement.id)
    .scalar_subquery()
)
#: Groups say how many are rated; only where these are few are all of them counted.
_ENTRIES = case(
    (_RATED > MOST_COUNTED, MOST_COUNTED + 1),
    else_=_few(select(BillingEntry.id).where(BillingEntry.engagement_id == Engagement.id).correlate(Engagement)),
)
_TAB_PAGE = PAGE.add_columns(Programme, func.coalesce(_EVENTS, 0), _ENTRIES).join(
    Programme, Programme.id == Product.programme_id
)


def tab_page(engagement_id: uuid.UUID) -> TabPage:
    """NotVisible when this viewer has no such engagement."""
    row = db.session.execute(_TAB_PAGE, {"engagement_id": engagement_id}).one_or_none()
    if row is None:
        raise NotVisible
    *page, events, entries = row
    return TabPage(*page, *(str(n) if n <= MOST_COUNTED else f"{MOST_COUNTED}+" for n in (events, entries)))


@dataclass(frozen=True)
class Delivered:
    """What of an engagement is rated: in minor units, in how many entries, from which service month to which."""

    minor: int
    entries: int
    first: BillingMonth
    last: BillingMonth


_DELIVERED = select(
    func.sum(RatingGroup.amount_minor),
    func.sum(RatingGroup.entries),
    func.min(RatingGroup.service_month),
    func.max(RatingGroup.service_month),
).where(RatingGroup.engagement_id == bindparam("engagement_id", type_=Uuid()), RatingGroup.entries > 0)


def delivered(engagement_id: uuid.UUID) -> Delivered | None:
    """None while nothing is rated. Reads groups, not entries: as many as months and metrics."""
    [row] = columns_of(_DELIVERED, {"engagement_id": engagement_id})
    return Delivered(int(row[0]), int(row[1]), row[2], row[3]) if row[1] else None
