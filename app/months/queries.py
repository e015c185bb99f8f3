"""Which months take entries, which are frozen, and what each close stored."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    type_coerce,
)

from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth, open_months
from app.foundation.database import db, month_of
from app.foundation.history import History
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import acting_for_all
from app.months import states
from app.months.model import Month, MonthClose, MonthCloseTotal, MonthReopening


def rows_of(book: str, months: Iterable[BillingMonth]) -> dict[BillingMonth, Month]:
    """The months' rows in one book. A month that nothing was sent for yet has none: it is open until its cut-off."""
    wanted = list(months)
    if not wanted:
        return {}
    return {
        row.month: row for row in db.session.scalars(select(Month).where(Month.book == book, Month.month.in_(wanted)))
    }


def frozen_since() -> datetime | None:
    """When the oldest month was frozen that is not closed yet; None where none is."""
    return db.session.scalar(select(func.min(Month.frozen_at)).where(Month.state == states.FROZEN))


@dataclass(frozen=True)
class OpenMonth:
    """A month that takes entries. `closes_at` None: it was reopened, and takes them until somebody ends that."""

    month: BillingMonth
    closes_at: datetime | None


def taking_entries(now: datetime) -> dict[str, list[OpenMonth]]:
    """Book -> the months that take entries at `now`, reopened ones first, then the one that closes first.

    Both must say yes: the clock, and the month's row. After a clock that ran ahead and came back a month may be frozen
    whose time the clock says is not over; it stays frozen.
    """
    by_clock = open_by_the_clock(now)
    known: dict[str, dict[BillingMonth, str]] = {book: {} for book, _months in by_clock}
    for row in columns_of(_rows_that_take(by_clock)):
        known.setdefault(row.book, {})[row.month] = row.state
    return {book: _taking(book, months, known[book]) for book, months in by_clock}


def _taking(book: str, by_clock: Sequence[BillingMonth], known: Mapping[BillingMonth, str]) -> list[OpenMonth]:
    """`known`: state by month, of those that are open by the clock and of all that are reopened."""
    reopened = [OpenMonth(month, None) for month, state in known.items() if state == states.REOPENED]
    return reopened + [
        OpenMonth(month, CUT_OFF_POLICIES[book].closes_at(month))
        for month in by_clock
        if known.get(month, states.OPEN) == states.OPEN
    ]


@lru_cache(maxsize=16)
def _rows_that_take(by_clock: "OpenMonths") -> Select[*tuple[Any, ...]]:
    """Built once while a month lasts."""
    asked = [and_(Month.book == book, Month.month.in_(months)) for book, months in by_clock]
    found = select(Month.book, Month.month, Month.state).where(or_(Month.state == states.REOPENED, *asked))
    return found.order_by(Month.month)


class MonthRow(NamedTuple):
    month: BillingMonth
    state: str
    frozen_at: datetime | None


@dataclass(frozen=True)
class BookNow:
    """One book: the months that take entries, as taking_entries() has them, and the rows of at least those asked about."""

    takes: tuple[OpenMonth, ...]
    rows: Mapping[BillingMonth, MonthRow]


def book_as_text(book: Any, since: Any) -> Any:
    """Inside another statement: the rows of its column `book` that are reopened, or of months from that of its instant `since` on, or
    from `since_open` on, a parameter which since_open() gives. In one column, for book_of_text()."""
    one = (
        cast(_as_number(Month.month), String)
        + ","
        + Month.state
        + ","
        + func.coalesce(cast(Month.frozen_at, String), "")
    )
    wanted = or_(
        Month.state == states.REOPENED,
        Month.month >= bindparam("since_open", type_=Month.month.type),
        _as_number(Month.month) >= month_of(since),
    )
    rows = select(func.aggregate_strings(one, ";")).where(Month.book == book, wanted)
    return rows.correlate_except(Month).scalar_subquery()


def since_open(now: datetime) -> BillingMonth:
    """The oldest month that any book takes entries for by the clock."""
    return min((month for _book, months in open_by_the_clock(now) for month in months), default=BillingMonth.at(now))


def book_of_text(text: str, book: str, now: datetime) -> BookNow:
    return _book_of_text(text, book, dict(open_by_the_clock(now))[book])


@lru_cache(maxsize=500)
def _book_of_text(text: str, book: str, by_clock: tuple[BillingMonth, ...]) -> BookNow:
    pieces = sorted(one.split(",") for one in text.split(";")) if text else ()
    rows = {
        (month := BillingMonth.of_number(int(number))): MonthRow(month, state, _instant(frozen_at))
        for number, state, frozen_at in pieces
    }
    return BookNow(tuple(_taking(book, by_clock, {month: row.state for month, row in rows.items()})), rows)


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@dataclass(frozen=True)
class FirstToBill:
    """Inside another statement, as whole numbers YYYYMM: `month` is what taking_entries() puts first, 0 without any.

    `reopened`: the reopened month that is first of its book, NULL without one; it has no cut-off that lies ahead.
    """

    month: ColumnElement[int]
    reopened: ColumnElement[int | None]


#: (cut-off policy, the months open under it) of each policy: a key for statements that are built once for as long as it holds
OpenMonths = tuple[tuple[str, tuple[BillingMonth, ...]], ...]


