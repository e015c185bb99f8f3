"""What a page of a subject's history verifies: the events it shows, that they follow from their neighbours, and the chain's end.

The rest of a long chain is the hourly check's (history_reading.py), which reads all that is new and in turn all that is old. Where it
has found anything that does not hold, a page takes nothing for granted: it walks the chain.
"""

import uuid
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import String, Uuid, and_, bindparam, exists, select
from sqlalchemy.orm import aliased

from app.foundation.chains import GENESIS, digest
from app.foundation.database import at_most
from app.foundation.history import EVENT_COLUMNS, History, HistoryHead, newest_hold
from app.foundation.history_stretches import HistoryStretch
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import acting_for_all

#: how far back a chain is walked while the hourly check knows of something wrong
MOST_WALKED = 5000

_KIND, _ID = bindparam("kind", type_=String()), bindparam("subject_id", type_=Uuid())
#: what the subject's events say, for pages by (History.sequence,); asked with the subject's `kind` and `subject_id`
EVENTS = select(*EVENT_COLUMNS).where(History.subject_kind == _KIND, History.subject_id == _ID)

_older, _newer, _last = (aliased(History, name=name) for name in ("older", "newer", "last"))


def _its(event: Any) -> Any:
    return and_(event.subject_kind == _KIND, event.subject_id == _ID)


def _of_last(column: Any) -> Any:
    return select(column).where(_its(_last)).order_by(_last.sequence.desc()).limit(at_most(1)).scalar_subquery()


_AROUND = select(
    select(_older.hash).where(_its(_older), _older.sequence == bindparam("before")).scalar_subquery().label("older"),
    select(_newer.previous_hash)
    .where(_its(_newer), _newer.sequence == bindparam("behind"))
    .scalar_subquery()
    .label("newer"),
    _of_last(_last.sequence).label("last_sequence"),
    _of_last(_last.hash).label("last_hash"),
    select(HistoryHead.length)
    .where(HistoryHead.subject_kind == _KIND, HistoryHead.subject_id == _ID)
    .scalar_subquery()
    .label("length"),
    select(HistoryHead.hash)
    .where(HistoryHead.subject_kind == _KIND, HistoryHead.subject_id == _ID)
    .scalar_subquery()
    .label("head"),
    exists(select(HistoryStretch.number).where(HistoryStretch.wrong > 0)).label("something_is_wrong"),
)


def shown_hold(kind: str, subject_id: uuid.UUID, newest_first: Sequence[Any]) -> bool:
    """Whether these rows of EVENTS, neighbours all of them, hold where they stand, and the chain ends where it ended.

    Whether the viewer may ask is the caller's. None at all: whether the end does.
    """
    newest, oldest = (newest_first[0], newest_first[-1]) if newest_first else (None, None)
    asked = {
        "kind": kind,
        "subject_id": subject_id,
        "before": oldest.sequence - 1 if oldest else 0,
        "behind": newest.sequence + 1 if newest else 0,
    }
    with acting_for_all("neighbours and ends of a chain are read, whoever looks"):
        [around] = columns_of(_AROUND, asked)
    if (around.last_sequence, around.last_hash) != (around.length, around.head):
        return False
    if oldest and newest and not _follow(newest_first, around, oldest, newest):
        return False
    return not around.something_is_wrong or newest_hold(kind, subject_id, MOST_WALKED)


def _follow(newest_first: Sequence[Any], around: Any, oldest: Any, newest: Any) -> bool:
    if not all(digest(row) == row.hash for row in newest_first):
        return False
    if not all(
        row.sequence == before.sequence + 1 and row.previous_hash == before.hash
        for row, before in pairwise(newest_first)
    ):
        return False
    begins = GENESIS if oldest.sequence == 1 else around.older
    ends = (newest.sequence == around.length and newest.hash == around.head) or around.newer == newest.hash
    return bool(oldest.previous_hash == begins and ends)
