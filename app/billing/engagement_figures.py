"""What billing says about engagements: beside their rows in a list, on their tabs, in their Details. Bounded, never N+1."""

import uuid
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, case, false, func, select, type_coerce

from app.billing import states
from app.billing.model import BillingEntry, RatingGroup
from app.catalog.model import Product, Programme
from app.engagements.model import CompletionRequest, Engagement
from app.engagements.shown import NAMES, EngagementShown, of_one_engagement, taken_apart
from app.engagements.states import BILLABLE, COMPLETION_REQUESTED, OPEN
from app.foundation import history_shown
from app.foundation.among_few import among_few
from app.foundation.database import at_most, one_of
from app.foundation.history import History
from app.foundation.kept_statements import Values, columns_of
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
        among_few(BillingEntry.engagement_id, page.id),
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


class ProgrammeShown(NamedTuple):
    """What an engagement's tabs ask of the rules it is sold under, called as the row's own columns are."""

    cut_off: str
    currency: str
    viewing_takes_all_three: bool


class TabPage(NamedTuple):
    """One engagement as partner and operator read it on its tabs: under whose rules, and what each tab counts."""

    engagement: EngagementShown
    programme: ProgrammeShown
    customer_name: str
    partner_name: str
    product_name: str
    plan_name: str
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
#: a TabPage, to which a tab adds what it shows besides
TAB_PAGE = select(
    *(getattr(Engagement, name) for name in EngagementShown._fields),
    *(getattr(Programme, name) for name in ProgrammeShown._fields),
    *NAMES,
    func.coalesce(_EVENTS, 0).label("events"),
    _ENTRIES.label("entries"),
)
TAB_PAGE = of_one_engagement(TAB_PAGE).join(Programme, Programme.id == Product.programme_id)


def tab_page(engagement_id: uuid.UUID) -> TabPage:
    """NotVisible when this viewer has no such engagement."""
    return tab_page_and(TAB_PAGE, {"engagement_id": engagement_id})[0]


def history_tab(engagement_id: uuid.UUID, place: history_shown.Place) -> tuple[TabPage, history_shown.Shown]:
    """With a page of its events. NotVisible."""
    page, row = tab_page_and(_history_tab(place.shape), {"engagement_id": engagement_id, **place.asked})
    return page, history_shown.shown("engagement", engagement_id, row, place)


@lru_cache(maxsize=8)
def _history_tab(place: history_shown.Place) -> Select[*tuple[Any, ...]]:
    return TAB_PAGE.add_columns(*history_shown.columns("engagement", Engagement.id, place))


def tab_page_and(asked: Select[*tuple[Any, ...]], values: Values) -> tuple[TabPage, Any]:
    """The same of a statement that adds columns to TAB_PAGE, and the row itself. NotVisible."""
    row = next(iter(columns_of(asked, values)), None)
    if row is None:
        raise NotVisible
    engagement, programme, customer, partner, product, plan, events, entries, *_more = taken_apart(
        row, EngagementShown, ProgrammeShown
    )
    counts = _bounded(events), _bounded(entries)
    return TabPage(engagement, programme, customer, partner, product, plan, *counts), row


def _bounded(number: int) -> str:
    return str(number) if number <= MOST_COUNTED else f"{MOST_COUNTED}+"
