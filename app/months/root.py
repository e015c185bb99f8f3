"""The root hash of all history at a close, and how it can be worked out again when the chains have long grown on.

Each close marks how far every chain reached: its length and the hash of its last event, written down for the chains that have
grown since their last mark. The root is the SHA-256 over one line a chain, "kind id length hash", of each chain's latest mark,
in the order of the ids; the order of ids is the same on both databases.

Later the marks give every root again, and each mark names an event that must still stand in History with that hash. An altered
event changes the hashes after it, so the marks no longer fit even where the chain was forged whole again; a cut tail lacks the
event a mark names, whatever its head says; a chain that is gone lacks all of them; and a mark that is taken away or changed
gives another root than the one stored, which the month's own history tells as well.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Integer, String, and_, cast, exists, func, insert, literal, select, text

from app.foundation.database import as_text, db, streamed
from app.foundation.history import History, HistoryHead
from app.months.model import ChainMark

#: lines that go into a digest at a time
TOGETHER = 1000
#: one line a chain, as the root is over it; made by the database, which spares an object a column and row
_LINE = (
    ChainMark.subject_kind
    + " "
    + func.replace(as_text(ChainMark.subject_id), "-", "")
    + " "
    + cast(ChainMark.length, String)
    + " "
    + ChainMark.hash
)
#: which chain a mark is of, as plain text
_CHAIN = (as_text(ChainMark.subject_id), ChainMark.subject_kind)


@dataclass
class Root:
    """Fed mark by mark; chains and events are counted along."""

    chains: int = 0
    events: int = 0
    _digest: Any = field(init=False, default_factory=hashlib.sha256)
    _lines: list[str] = field(init=False, default_factory=list)

    @property
    def hash(self) -> str:
        self._digest_lines()
        return str(self._digest.hexdigest())

    def add(self, length: int, line: str) -> None:
        self.chains += 1
        self.events += length
        self._lines.append(line)
        if len(self._lines) == TOGETHER:
            self._digest_lines()

    def _digest_lines(self) -> None:
        self._digest.update("".join(f"{line}\n" for line in self._lines).encode())
        self._lines.clear()


def mark_chains(sequence: int) -> Root:
    """Mark every chain that has grown, for the close of this sequence, and give the root over all of them.

    One statement writes the marks, and the root is read from them: events that are committed meanwhile are the next close's.
    """
    already = exists(
        select(ChainMark.subject_id).where(
            ChainMark.subject_id == HistoryHead.subject_id,
            ChainMark.subject_kind == HistoryHead.subject_kind,
            ChainMark.length == HistoryHead.length,
            ChainMark.hash == HistoryHead.hash,
        )
    )
    db.session.flush()
    on_postgres = db.session.get_bind().dialect.name == "postgresql"
    if on_postgres:
        # A table without a row is planned as one: read through for each chain, while this statement fills it. A hash join is right
        # at any size.
        db.session.execute(text("SET LOCAL enable_nestloop = off"))
    db.session.execute(
        insert(ChainMark).from_select(
            ["subject_id", "subject_kind", "close_sequence", "length", "hash"],
            select(
                HistoryHead.subject_id,
                HistoryHead.subject_kind,
                # a plain number in the select list; a parameter would have no type on PostgreSQL
                literal(sequence, Integer, literal_execute=True),
                HistoryHead.length,
                HistoryHead.hash,
            ).where(~already),
        )
    )
    if on_postgres:
        db.session.execute(text("SET LOCAL enable_nestloop TO DEFAULT"))
    return roots([sequence])[sequence]


def roots(sequences: Sequence[int]) -> dict[int, Root]:
    """The root of each of these closes, from the marks alone: one pass, flat memory, however many chains there are."""
    found = {sequence: Root() for sequence in sorted(sequences)}
    marks = streamed(
        select(ChainMark.close_sequence, ChainMark.length, _LINE.label("line"), *_CHAIN).order_by(
            ChainMark.subject_id, ChainMark.subject_kind, ChainMark.close_sequence
        )
    )
    for _chain, of_chain in groupby(marks, key=lambda mark: mark[3:]):
        newest_first = list(of_chain)[::-1]  # as many as closes, at most
        for sequence, root in found.items():
            for mark in newest_first:
                if mark[0] <= sequence:
                    root.add(mark[1], mark[2])
                    break
    return found


def misfits() -> Iterator[str]:
    """One verdict a mark: "" where History still holds the event it names, else what is wrong."""
    named = and_(
        History.subject_kind == ChainMark.subject_kind,
        History.subject_id == ChainMark.subject_id,
        History.sequence == ChainMark.length,
    )
    rows = select(
        ChainMark.subject_kind, as_text(ChainMark.subject_id).label("subject_id"), ChainMark.length, ChainMark.close_sequence, ChainMark.hash,
        History.hash.label("found"),
    ).outerjoin(History, named)  # fmt: skip
    for row in streamed(rows):
        if row.found == row.hash:
            yield ""
            continue
        where = f"{row.subject_kind} {uuid.UUID(row.subject_id)}, event {row.length}"
        if row.found is None:
            yield f"{where}: close {row.close_sequence} saw it, and it is gone"
        else:
            yield f"{where}: it is not the event that close {row.close_sequence} saw"
