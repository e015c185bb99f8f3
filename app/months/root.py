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

from sqlalchemy import Insert, Integer, String, and_, cast, exists, func, insert, literal, select, text

from app.foundation.database import as_text, db, streamed
from app.foundation.history import History, HistoryHead
from app.foundation.raw_rows import fetched
from app.months.model import ChainMark

#: lines that go into a digest at a time
TOGETHER = 1000


def _line(chain: Any) -> Any:
    """One line a chain, as the root is over it; made by the database, which spares an object a column and row."""
    if db.session.get_bind().dialect.name == "postgresql":
        # in half of the time in which its text loses its dashes
        digits = func.encode(func.uuid_send(chain.subject_id), "hex")
    else:
        digits = as_text(chain.subject_id)
    return chain.subject_kind + " " + digits + " " + cast(chain.length, String) + " " + chain.hash + "\n"


#: which chain a mark is of, as plain text
_CHAIN = (as_text(ChainMark.subject_id), ChainMark.subject_kind)
_HEAD = ("subject_id", "subject_kind", "length", "hash")
_MARK = ("subject_id", "subject_kind", "close_sequence", "length", "hash")


@dataclass
class Root:
    """Fed mark by mark; chains and events are counted along."""

    chains: int = 0
    events: int = 0
    _digest: Any = field(init=False, default_factory=hashlib.sha256)

    @property
    def hash(self) -> str:
        return str(self._digest.hexdigest())

    def add_together(self, chains: Sequence[tuple[int, str]]) -> None:
        """Chains' lengths and lines, in their order, some hundred at a time."""
        self.chains += len(chains)
        self.events += sum([length for length, _ in chains])
        self._digest.update("".join([line for _, line in chains]).encode())


def mark_chains(sequence: int) -> Root:
    """Mark every chain that has grown, for the close of this sequence, and give the root over all of them.

    Marks and root come from one look at the chains' heads: events that are committed meanwhile are the next close's. So the root
    costs what there are chains, however many closes have marked them; that the marks give it too, the checks see.
    """
    db.session.flush()
    root, head = Root(), _heads()
    heads, marks = select(head.length, _line(head)), _marks(head, sequence)
    if db.session.get_bind().dialect.name == "postgresql":
        # as much memory as SQLite has; and two statements might see other events: one looks, marks what it saw, gives it back
        db.session.execute(text("SET LOCAL work_mem = '64MB'"))
        # a table without a row is planned as one: read through for each chain. A hash join is right at any size
        db.session.execute(text("SET LOCAL enable_nestloop = off"))
        heads = heads.add_cte(marks.cte("marked"))
    else:
        db.session.execute(marks)  # nobody else writes until the caller's transaction ends
    for some in fetched(heads.order_by(head.subject_id, head.subject_kind), TOGETHER):
        root.add_together(some)
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(text("SET LOCAL enable_nestloop TO DEFAULT"))
    return root


def _heads() -> Any:
    """The chains' heads, to be looked at once and sorted once, however often a statement names them."""
    heads = select(*(getattr(HistoryHead, name) for name in _HEAD))
    return heads.order_by(HistoryHead.subject_id, HistoryHead.subject_kind).cte("head").c


def _marks(head: Any, sequence: int) -> Insert:
    """A mark for each chain that has grown since its last."""
    already = exists(
        select(ChainMark.subject_id).where(
            ChainMark.subject_id == head.subject_id,
            ChainMark.subject_kind == head.subject_kind,
            ChainMark.length == head.length,
            ChainMark.hash == head.hash,
        )
    )
    # a plain number in the select list; a parameter would have no type on PostgreSQL
    close = literal(sequence, Integer, literal_execute=True)
    grown = select(head.subject_id, head.subject_kind, close, head.length, head.hash).where(~already)
    in_order = grown.order_by(head.subject_id, head.subject_kind)  # of the key: each page of it is touched once
    return insert(ChainMark).from_select(_MARK, in_order)


def roots(sequences: Sequence[int]) -> dict[int, Root]:
    """The root of each of these closes, from the marks alone: one pass, flat memory, however many chains there are."""
    found = {sequence: Root() for sequence in sorted(sequences)}
    marks = streamed(
        select(ChainMark.close_sequence, ChainMark.length, _line(ChainMark).label("line"), *_CHAIN).order_by(
            ChainMark.subject_id, ChainMark.subject_kind, ChainMark.close_sequence
        )
    )
    for _chain, of_chain in groupby(marks, key=lambda mark: mark[3:]):
        newest_first = list(of_chain)[::-1]  # as many as closes, at most
        for sequence, root in found.items():
            for mark in newest_first:
                if mark[0] <= sequence:
                    root.add_together([mark[1:3]])
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
