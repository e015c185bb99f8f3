"""The list of an engagement's billing entries, prepared for its template and its files: filters, lines, month totals."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select

from app.billing import actions, queries, states
from app.billing.corrections_queries import waiting_on
from app.billing.queries import MonthTotal
from app.billing.tab_ground import Ground, MetricShown
from app.catalog.model import Metric, Programme
from app.documents import Column, LookedUp, Minor, Words
from app.engagements.model import Engagement
from app.engagements.shown import AnyEngagement
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.pages import Page, page_of
from app.months.queries import OpenMonth, taking_entries
from app.months.states import SHUT
from app.web.filters import Choice, Filter, Months, Reference, Search
from app.web.instants import Deadline, deadline
from app.web.listing import Listing, ListOf
from app.web.ui import TAGS

#: Months in the strip above the list, beside the cell that says which month closes next.
STRIP_MONTHS = 3
_STATES = (states.SUBMITTED, states.IN_REVIEW, states.RATED, states.REJECTED, states.WITHDRAWN)

Provisional = dict[uuid.UUID, Money | None]


class Offered(NamedTuple):
    """One line of a row's Actions menu."""

    action: Literal["withdraw", "again", "show", "correct"]
    #: of "show": where the correction is that waits
    path: str = ""


class Line(NamedTuple):
    """One entry as the table shows it; `row` is of entries_page()."""

    row: Any
    #: what it would be rated at now, where it is not decided yet; None: it would be refused
    provisional: Money | None
    actions: tuple[Offered, ...]


class ListHead(NamedTuple):
    """What all lines of a page have in common, and each is drawn by."""

    #: the list is filtered to one month, which then stands in no line
    alone: bool
    is_test: bool
    several_metrics: bool
    currency: str
    #: the list's address, and its filters and place, which the links that open and close a line carry along
    path: str
    query: str


def list_of(months: Sequence[BillingMonth], metrics: Sequence[Metric | MetricShown]) -> ListOf:
    filters: list[Filter] = [
        Search("search", _l("Search notes and numbers")),
        Months("month", _l("Month"), choices=lambda: list(months)),
        Choice("status", _l("Status"), {state: TAGS[state].label for state in _STATES}),
    ]
    if len(metrics) > 1:
        filters.append(Reference("metric", _l("Metric"), {metric.id: metric.name for metric in metrics}))
    return ListOf(*filters)


def entries(engagement_id: uuid.UUID, asked: dict[str, Any]) -> Select[*tuple[Any, ...]]:
    return queries.entries_of(engagement_id, **_wanted(asked))


def entries_page(engagement_id: uuid.UUID, listing: Listing) -> Page:
    """Of LIST_COLUMNS, and taken_back: the number of the reversal that took the row back."""
    found, values = queries.entries_asked(engagement_id, **_wanted(listing.values))
    return page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before, values=values)


def _wanted(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "month": asked["month"],
        "state": asked["status"],
        "metric_id": asked.get("metric"),
        "search": asked["search"] or "",
    }


@dataclass(frozen=True)
class Corrections:
    """What a page's rows have to do with corrections: which months are shut, and what waits."""

    shut: frozenset[BillingMonth] = frozenset()
    #: entry -> the correction that waits
    waiting: dict[uuid.UUID, Any] = field(default_factory=dict)


def corrections_of(e: AnyEngagement, ground: Ground) -> Corrections:
    """At most one statement, where any waits."""
    shut = frozenset(month for month, row in ground.months.rows.items() if row.state in SHUT)
    return Corrections(shut, dict(waiting_on(e.id)) if ground.corrections_wait else {})


def lines_of(
    rows: Sequence[Any], provisional: Provisional, here: str, *, takes_entries: bool, corrections: Corrections
) -> tuple[Line, ...]:
    """`here`: the list's path; `takes_entries`: the engagement and the member may add one."""
    viewer = tenancy.current()
    submits, corrects = viewer.may("billing-entry:submit"), viewer.may("correction:request")
    lines = []
    for row in rows:
        offered: tuple[Offered, ...] = ()
        if submits and row.state == states.SUBMITTED:
            offered = (Offered("withdraw"),)
        elif submits and row.state == states.REJECTED and takes_entries:
            offered = (Offered("again"),)
        if waits := corrections.waiting.get(row.id):
            offered += (Offered("show", f"{here.removesuffix('/billing-entries')}/corrections/{waits.id}"),)
        elif corrects and _correctable(row, corrections):
            offered += (Offered("correct"),)
        lines.append(Line(row, provisional.get(row.id) if row.state in states.UNDECIDED else None, offered))
    return tuple(lines)


