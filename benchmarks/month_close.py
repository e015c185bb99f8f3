"""Figure `month_close`: a month is frozen and closed, as the portal does it, against one SQL aggregate that gives the same totals.

The close reads the month's charge lines and its entries, compares them with each other and with what rating keeps, marks how far
every history chain has grown, and stores totals and root. The marks are History's hash: their time is told beside, and on SQLite the
ratio is also given without them; on PostgreSQL they are made while the month is counted. What memory it takes more on SQLite is its page cache and what it sorts in, at most 64 MB each. Each
round is rolled back, so that the next one closes the same month; what a commit adds is nothing.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from flask import Flask
from sqlalchemy import select, text

from app import create_app
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.months import actions, closing, root
from app.months.model import MonthClose, MonthCloseTotal
from benchmarks.figure import Asked, Line, in_words, median_ratio
from benchmarks.fill_month import BOOK, MONTH
from benchmarks.ground import grounds, settings
from benchmarks.serving import forget_peak, peak_memory

GOAL = "Closing a month costs what reading it costs"
SIZES = (100_000, 1_000_000)
#: of the aggregate's speed
LEAST = 0.5
MORE_MEMORY_MB = 32
AGGREGATE = text(
    "SELECT programme_id, currency, count(*), sum(gross_minor), sum(due_minor), sum(tax_minor) FROM charge_line "
    "WHERE booked_month = :month AND NOT is_test GROUP BY programme_id, currency"
)


class Undone(Exception):
    """Ends a round."""


@dataclass
class Close:
    """One size on one database, round by round; seconds."""

    app: Flask
    aggregate: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    chains: int = 0

    def once(self) -> None:
        with self.app.app_context(), acting_for_all("a figure closes a month") as by:
            began = time.perf_counter()
            summed = {
                _key(row): tuple(map(int, row[2:])) for row in db.session.execute(AGGREGATE, {"month": MONTH.number})
            }
            self.aggregate.append(time.perf_counter() - began)
            db.session.rollback()
            forget_peak(os.getpid())
            marks: list[float] = []
            with _timed(marks):
                try:
                    with transaction():
                        began = time.perf_counter()
                        close = _closed(by)
                        self.whole.append(time.perf_counter() - began)
                        self.chains, stored = close.chains, _stored(close)
                        raise Undone
                except Undone:
                    pass
            self.marks.append(sum(marks))
            self.peak.append(peak_memory(os.getpid()))
            db.session.remove()
            _forget_undone()
            db.engine.dispose()  # or each size's cache would count for the next
        if stored != summed:
            raise RuntimeError(f"the close stored {stored}, the aggregate gives {summed}")


def measure(asked: Asked) -> Iterator[Line]:
    for database in asked.databases:
        with ExitStack() as stack:
            urls = stack.enter_context(grounds(database, asked.sizes, "fill_month"))
            closes = {size: Close(create_app(settings(url))) for size, url in urls.items()}
            for _ in range(asked.rounds):
                for close in closes.values():
                    close.once()
            yield from _lines(database, closes)
            for close in closes.values():
                with close.app.app_context():
                    db.engine.dispose()


def _lines(database: str, closes: dict[int, Close]) -> Iterator[Line]:
    (first_size, first), *_ = closes.items()
    for size, close in closes.items():
        bound = LEAST if size >= 1_000_000 else None
        told = f"close {median(close.whole):.2f} s, of it {median(close.marks):.2f} s root over {close.chains:,} chains"
        told += f"; aggregate {median(close.aggregate):.2f} s"
        yield Line(
            "month close",
            database,
            size,
            "SQL aggregate",
            median_ratio(close.aggregate, close.whole),
            least=bound,
            note=told,
        )
        if database == "sqlite":
            checked = [whole - marks for whole, marks in zip(close.whole, close.marks, strict=True)]
            ratio = median_ratio(close.aggregate, checked)
            yield Line("month close, before the root", database, size, "SQL aggregate", ratio)
        if close is not first:
            more = median(close.peak) - median(first.peak)
            note = f"{median(close.peak):.0f} MB, {median(first.peak):.0f} MB at {in_words(first_size)}"
            yield Line(
                "month close, memory beyond",
                database,
                size,
                f"{MORE_MEMORY_MB} MB over {in_words(first_size)}",
                more / MORE_MEMORY_MB,
                note=note,
            )


def _closed(by: Any) -> MonthClose:
    month = actions.hold(BOOK, MONTH)
    actions.freeze(month, by=by)
    return closing.close(month, by=by)


def _forget_undone() -> None:
    """The marks of a close that was rolled back, which the next one would have to step over; SQLite keeps none."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM chain_mark")


def _stored(close: MonthClose) -> dict[tuple[str, str], tuple[int, ...]]:
    """As the close has written them, in the same shape as the aggregate's."""
    rows = db.session.execute(
        select(
            MonthCloseTotal.programme_id, MonthCloseTotal.currency, MonthCloseTotal.lines, MonthCloseTotal.gross_minor,
            MonthCloseTotal.due_minor, MonthCloseTotal.tax_minor,
        ).where(MonthCloseTotal.close_id == close.id)
    )  # fmt: skip
    return {_key(row): tuple(row[2:]) for row in rows}


def _key(row: Any) -> tuple[str, str]:
    return str(row[0]).replace("-", ""), row[1]


@contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    """How long the marks take, whoever calls for them."""
    marked: Callable[[int], root.Root] = closing.mark_chains

    def mark(sequence: int) -> root.Root:
        began = time.perf_counter()
        try:
            return marked(sequence)
        finally:
            seconds.append(time.perf_counter() - began)

    vars(closing)["mark_chains"] = mark
    try:
        yield
    finally:
        vars(closing)["mark_chains"] = marked
