"""One engagement as its customer's tabs read it: its names and counts, in one statement with what each tab stands on beside them."""

import uuid
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select

from app.billing.charged_months import RATED_GROUPS, Charged, charged_in, in_money
from app.billing.model import IS_UNDECIDED, BillingEntry, RatingGroup
from app.engagements.model import Engagement
from app.engagements.own_history import events_beside, events_told, own_events_of
from app.engagements.shown import (
    NAMES,
    EngagementShown,
    OpenRequest,
    Particulars,
    of_one_engagement,
    particulars_of,
    taken_apart,
    with_open_request,
)
from app.foundation.among_few import among_few
from app.foundation.database import at_most
from app.foundation.history import History
from app.foundation.history_shown import Place
from app.foundation.kept_statements import columns_of
from app.foundation.money import Money
from app.foundation.pages import Page
from app.foundation.refusals import NotVisible

#: tabs count no further
MOST_COUNTED = 999
#: months in the strip above the entries
STRIP_MONTHS = 3
#: of its history Details show the newest events
_LATEST = Place(None, backwards=False, size=3)


class OwnPage(NamedTuple):
    """What each tab shows around it, and what each of them counts."""

    engagement: EngagementShown
    customer_name: str
    partner_name: str
    product_name: str
    plan_name: str
    #: those with a sentence for the customer
    events: int
    #: charged, or to be
    entries: int


class OwnDetails(NamedTuple):
    page: OwnPage
    particulars: Particulars
    asked: OpenRequest | None
    #: its newest events
    latest: Page
    #: so far, one amount a currency
    charged: tuple[Money, ...]


@cache
def _page() -> Select[*tuple[Any, ...]]:
    """Built when every room has declared its events. Groups know how many entries are rated; those that wait are few."""
    rated = (
        select(func.coalesce(func.sum(RatingGroup.entries), 0))
        .where(RatingGroup.engagement_id == Engagement.id)
        .scalar_subquery()
    )
    waiting = select(BillingEntry.id).where(among_few(BillingEntry.engagement_id, Engagement.id), IS_UNDECIDED)
    events = _few(events_told(Engagement.id).with_only_columns(History.id))
    counts = (
        case((rated >= MOST_COUNTED, MOST_COUNTED), else_=events),  # each rated entry is an event, too
        case((rated >= MOST_COUNTED, MOST_COUNTED), else_=rated + _few(waiting)),
    )
    shown = (getattr(Engagement, name) for name in EngagementShown._fields)
    return of_one_engagement(select(*shown, *NAMES, *counts))


def _few(found: Select[*tuple[Any, ...]]) -> Any:
    some = found.correlate(Engagement).limit(at_most(MOST_COUNTED)).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


@cache
def _entries() -> Select[*tuple[Any, ...]]:
    return _page().add_columns(RATED_GROUPS)


@cache
def _details() -> Select[*tuple[Any, ...]]:
    return with_open_request(_page().add_columns(RATED_GROUPS, events_beside(_LATEST)))


@lru_cache(maxsize=8)
def _history(place: Place) -> Select[*tuple[Any, ...]]:
    return _page().add_columns(events_beside(place))


def own_history_tab(engagement_id: uuid.UUID, place: Place) -> tuple[OwnPage, Page]:
    """With a page of its events. NotVisible when this viewer has no such engagement; so for the other two."""
    page, row = _read(_history(place.shape), engagement_id, **place.asked)
    return page, own_events_of(row.own_events, place)


def own_entries_tab(engagement_id: uuid.UUID) -> tuple[OwnPage, list[Charged]]:
    """With what its newest months are charged."""
    page, row = _read(_entries(), engagement_id)
    return page, charged_in(row.rated_groups, STRIP_MONTHS)


def own_details(engagement_id: uuid.UUID) -> OwnDetails:
    page, row = _read(_details(), engagement_id)
    charged = in_money(charged_in(row.rated_groups))
    return OwnDetails(page, *particulars_of(row), own_events_of(row.own_events, _LATEST), charged)


def _read(asked: Select[*tuple[Any, ...]], engagement_id: uuid.UUID, **more: Any) -> tuple[OwnPage, Any]:
    row = next(iter(columns_of(asked, {"engagement_id": engagement_id, **more})), None)
    if row is None:
        raise NotVisible
    engagement, customer, partner, product, plan, events, entries, *_more = taken_apart(row, EngagementShown)
    entries = min(int(entries), MOST_COUNTED)
    return OwnPage(engagement, customer, partner, product, plan, events, entries), row
