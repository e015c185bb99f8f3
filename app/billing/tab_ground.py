"""What the tabs of an engagement stand on beside its header, read in the same row: metrics, what is rated and waits, months.

Each of them is one column, as text: there are as many as the engagement has metrics and months, and a row has only one engagement.
The same text is read once, so that a page that shows what it showed before works out nothing.
"""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, exists, select

from app.billing import states
from app.billing.engagement_figures import TAB_PAGE, TabPage, tab_page_and
from app.billing.model import IS_UNDECIDED, BillingEntry, Correction, RatingGroup
from app.billing.queries import MonthTotal, rated_totals
from app.catalog.model import Metric, Programme
from app.engagements.model import Engagement
from app.engagements.shown import ENGAGEMENT_ID, OpenRequest, Particulars, particulars_of, with_open_request
from app.foundation import clock, history_shown
from app.foundation.among_few import among_few
from app.foundation.billing_month import BillingMonth
from app.foundation.database import as_text, id_of, one_of
from app.foundation.exact import from_scaled
from app.foundation.kept_statements import Values
from app.foundation.row_texts import number_text, pieces_of, row_texts
from app.months.queries import BookNow, book_as_text, book_of_text, since_open


def _has(model: Any, *conditions: Any) -> Any:
    return exists(select(model.id).where(model.engagement_id == ENGAGEMENT_ID, *conditions))


_METRICS = select(row_texts(number_text(Metric.position), as_text(Metric.id), Metric.name, Metric.unit)).where(
    Metric.plan_id == Engagement.plan_id
)
_GROUPS = select(
    row_texts(
        as_text(RatingGroup.metric_id),
        number_text(RatingGroup.service_month),
        number_text(RatingGroup.quantity),
        number_text(RatingGroup.amount_minor),
        number_text(RatingGroup.entries),
    )
).where(RatingGroup.engagement_id == ENGAGEMENT_ID)
_waiting = (
    # as text: in the order of months SQLite would read all of the engagement's entries
    select(number_text(BillingEntry.service_month).label("month"))
    .where(among_few(BillingEntry.engagement_id, ENGAGEMENT_ID), IS_UNDECIDED)
    .distinct()
    .subquery("waiting")
)
#: what ground_of() reads, behind whatever else the row has
GROUND = (
    _METRICS.correlate(Engagement).scalar_subquery().label("metrics"),
    _GROUPS.scalar_subquery().label("groups"),
    select(row_texts(_waiting.c.month)).scalar_subquery().label("waiting"),
    book_as_text(Programme.cut_off, Engagement.active_from).label("months"),
    _has(BillingEntry, BillingEntry.corrects_id.is_not(None)).label("corrected"),
    _has(Correction, one_of(Correction.state, (states.REQUESTED,))).label("corrections_wait"),
)


class MetricShown(NamedTuple):
    id: uuid.UUID
    name: str
    unit: str


class GroupShown(NamedTuple):
    """What of one metric is rated in one month."""

    metric_id: uuid.UUID
    service_month: BillingMonth
    quantity: Decimal
    amount_minor: int
    entries: int


@dataclass(frozen=True)
class Ground:
    #: the plan's, in their order
    metrics: tuple[MetricShown, ...]
    groups: tuple[GroupShown, ...]
    #: what they come to by month, newest first
    totals: tuple[MonthTotal, ...]
    #: months of entries that are not decided yet
    waiting: frozenset[BillingMonth]
    #: of the programme's book: those that take entries, and the rows of all since the engagement is active
    months: BookNow
    #: whether there is any row of a correction, any correction that waits
    corrected: bool
    corrections_wait: bool

    @property
    def billed(self) -> frozenset[BillingMonth]:
        """Months with anything that is rated or waits for it."""
        return self.waiting.union(group.service_month for group in self.groups if group.entries)


def asked_with(engagement_id: uuid.UUID) -> Values:
    """The parameters of a statement with GROUND."""
    return {"engagement_id": engagement_id, "since_open": since_open(clock.now())}


def ground_of(row: Any, book: str, currency: str) -> Ground:
    groups, totals = _rated(row.groups or "", currency)
    return Ground(
        metrics=_metrics(row.metrics or ""),
        groups=groups,
        totals=totals,
        waiting=_waiting_in(row.waiting or ""),
        months=book_of_text(row.months or "", book, clock.now()),
        corrected=bool(row.corrected),
        corrections_wait=bool(row.corrections_wait),
    )


_ENTRIES_TAB: Select[*tuple[Any, ...]] = TAB_PAGE.add_columns(*GROUND)


def entries_tab(engagement_id: uuid.UUID) -> tuple[TabPage, Ground]:
    """NotVisible when this viewer has no such engagement."""
    page, row = tab_page_and(_ENTRIES_TAB, asked_with(engagement_id))
    return page, ground_of(row, page.programme.cut_off, page.programme.currency)


#: of its history Details show the newest events
_LATEST = history_shown.Place(None, backwards=False, size=5)
_HISTORY = history_shown.columns("engagement", Engagement.id, _LATEST)
_DETAILS = with_open_request(TAB_PAGE.add_columns(*GROUND, *_HISTORY))


class DetailsTab(NamedTuple):
    page: TabPage
    ground: Ground
    latest: history_shown.Shown
    particulars: Particulars
    asked: OpenRequest | None


def details_tab(engagement_id: uuid.UUID) -> DetailsTab:
    """NotVisible when this viewer has no such engagement."""
    page, row = tab_page_and(_DETAILS, asked_with(engagement_id))
    ground = ground_of(row, page.programme.cut_off, page.programme.currency)
    latest = history_shown.shown("engagement", engagement_id, row, _LATEST)
    return DetailsTab(page, ground, latest, *particulars_of(row))


@lru_cache(maxsize=500)
def _metrics(text: str) -> tuple[MetricShown, ...]:
    in_order = sorted(pieces_of(text), key=lambda piece: int(piece[0]))
    return tuple(MetricShown(_id(row_id), name, unit) for _position, row_id, name, unit in in_order)


@lru_cache(maxsize=500)
def _rated(text: str, currency: str) -> tuple[tuple[GroupShown, ...], tuple[MonthTotal, ...]]:
    groups = tuple(
        GroupShown(
            _id(metric), BillingMonth.of_number(int(month)), from_scaled(int(quantity)), int(minor), int(entries)
        )
        for metric, month, quantity, minor, entries in pieces_of(text)
    )
    return groups, tuple(rated_totals(groups, currency))


@lru_cache(maxsize=500)
def _waiting_in(text: str) -> frozenset[BillingMonth]:
    return frozenset(BillingMonth.of_number(int(month)) for (month,) in pieces_of(text))


def _id(text: str) -> uuid.UUID:
    found = id_of(text)
    assert found is not None
    return found
