"""Reading history stretch by stretch: what is new is verified and sealed, what is old is read again and compared with its seal.

Each event is verified where it stands: its content gives its hash, the event before it is there and is the one it follows, and the
next one is there or the chain's end is right here. So every chain holds when every stretch does, and no chain need be walked from
its beginning; how much is read for a stretch does not depend on how long history is.

One transaction a stretch: whoever is killed has lost one, and two who read at once disturb nobody, for the rows decide.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from app.foundation import clock
from app.foundation.chains import GENESIS, digest
from app.foundation.database import db, end_reading, one_picture, streamed, transaction
from app.foundation.history import EVENT_COLUMNS, History, HistoryHead
from app.foundation.history_stretches import HistoryStretch, is_foreign, is_sealed, key_mark, seal_of
from app.foundation.self_check import LONGEST, Verdicts

#: events of a stretch, at most; those of an hour with few are a stretch as well
MOST = 5000
#: before every id there is
BEGINNING = -(2**63)
#: how long what is being written is waited for, and how often it is looked whether it is done
PATIENCE_SECONDS, LOOK_EVERY_SECONDS = 60.0, 0.2
#: sentences kept of one stretch
SAID = 20

_before, _next = aliased(History), aliased(History)


def _beside(other: Any, step: int) -> Any:
    """The event of the same chain, so many places on."""
    return and_(
        other.subject_kind == History.subject_kind,
        other.subject_id == History.subject_id,
        other.sequence == History.sequence + step,
    )


_END = and_(HistoryHead.subject_kind == History.subject_kind, HistoryHead.subject_id == History.subject_id)
#: each neighbour by its own look into an index: a join might be planned as a scan of everything
_ROWS = select(
    History.id,
    *EVENT_COLUMNS,
    select(_before.hash).where(_beside(_before, -1)).scalar_subquery().label("hash_before"),
    exists(select(_next.id).where(_beside(_next, 1))).label("goes_on"),
    select(HistoryHead.length).where(_END).scalar_subquery().label("head_length"),
    select(HistoryHead.hash).where(_END).scalar_subquery().label("head_hash"),
).order_by(History.id)
#: a record as a light row: it must outlive the picture in which it was read
_RECORD = select(
    HistoryStretch.number,
    HistoryStretch.after_id,
    HistoryStretch.last_id,
    HistoryStretch.events,
    HistoryStretch.digest,
    HistoryStretch.read_at,
    HistoryStretch.wrong,
    HistoryStretch.key_mark,
    HistoryStretch.seal,
)


@dataclass(frozen=True)
class Looked:
    """One stretch, read just now."""

    number: int
    events: int
    #: how many things do not hold, and the first sentences about them
    wrong: int
    sentences: tuple[str, ...]
    #: it had been sealed under another SECRET_KEY, and is sealed anew
    foreign: bool = False


class _Reading:
    """Fed event by event, in the order of ids."""

    def __init__(self) -> None:
        self.events, self.last_id, self.wrong = 0, 0, 0
        self.sentences: list[str] = []
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def add(self, row_id: int, row_hash: str) -> None:
        self.events += 1
        self.last_id = row_id
        self._digest.update(f"{row_id} {row_hash}\n".encode())

    def fault(self, sentence: str) -> None:
        self.wrong += 1
        if len(self.sentences) < SAID:
            self.sentences.append(sentence[:LONGEST])


def settled_id(stopped: Callable[[], bool]) -> int | None:
    """The highest id up to which no further event can come. None: somebody writes for longer than we wait.

    SQLite gives ids in the order of commits. On PostgreSQL a writer holds its lock on the table before it is given an id, and until
    it ends: once everybody who holds one now has ended, nobody is left who could have been given an id below the highest one.
    """
    newest = db.session.scalar(select(func.max(History.id))) or 0
    if db.session.get_bind().dialect.name != "postgresql":
        return newest
    waited_for = set(db.session.scalars(_WRITERS))
    until = time.monotonic() + PATIENCE_SECONDS
    while waited_for:
        end_reading()
        if stopped() or time.monotonic() > until:
            return None
        time.sleep(LOOK_EVERY_SECONDS)
        waited_for &= set(db.session.scalars(_WRITERS))
    end_reading()
    return newest


_WRITERS = text("""
SELECT virtualtransaction FROM pg_locks
WHERE relation = 'history'::regclass AND mode = 'RowExclusiveLock'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


