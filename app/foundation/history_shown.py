"""What a page of a subject's history verifies: the events it shows, that they follow from their neighbours, and the chain's end.

The rest of a long chain is the hourly check's (history_reading.py), which reads all that is new and in turn all that is old. Where it
has found anything that does not hold, a page takes nothing for granted: it walks the chain.
"""

import json
import uuid
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Integer, Label, Select, Uuid, and_, bindparam, exists, literal_column, select
from sqlalchemy.orm import aliased

from app.foundation.chains import COLUMNS, GENESIS, digest
from app.foundation.database import at_most
from app.foundation.history import EVENT_COLUMNS, History, HistoryHead, newest_hold
from app.foundation.history_stretches import HistoryStretch
from app.foundation.kept_statements import columns_of, made_of
from app.foundation.pages import PAGE, Page, cursor_of, read_cursor
from app.foundation.row_texts import instant_of_text, instant_text, number_text, rows_as_json
from app.foundation.tenancy import acting_for_all

#: how far back a chain is walked while the hourly check knows of something wrong
MOST_WALKED = 5000
#: newest first
LIST_KEYS: tuple[Any, ...] = (History.sequence,)

_SUBJECT = bindparam("subject_id", type_=Uuid())
#: a place's, where it has one
AT = bindparam("at", type_=Integer())
_last = aliased(History, name="last")
_event: Any = made_of(COLUMNS)
#: what is read of each event: the rest of it is what was asked for
_OF_SUBJECT, _READ = COLUMNS[:2], COLUMNS[2:]
_AS_TEXT = {"sequence": number_text, "at": instant_text}


class Shown(NamedTuple):
    page: Page
    #: nothing of what the page shows was changed, cut off or added, as far as the page and the hourly check know
    holds: bool


class Place(NamedTuple):
    """Which page of a history: the `size` events older than the one `at` this number, or newer; without it the newest ones."""

    at: int | None
    backwards: bool
    size: int

    @property
    def asked(self) -> dict[str, int]:
        """The parameters of a statement with columns() of this place."""
        return {} if self.at is None else {"at": self.at}

    @property
    def shape(self) -> "Place":
        """The same for all places that a statement can be asked with."""
        return self if self.at is None else self._replace(at=0)


def place_of(*, after: str | None = None, before: str | None = None, size: int = PAGE) -> Place:
    cursor = before or after
    return Place(read_cursor(cursor, LIST_KEYS)[0] if cursor else None, before is not None, size)


def columns(kind: str, subject_id: Any, place: Place) -> tuple[Label[Any], ...]:
    """What shown() reads, in a statement of one row: of what the viewer is shown of a subject's events those of a page and its
    neighbours, as one text; where the chain ends, by its events, and by its head, if that names the last of them; and whether the
    hourly check has found anything wrong. `subject_id`: a column of that row, or a parameter."""

    def its(row: Any) -> Any:
        return and_(row.subject_kind == kind, row.subject_id == subject_id)

    found = select(*EVENT_COLUMNS[len(_OF_SUBJECT) :]).where(its(History))
    if place.at is not None:
        found = found.where(History.sequence >= AT if place.backwards else History.sequence <= AT)
    order = History.sequence.asc() if place.backwards else History.sequence.desc()
    neighbours = 1 if place.at is None else 2
    rows = found.order_by(order).limit(at_most(place.size + neighbours)).correlate_except(History).subquery().c
    texts = (_AS_TEXT[name](rows[name]) if name in _AS_TEXT else rows[name] for name in _READ)
    end = select(_last.sequence).where(its(_last)).order_by(_last.sequence.desc()).limit(at_most(1))
    of_head = select(_last.hash).where(its(_last), _last.sequence == HistoryHead.length).correlate_except(_last)
    head = select(HistoryHead.length).where(its(HistoryHead), HistoryHead.hash == of_head.scalar_subquery())
    return (
        select(rows_as_json(*texts)).scalar_subquery().label("history"),
        end.correlate_except(_last).scalar_subquery().label("history_last"),
        head.correlate_except(HistoryHead).scalar_subquery().label("history_head"),
        exists(select(HistoryStretch.number).where(HistoryStretch.wrong > literal_column("0"))).label(
            "history_is_wrong"
        ),
    )


