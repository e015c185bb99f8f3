"""What the grid of bulk entry prints of its rows, in plain values: by these they are kept, all of them as one piece and each by itself.

untouched(page)      as the page is opened: by what was read for it, so that who comes back waits for no row to be made
as_typed(rows)       after a POST: Entered rows with their texts, errors and amounts
"""

import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from app.engagements.billable import Billed, metrics_read
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.pages import Page
from app.foundation.text_pages import Told, rows_told
from app.months.queries import OpenMonths, open_by_the_clock
from app.web.bulk_rows import Entered, Taking, months_of, taking_now
from app.web.instants import month as month_words
from app.web.languages import locale_name


class Offer(NamedTuple):
    """What may be chosen in a row: the same in all rows of one plan and of the same months."""

    metrics: tuple[Billed, ...]
    #: (value, words) of each
    months: tuple[tuple[str, str], ...]


class Typed(NamedTuple):
    """What stands in a row's fields, and what is wrong with it."""

    metric: str = ""
    month: str = ""
    quantity: str = ""
    notes: str = ""
    unit: str = ""
    engagement_error: str = ""
    metric_error: str = ""
    month_error: str = ""
    quantity_error: str = ""
    notes_error: str = ""


class Answer(NamedTuple):
    """The last cell: what the row would come to, or what is said instead."""

    comes_to: str = ""
    waits_for_review: bool = False
    month_after: str = ""
    question: str = ""
    tick: str = ""
    is_ticked: bool = False
    duplicate_of: str = ""
    errors: tuple[str, ...] = ()


class RowShown(NamedTuple):
    id: uuid.UUID
    name: str
    number: str
    client: str
    offer: Offer
    typed: Typed
    #: None: nothing is said of a row that nobody has touched
    answer: Answer | None

    @property
    def place(self) -> str:
        """By which its fields and cells are named."""
        return place_of(self.id)


def place_of(engagement_id: uuid.UUID) -> str:
    return f"e{engagement_id.hex}"


class Untouched(NamedTuple):
    """The page as it is opened: nothing is typed. What its rows print follows from what was read, and is made where it is not kept."""

    #: rows of engagements.billable
    told: Told
    #: of all their plans, as billable.metrics_beside() gives them
    metrics: str | None
    #: the months open now
    taking: OpenMonths

    @property
    def rows(self) -> tuple[RowShown, ...]:
        metrics, taking, language = metrics_read(self.metrics), dict(self.taking), locale_name()
        return tuple(
            RowShown(
                row.id, row.name, row.number, row.customer_name,
                *_begun(metrics.get(row.plan_id, ()), months_of(row, taking), language), None,
            )
            for row in rows_told(self.told)
        )  # fmt: skip


class Sent(NamedTuple):
    """The page as it was sent: each row with what was typed, and what is said of it."""

    rows: tuple[RowShown, ...]


def untouched(page: Page) -> Untouched:
    """Of a page that was read as text."""
    assert page.told is not None
    return Untouched(page.told, page.once.metrics, open_by_the_clock(clock.now()))


@lru_cache(maxsize=1000)
def _begun(metrics: tuple[Billed, ...], months: tuple[BillingMonth, ...], _language: str) -> tuple[Offer, Typed]:
    """The same for all untouched rows of a plan, on all pages."""
    return _offer(metrics, months), Typed(**start(metrics, months), unit=metrics[0].unit if metrics else "")


def start(metrics: Sequence[Any], months: Sequence[BillingMonth]) -> dict[str, str]:
    """What an untouched row shows: the plan's first metric, the month that closes first."""
    return {"metric": str(metrics[0].id) if metrics else "", "month": str(months[0]) if months else ""}


def as_typed(rows: Iterable[Entered]) -> Sent:
    """Rows without an engagement are not among them: there is nothing to draw a row by."""
    taking = taking_now()
    return Sent(tuple(_as_typed(row, taking) for row in rows if row.engagement is not None))


def _as_typed(row: Entered, taking: Taking) -> RowShown:
    e, typed = row.engagement, row.typed
    metrics = tuple(Billed(str(metric.id), metric.name, metric.unit) for metric in row.metrics)
    errors = (row.errors.get(name, "") for name in ("engagement", "metric", "month", "quantity", "notes"))
    fields = Typed(typed["metric"], typed["month"], typed["quantity"], typed["notes"], row.unit, *errors)
    offer = _offer(metrics, _months_offered(row, taking))
    return RowShown(e.id, e.name, e.number, e.customer_name, offer, fields, answer_of(row))


def _offer(metrics: tuple[Billed, ...], months: Iterable[BillingMonth]) -> Offer:
    return Offer(metrics, tuple((str(each), month_words(each)) for each in months))


def _months_offered(row: Entered, taking: Taking) -> tuple[BillingMonth, ...]:
    """The open months, and the one that was chosen before it closed."""
    offered = months_of(row.engagement, taking)
    chosen = row.line.draft.month if row.line else None
    return offered if chosen is None or chosen in offered else (*offered, chosen)


def answer_of(row: Entered, *, alone: bool = False) -> Answer | None:
    """`alone`: nothing else of the row is drawn, so that all its errors are said here."""
    if not row.has_answer:
        return None
    if row.is_ready:
        waits = row.judged is not None and row.judged.waits_for_review
        return Answer(row.comes_to, waits, row.month_after, row.question, row.tick, row.is_ticked)
    if row.duplicate_of:
        return Answer(duplicate_of=row.duplicate_of)
    said = (sentence for column, sentence in row.errors.items() if alone or column == "reference")
    return Answer(errors=tuple(said))