def parted(lines: tuple[Line, ...], opened_id: uuid.UUID | None) -> list[tuple[tuple[Line, ...], bool]]:
    """The lines in as many pieces as the page draws them in, each with whether its last line is the opened one."""
    end = next((place for place, line in enumerate(lines, 1) if line.row.id == opened_id), 0) if opened_id else 0
    return [(part, ends_open) for part, ends_open in ((lines[:end], True), (lines[end:], False)) if part]


def _correctable(row: Any, corrections: Corrections) -> bool:
    return (
        row.state == states.RATED
        and row.kind != states.REVERSAL
        and row.service_month in corrections.shut
        and row.taken_back is None
    )


class MonthCell(NamedTuple):
    """One month of the strip above the list."""

    month: BillingMonth
    #: the list filtered to it
    path: str
    rated: Money
    provisional: Money
    entries: int
    open: bool
    frozen_at: datetime | None
    #: since it was frozen
    corrected: bool


class ClosingCell(NamedTuple):
    """The strip's last cell: which month closes next."""

    month: BillingMonth
    left: str
    utc: str
    local: str


class Strip(NamedTuple):
    """Months with entries, newest first, and where one is billable, which closes next."""

    months: tuple[MonthCell, ...]
    closes: tuple[ClosingCell, ...]


def strip(e: AnyEngagement, ground: Ground, totals: Sequence[MonthTotal], currency: str, listing: Listing) -> Strip:
    """At most one statement, where the engagement has corrections."""
    months = ground.months
    still_open = {one.month for one in months.takes}
    billable = _of_engagement(months.takes, e)
    shown = list(totals[:STRIP_MONTHS])
    if not shown and billable:
        shown = [MonthTotal(billable[0].month, Money.zero(currency), Money.zero(currency), Decimal(0), 0)]
    frozen = {month: row.frozen_at for month, row in months.rows.items() if row.state in SHUT}
    anew = (
        queries.corrected_months(e.id)
        if ground.corrected and not frozen.keys().isdisjoint(t.month for t in shown)
        else set()
    )
    closing = next((one for one in billable if one.closes_at), None)
    return Strip(
        months=tuple(
            MonthCell(
                month=t.month,
                path=listing.link(month=t.month),
                rated=t.rated,
                provisional=t.provisional,
                entries=t.entries,
                open=t.month in still_open,
                frozen_at=frozen.get(t.month),
                corrected=t.month in anew,
            )
            for t in shown
        ),
        closes=(_closing(closing),) if closing else (),
    )


def _closing(one: OpenMonth) -> ClosingCell:
    ends = deadline(one.closes_at)
    assert isinstance(ends, Deadline)
    return ClosingCell(one.month, ends.left, ends.utc, ends.local)


def months_to_bill(e: Engagement, programme: Programme) -> list[OpenMonth]:
    """The months an entry may be added for now: reopened ones, then the one that closes first."""
    return _of_engagement(taking_entries(clock.now())[programme.cut_off], e)


def _of_engagement(takes: Sequence[OpenMonth], e: AnyEngagement) -> list[OpenMonth]:
    if not actions.takes_entries(e) or e.active_from is None:
        return []
    return [one for one in takes if one.month.overlaps(e.active_from, e.ended_at)]


def total_of(totals: Sequence[MonthTotal], asked: dict[str, Any]) -> MonthTotal | None:
    """The month the list shows all of: filtered to it and to nothing else."""
    others = [name for name, value in asked.items() if value is not None and name != "month"]
    return None if others else next((total for total in totals if total.month == asked["month"]), None)


_BEFORE = (
    Column(_l("Entry"), "number"),
    Column(_l("Month"), "service_month"),
    Column(_l("Booked in"), "booked_month"),
    Column(_l("Corrects"), "corrects"),
    Column(_l("Metric"), "metric_name"),
    Column(_l("Quantity"), "quantity"),
    Column(_l("Unit"), "unit"),
    Column(_l("Status"), Words("state", {state: TAGS[state].label for state in _STATES})),
    Column(_l("Amount"), Minor("amount_minor")),
)
_BEHIND = (
    Column(_l("Currency"), "currency"),
    Column(_l("Notes"), "notes"),
    Column(_l("Reason"), "reason"),
    Column(_l("Submitted by"), "submitted_by_name"),
    Column(_l("Submitted at (UTC)"), "submitted_at"),
)


def columns(provisional: Provisional) -> tuple[Column, ...]:
    """Of the file, with what the entries that wait would be rated at now."""
    return (*_BEFORE, Column(_l("Provisional amount"), LookedUp("id", provisional)), *_BEHIND)
