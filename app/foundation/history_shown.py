"""What a page of a subject's history verifies: the events it shows, that they follow from their neighbours, and the chain's end.

The rest of a long chain is the hourly check's (history_reading.py), which reads all that is new and in turn all that is old. Where it
has found anything that does not hold, a page takes nothing for granted: it walks the chain.
"""

import uuid
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, String, Uuid, and_, bindparam, exists, select, true
from sqlalchemy.orm import aliased

from app.foundation.capacity import Capacity
from app.foundation.chains import COLUMNS, GENESIS, digest
from app.foundation.database import at_most
from app.foundation.history import EVENT_COLUMNS, History, HistoryHead, newest_hold
from app.foundation.history_stretches import HistoryStretch
from app.foundation.kept_statements import columns_of, made_of
from app.foundation.pages import PAGE, Page, cursor_of, read_cursor
from app.foundation.tenancy import acting_for_all, current

#: how far back a chain is walked while the hourly check knows of something wrong
MOST_WALKED = 5000
#: newest first
LIST_KEYS: tuple[Any, ...] = (History.sequence,)

_KIND, _ID, _AT = (
    bindparam("kind", type_=String()),
    bindparam("subject_id", type_=Uuid()),
    bindparam("at", type_=Integer()),
)
_last = aliased(History, name="last")
_event: Any = made_of(COLUMNS)


def _its(row: Any) -> Any:
    return and_(row.subject_kind == _KIND, row.subject_id == _ID)


_OF_HEAD = select(_last.hash).where(_its(_last), _last.sequence == HistoryHead.length).correlate(HistoryHead)
#: where the chain ends: by its events; by its head, if that names the last of them; and whether the hourly check found anything wrong
_END = (
    select(_last.sequence)
    .where(_its(_last))
    .order_by(_last.sequence.desc())
    .limit(at_most(1))
    .scalar_subquery()
    .label("last"),
    select(HistoryHead.length)
    .where(_its(HistoryHead), HistoryHead.hash == _OF_HEAD.scalar_subquery())
    .scalar_subquery()
    .label("head"),
    exists(select(HistoryStretch.number).where(HistoryStretch.wrong > 0)).label("something_is_wrong"),
)
_END_ALONE = select(*_END, exists(select(HistoryHead.length).where(_its(HistoryHead))).label("has_head"))


class Shown(NamedTuple):
    page: Page
    #: nothing of what the page shows was changed, cut off or added, as far as the page and the hourly check know
    holds: bool


def events_shown(
    kind: str, subject_id: uuid.UUID, *, after: str | None = None, before: str | None = None, size: int = PAGE
) -> Shown:
    """A page of what the viewer is shown of the subject's events, newest first, and whether it holds: each event where it stands, and
    the chain's end where it was. One statement."""
    cursor, viewer = before or after, current()
    [at] = read_cursor(cursor, LIST_KEYS) if cursor else [None]
    backwards = before is not None
    asked = {"kind": kind, "subject_id": subject_id} | ({"at": at} if cursor else {})
    # what of history is shown the statement says itself; a chain's head and the check's records belong to no tenant
    with acting_for_all("where a chain ends is read, whoever looks", organisation_id=viewer.organisation_id):
        read = columns_of(_events(viewer.capacity, size, backwards, bool(cursor)), asked)
    if not read:
        return Shown(Page([], None, None), _ends_well(kind, subject_id))
    events = [_event(row[: len(COLUMNS)]) for row in read]
    begin = (
        1 if events[0].sequence == at else 0
    )  # the row that the cursor names is a neighbour, and so is the one too many
    end = min(begin + size, len(events))
    more = end < len(events)
    if backwards:
        events.reverse()
        begin, end = len(events) - end, len(events) - begin
    rows = events[begin:end]
    page = Page(
        rows,
        next=cursor_of(rows[-1], ("sequence",)) if rows and (backwards or more) else None,
        previous=cursor_of(rows[0], ("sequence",)) if rows and (more if backwards else cursor) else None,
    )
    ends = read[0]
    holds = ends.last == ends.head and _follow(tuple(events), begin, end, ends.last)
    if holds and ends.something_is_wrong:
        holds = newest_hold(kind, subject_id, MOST_WALKED)
    return Shown(page, holds)


@lru_cache(maxsize=64)
def _events(capacity: Capacity, size: int, backwards: bool, beyond: bool) -> Select[*tuple[Any, ...]]:
    """With the neighbours of its page on both sides."""
    visible = true() if capacity == "system" else History.visible_to(capacity)
    found = select(*EVENT_COLUMNS, *_END).where(_its(History), visible)
    if beyond:
        found = found.where(History.sequence >= _AT if backwards else History.sequence <= _AT)
    order = History.sequence.asc() if backwards else History.sequence.desc()
    return found.order_by(order).limit(at_most(size + 2 if beyond else size + 1))


@lru_cache(maxsize=64)
def _follow(newest_first: tuple[Any, ...], begin: int, end: int, last: int) -> bool:
    """Whether the events from `begin` to `end` are as they were written, and all follow from each other to the chain's beginning, its
    `last` one, or a neighbour. Decided by what it is given alone, all that the rows say, so that the same rows are not hashed again."""
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


def _ends_well(kind: str, subject_id: uuid.UUID) -> bool:
    """Of a page without any event."""
    with acting_for_all("where a chain ends is read, whoever looks"):
        [ends] = columns_of(_END_ALONE, {"kind": kind, "subject_id": subject_id})
    if ends.last != ends.head or (ends.last is None and ends.has_head):
        return False
    return not ends.something_is_wrong or newest_hold(kind, subject_id, MOST_WALKED)