def seal_next(upto: int) -> Looked | None:
    """Verify the next events that are in no stretch yet, and seal them. None: there are none up to this id. As the system."""
    while True:
        with one_picture():
            last = db.session.execute(
                select(HistoryStretch.number, HistoryStretch.last_id).order_by(HistoryStretch.number.desc()).limit(1)
            ).first()
            number, after_id = (last.number + 1, last.last_id) if last else (1, BEGINNING)
            found = _verified(after_id, upto, MOST)
        if not found.events:
            return None
        stretch = HistoryStretch(
            number=number,
            after_id=after_id,
            last_id=found.last_id,
            events=found.events,
            digest="" if found.wrong else found.digest,
            read_at=clock.now(),
            wrong=found.wrong,
            key_mark=key_mark(),
        )
        stretch.seal = seal_of(stretch)
        try:
            with transaction() as session:
                session.add(stretch)
        except IntegrityError:  # another process sealed it in this moment: we go on after it
            continue
        return Looked(number, found.events, found.wrong, tuple(found.sentences))


def read_again(number: int) -> Looked | None:
    """Verify a stretch and compare it with its seal. None: it is not there. As the system."""
    with one_picture():
        record = db.session.execute(_RECORD.where(HistoryStretch.number == number)).first()
        if record is None:
            return None
        found = _verified(record.after_id, record.last_id)
    foreign, forged = is_foreign(record), False
    if not foreign and not is_sealed(record):
        forged = True
        found.fault(f"stretch {number}: its record was changed by another hand")
    if sentence := _unlike(record, found.events, found.digest):
        found.fault(sentence)
    _note(record, found, forged)
    return Looked(number, found.events, found.wrong, tuple(found.sentences), foreign)


def _note(record: Any, found: _Reading, forged: bool) -> None:
    """What was found, unless another process noted the same in between.

    A forged record never gets a seal that fits: it stays wrong until people have looked into it.
    """
    kept: dict[str, Any] = {"events": record.events, "digest": record.digest}
    if not record.digest and not found.wrong:
        kept = {"events": found.events, "digest": found.digest}
    fresh = HistoryStretch(
        number=record.number,
        after_id=record.after_id,
        last_id=record.last_id,
        read_at=clock.now(),
        wrong=found.wrong,
        key_mark=key_mark(),
        **kept,
    )
    changed: dict[str, Any] = {"wrong": found.wrong}
    if not forged:
        changed |= {**kept, "read_at": fresh.read_at, "key_mark": fresh.key_mark, "seal": seal_of(fresh)}
    with transaction() as session:
        session.execute(
            update(HistoryStretch)
            .where(HistoryStretch.number == record.number, HistoryStretch.seal == record.seal)
            .values(changed)
        )


def _verified(after_id: int, last_id: int, most: int | None = None) -> _Reading:
    found = _Reading()
    for row in streamed(_ROWS.where(History.id > after_id, History.id <= last_id).limit(most)):
        found.add(row.id, row.hash)
        for why in _wrong_with(row):
            found.fault(f"{row.subject_kind} {uuid.UUID(row.subject_id)}, event {row.sequence}: {why}")
    return found


def _wrong_with(row: Any) -> Iterator[str]:
    if digest(row) != row.hash:
        yield "its content was changed after it was written"
    if row.sequence != 1 and row.hash_before is None:
        yield f"event {row.sequence - 1} is missing"
    elif row.previous_hash != (row.hash_before or GENESIS):
        yield "it does not follow from the event before it"
    ends_here = row.sequence == row.head_length and row.hash == row.head_hash
    if row.head_length is None or (row.sequence >= row.head_length and not ends_here):
        yield "the chain's end is not where it was: events were cut off or added"
    elif row.sequence < row.head_length and not row.goes_on:
        yield f"event {row.sequence + 1} is missing"


def _unlike(record: Any, events: int, found: str) -> str:
    """How a stretch differs from what was sealed; "" where it does not, or was never found right."""
    if not record.digest or (record.events, record.digest) == (events, found):
        return ""
    where = f"stretch {record.number}, events {record.after_id + 1:,} to {record.last_id:,}"
    if events != record.events:
        return f"{where}: {events:,} stand where {record.events:,} were sealed"
    return f"{where}: they are not the events that were sealed"


def unlike_seals() -> Verdicts:
    """One verdict a stretch, for the self-check: the records follow each other, and hold what was sealed. Changes nothing."""
    number, end = 0, BEGINNING
    for record in streamed(_RECORD.order_by(HistoryStretch.number)):
        number += 1
        of_it = select(History.id, History.hash).where(History.id > record.after_id, History.id <= record.last_id)
        found = _Reading()
        for row in streamed(of_it.order_by(History.id)):
            found.add(row.id, row.hash)
        if (record.number, record.after_id) != (number, end):
            yield f"stretch {record.number} does not begin where the one before it ends"
            number = record.number
        elif not is_foreign(record) and not is_sealed(record):
            yield f"stretch {record.number}: its record was changed by another hand"
        else:
            yield _unlike(record, found.events, found.digest)
        end = record.last_id