def open_by_the_clock(now: datetime) -> OpenMonths:
    """Every policy opens and closes at a whole minute, so one answer holds for all of it."""
    return _open_in_minute(now.replace(second=0, microsecond=0))


@lru_cache(maxsize=16)
def _open_in_minute(now: datetime) -> OpenMonths:
    return tuple((key, tuple(open_months(now, policy))) for key, policy in CUT_OFF_POLICIES.items())


def first_to_bill(book: Any, since: Any, taking: OpenMonths) -> FirstToBill:
    """For rows of a statement: `book` their column of cut-off policies, `since` the one of the instant from which on they are
    billed; NULL: not yet, then no reopened month is theirs. Months that end before it are not."""
    any_reopened = (
        select(Month.id).where(Month.state == states.REOPENED).exists()
    )  # hardly ever: asked once for all rows
    its_reopened = (
        select(func.min(_as_number(Month.month)))
        .where(Month.book == book, Month.state == states.REOPENED, _as_number(Month.month) >= month_of(since))
        .correlate_except(Month)  # however deep it stands: book and since are the outer rows', never all rows there are
        .scalar_subquery()
    )
    reopened = case((any_reopened, its_reopened))
    begun = [
        (and_(book == key, or_(since.is_(None), since < month.next.starts_at), _takes(key, month)), month.number)
        for key, months in taking
        for month in months
    ]
    return FirstToBill(func.coalesce(reopened, case(*begun, else_=0)), reopened)


def _takes(book: str, month: BillingMonth) -> ColumnElement[bool]:
    shut = select(Month.id).where(Month.book == book, Month.month == month, Month.state != states.OPEN)
    return ~shut.exists()


def _as_number(month: Any) -> ColumnElement[int]:
    return type_coerce(month, Integer)


#: ordered by (month, book), newest first
LIST_COLUMNS = (Month.id, Month.book, Month.month, Month.state, Month.frozen_at, Month.closed_at)
LIST_KEYS = (Month.month, Month.book)


def months(*, book: str | None = None, states_wanted: Sequence[str] = ()) -> Select[*tuple[Any, ...]]:
    """Every book's months, for page_of(LIST_KEYS) and the exports."""
    found = select(*LIST_COLUMNS)
    if book:
        found = found.where(Month.book == book)
    if states_wanted:
        found = found.where(Month.state.in_(states_wanted))
    return found


def books_of(month: BillingMonth) -> Sequence[Month]:
    """The month's rows, one a book that has it."""
    return db.session.scalars(select(Month).where(Month.month == month).order_by(Month.book)).all()


def last_close(month_id: uuid.UUID) -> MonthClose | None:
    return db.session.scalar(
        select(MonthClose).where(MonthClose.month_id == month_id).order_by(MonthClose.sequence.desc()).limit(1)
    )


def stored_totals(month_ids: Sequence[uuid.UUID]) -> Sequence[Row[*tuple[Any, ...]]]:
    """(month_id, currency, lines, gross_minor, due_minor, tax_minor) of each month's last close, one row a currency."""
    if not month_ids:
        return []
    last = (
        select(func.max(MonthClose.sequence))
        .where(MonthClose.month_id.in_(month_ids))
        .group_by(MonthClose.month_id)
        .scalar_subquery()
    )
    return db.session.execute(
        select(
            MonthClose.month_id,
            MonthCloseTotal.currency,
            func.sum(MonthCloseTotal.lines).label("lines"),
            func.sum(MonthCloseTotal.gross_minor).label("gross_minor"),
            func.sum(MonthCloseTotal.due_minor).label("due_minor"),
            func.sum(MonthCloseTotal.tax_minor).label("tax_minor"),
        )
        .join(MonthCloseTotal, MonthCloseTotal.close_id == MonthClose.id)
        .where(MonthClose.sequence.in_(last))
        .group_by(MonthClose.month_id, MonthCloseTotal.currency)
        .order_by(MonthCloseTotal.currency)
    ).all()


def is_stored(book: str, month: BillingMonth, programme_id: uuid.UUID) -> bool:
    """Whether the month is closed for this programme: in its book, or in another one that stored a total of it."""
    stored = (
        select(MonthCloseTotal.id)
        .join(MonthClose, MonthClose.id == MonthCloseTotal.close_id)
        .where(MonthClose.month_id == Month.id, MonthCloseTotal.programme_id == programme_id)
        .correlate(Month)
    )
    closed = select(Month.id).where(Month.month == month, Month.state == states.CLOSED)
    return db.session.scalar(closed.where(or_(Month.book == book, stored.exists())).limit(1)) is not None


def waiting_reopening(month_id: uuid.UUID) -> MonthReopening | None:
    return db.session.scalar(
        select(MonthReopening).where(MonthReopening.month_id == month_id, MonthReopening.state == states.REQUESTED)
    )


def events_of(month_id: uuid.UUID, limit: int = 50) -> Sequence[Row[*tuple[Any, ...]]]:
    """(event, at, by_label, facts) of the month's history, newest first; whether the viewer may ask is the caller's."""
    with acting_for_all("a month's history belongs to no tenant"):
        return db.session.execute(
            select(History.event, History.at, History.by_label, History.facts)
            .where(History.subject_kind == "month", History.subject_id == month_id)
            .order_by(History.sequence.desc())
            .limit(limit)
        ).all()
