"""Verifies the events that have come since its last run, and reads a share of the old ones again, so that all are within some days.

1. New events, stretch by stretch: verified and sealed. How long the rest of history is costs nothing.
2. Stretches in which something was wrong are read until nothing is.
3. The stretches read longest ago, so many that each has its turn within HISTORY_READ_THROUGH_DAYS.
4. What is late, and what was not read since a month was frozen that nobody has closed yet, for some minutes a run.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from flask import current_app
from sqlalchemy import func, or_, select

from app.config import Settings
from app.foundation import clock
from app.foundation.database import db
from app.foundation.history_reading import Looked, read_again, seal_next, settled_id
from app.foundation.history_stretches import HistoryStretch, read_since
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.months.queries import frozen_since

log = structlog.get_logger(__name__)

#: as the timetable has it: a share is what is read in each
RUNS_A_DAY = 24
#: a run catches up with what is late for so long, and then leaves the rest to the next one
CATCH_UP_SECONDS = 20 * 60.0
#: numbers of late stretches that are fetched at a time
TOGETHER = 100


@dataclass
class Tally:
    new: int = 0
    again: int = 0
    wrong: int = 0
    foreign: int = 0

    def add(self, looked: Looked, *, is_new: bool) -> None:
        if is_new:
            self.new += looked.events
        else:
            self.again += looked.events
        self.wrong += looked.wrong
        self.foreign += looked.foreign
        for sentence in looked.sentences:
            log.error("history_broken", why=sentence)
        if looked.foreign:
            log.warning("history_sealed_anew", stretch=looked.number, why="it was sealed under another SECRET_KEY")


def run(*, by: Viewer, stopped: Stopped) -> Done:
    settings: Settings = current_app.config["SETTINGS"]
    began, tally = clock.now(), Tally()
    old = db.session.scalar(select(func.max(HistoryStretch.number))) or 0
    upto = settled_id(stopped)
    while upto is not None and not stopped() and (sealed := seal_next(upto)):
        tally.add(sealed, is_new=True)
    for number in _turn(old, began, timedelta(days=settings.history_read_through_days)):
        if stopped():
            break
        if looked := read_again(number):
            tally.add(looked, is_new=False)
    return Done(tally.new + tally.again, tally.wrong, _told(tally, is_settled=upto is not None))


def share(stretches: int, within: timedelta) -> int:
    """How many a run reads again, for each to be read within that time: of 720 in 30 days 1, of 721 2, of none 0."""
    return -(-stretches // max(1, RUNS_A_DAY * within.days))


def _turn(old: int, began: datetime, within: timedelta) -> Iterator[int]:
    """Which of the first `old` stretches are read again in this run, each once."""
    known, had = HistoryStretch, set()
    wrong = select(known.number).where(known.wrong > 0, known.number <= old).order_by(known.number)
    in_turn = select(known.number).where(known.number <= old).order_by(known.read_at, known.number)
    for some in (wrong, in_turn.limit(share(old, within))):
        for number in db.session.scalars(some).all():
            if number not in had:
                had.add(number)
                yield number
    yield from (number for number in _late(old, began, within) if number not in had)


def _late(old: int, began: datetime, within: timedelta) -> Iterator[int]:
    """For as long as a run catches up."""
    known, last, until = HistoryStretch, 0, time.monotonic() + CATCH_UP_SECONDS
    since = max(moment for moment in (began - within, frozen_since()) if moment is not None)
    # read in a time to come: the clock was put back, or somebody has written there
    is_late = or_(known.read_at < since, known.read_at > began)
    while True:
        some = select(known.number).where(is_late, known.number > last, known.number <= old)
        numbers = db.session.scalars(some.order_by(known.number).limit(TOGETHER)).all()
        if not numbers:
            return
        for last in numbers:
            if time.monotonic() > until:
                return
            yield last


def _told(tally: Tally, *, is_settled: bool) -> str:
    read = tally.new + tally.again
    told = f"{tally.new:,} new and {tally.again:,} old events verify"
    if tally.wrong:
        told = f"of {read:,} events read, {tally.wrong:,} do not verify"
    if oldest := read_since():
        told += f"; all were read since {oldest:%Y-%m-%d %H:%M} UTC"
    if tally.foreign:
        told += f"; {tally.foreign:,} stretches had been sealed under another SECRET_KEY"
    if not is_settled:
        told += "; new ones wait for a transaction that does not end"
    return told