def shown(kind: str, subject_id: uuid.UUID, row: Any, place: Place) -> Shown:
    """A page of the subject's events, newest first, and whether it holds: each event where it stands, and the chain's end where it was.
    `row`: with columns() of this place."""
    read = _read(row.history or "[]", kind, subject_id, place, row.history_last)
    if read is None:
        return Shown(Page([], None, None), _ends_well(kind, subject_id))
    holds = row.history_last == row.history_head and read.follow
    if holds and row.history_is_wrong:
        holds = newest_hold(kind, subject_id, MOST_WALKED)
    return Shown(read.page, holds)


class _Read(NamedTuple):
    page: Page
    #: its events are as they were written, and follow
    follow: bool


@lru_cache(maxsize=64)
def _read(text: str, kind: str, subject_id: uuid.UUID, place: Place, last: int) -> _Read | None:
    """Decided by what it is given alone, all that the rows say, so that the same rows are not hashed again. None: without any event."""
    events = [
        _event((kind, str(subject_id), int(sequence), event, instant_of_text(at), *rest))
        for sequence, event, at, *rest in json.loads(text)
    ]
    events.sort(key=lambda event: event.sequence, reverse=not place.backwards)
    if not events:
        return None
    # the row that the cursor names is a neighbour, and so is the one too many
    begin = 1 if events[0].sequence == place.at else 0
    end = min(begin + place.size, len(events))
    if place.backwards:
        events.reverse()
        begin, end = len(events) - end, len(events) - begin
    return _Read(page_within(events, begin, end, place), _follow(events, begin, end, last))


def page_within(newest_first: list[Any], begin: int, end: int, place: Place) -> Page:
    """Of the events around a place those from `begin` to `end`, and which way more are to be found."""
    rows = newest_first[begin:end]
    older = place.backwards or end < len(newest_first)
    newer = begin > 0 if place.backwards else place.at is not None
    return Page(
        rows,
        next=cursor_of(rows[-1], ("sequence",)) if rows and older else None,
        previous=cursor_of(rows[0], ("sequence",)) if rows and newer else None,
    )


def _follow(newest_first: list[Any], begin: int, end: int, last: int) -> bool:
    """Whether the events from `begin` to `end` are as they were written, and all follow from each other to the chain's beginning, its
    `last` one, or a neighbour."""
    if not all(digest(row) == row.hash for row in newest_first[begin:end]):
        return False
    if not all(
        row.sequence == before.sequence + 1 and row.previous_hash == before.hash
        for row, before in pairwise(newest_first)
    ):
        return False
    newest, oldest = newest_first[0], newest_first[-1]
    begins = end < len(newest_first) or (oldest.sequence == 1 and oldest.previous_hash == GENESIS)
    return begins and (begin > 0 or newest.sequence == last)


@lru_cache(maxsize=64)
def _end_alone(kind: str) -> Select[*tuple[Any, ...]]:
    *_events, last, head, wrong = columns(kind, _SUBJECT, Place(None, False, 1))
    has_head = exists(
        select(HistoryHead.length).where(HistoryHead.subject_kind == kind, HistoryHead.subject_id == _SUBJECT)
    )
    return select(last, head, wrong, has_head.label("has_head"))


def _ends_well(kind: str, subject_id: uuid.UUID) -> bool:
    """Of a page without any event."""
    with acting_for_all("where a chain ends is read, whoever looks"):
        [ends] = columns_of(_end_alone(kind), {"subject_id": subject_id})
    if ends.history_last != ends.history_head or (ends.history_last is None and ends.has_head):
        return False
    return not ends.history_is_wrong or newest_hold(kind, subject_id, MOST_WALKED)
