"""History: one append-only table, one hash chain a subject.

Rooms declare their events with the exact facts each must carry; the sentence on the History tab is a template, wording
is never stored. The database refuses UPDATE and DELETE (append_only.py). Every row's hash covers its content and the hash
before it; `history_head` keeps each chain's length and end, so that a cut tail shows as well as a changed row.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    exists,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.foundation import announcements, clock, outbox
from app.foundation.chains import COLUMNS, GENESIS, digest
from app.foundation.database import Base, Instant, as_text, canonical_json, db, streamed
from app.foundation.tenancy import Capacity, OfParties, Tenanted, Viewer, acting_for_all, viewer_organisation


class Subject(Protocol):
    """A row that has a history: it says whose chain its events join and which parties may read them."""

    def history_subject(self) -> tuple[str, uuid.UUID]: ...


Tells = Callable[[Any, dict[str, Any]], Iterable[outbox.Notice]]


@dataclass(frozen=True)
class Event:
    """One kind of event. `sentence` is for partner and operator, `customer_sentence` for the customer (None: not shown)."""

    name: str
    sentence: str
    customer_sentence: str | None = None
    fields: frozenset[str] = field(default_factory=frozenset)
    icon: str = "renew"
    tells: Tells | None = field(default=None, compare=False)


EVENTS: dict[str, Event] = {}


def declare(event: Event) -> str:
    """Register an event; rooms do this where they are imported. Returns its name."""
    if event.name in EVENTS:
        raise ValueError(f"event {event.name!r} is declared twice")
    EVENTS[event.name] = event
    return event.name


class HistoryHead(Tenanted, Base):
    """The end of one subject's chain; its row lock puts appends in order."""

    __tablename__ = "history_head"

    subject_kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    length: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """Who is shown the event that it names as the last one."""
        last = aliased(History)
        its = and_(
            last.subject_kind == cls.subject_kind, last.subject_id == cls.subject_id, last.sequence == cls.length
        )
        return exists(select(last.id).where(its, last.visible_to(capacity)))


class History(Tenanted, Base):
    __tablename__ = "history"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "sequence"),
        Index("ix_history_about_id", "about_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    #: 1, 2, 3 ... within the subject
    sequence: Mapped[int] = mapped_column(Integer)
    event: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(Instant)
    by_member_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: name and organisation at that time, or "system"
    by_label: Mapped[str] = mapped_column(String(300))
    from_state: Mapped[str | None] = mapped_column(String(40))
    to_state: Mapped[str | None] = mapped_column(String(40))
    #: the row the event is about when that is not the subject itself: a billing entry of an engagement
    about_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: canonical JSON: the hash is over this very text
    facts: Mapped[str] = mapped_column(Text)
    seller_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    partner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The parties of the subject. An organisation's own chain: every operator, and itself, but for what names its other side
        alone: a customer's people do not read what the same house does as a partner, its keys and webhooks for one."""
        column = {"operator": cls.seller_id, "partner": cls.partner_id, "customer": cls.customer_id}.get(capacity)
        if column is None:
            return false()
        of_organisation = cls.subject_kind == "organisation"
        if capacity != "operator":
            names_no_side = and_(cls.seller_id.is_(None), cls.partner_id.is_(None), cls.customer_id.is_(None))
            of_organisation = and_(of_organisation, cls.subject_id == viewer_organisation(), names_no_side)
        return or_(column == viewer_organisation(), of_organisation)


def record(
    row: Subject,
    event: str,
    *,
    by: Viewer,
    from_state: str | None = None,
    to_state: str | None = None,
    at: datetime | None = None,
    **facts: Any,
) -> History:
    """Append one event to the row's chain, inside the caller's transaction, and post what its declaration tells."""
    check_facts(EVENTS[event], facts)
    kind, subject_id = row.history_subject()
    head = _lock_head(kind, subject_id)
    entry = _appended(head, row, event, facts, by=by, from_state=from_state, to_state=to_state, at=at or clock.now())
    db.session.add(entry)
    for notice in notices_of(row, event, facts):
        outbox.post(notice, subject_kind=kind, subject_id=subject_id)
    return entry


def notices_of(row: Subject, event: str, facts: dict[str, Any]) -> Iterable[outbox.Notice]:
    tells = EVENTS[event].tells
    return tells(row, facts) if tells else ()


def facts_of(event: str, facts: dict[str, Any]) -> str:
    """What a row of History keeps of an event: exactly the facts it declares, as canonical JSON."""
    check_facts(EVENTS[event], facts)
    return canonical_json(facts)


def check_facts(declared: Event, facts: dict[str, Any]) -> None:
    if facts.keys() != declared.fields:
        raise ValueError(f"{declared.name} carries {sorted(declared.fields)}, not {sorted(facts)}")


def _appended(
    head: HistoryHead,
    row: Subject,
    event: str,
    facts: dict[str, Any],
    *,
    by: Viewer,
    from_state: str | None,
    to_state: str | None,
    at: datetime,
) -> History:
    """The chain's next row, and the head moved onto it."""
    own_id = getattr(row, "id", None)
    entry = History(
        subject_kind=head.subject_kind,
        subject_id=head.subject_id,
        sequence=head.length + 1,
        event=event,
        at=at,
        by_member_id=by.member_id,
        by_label=by.label,
        from_state=from_state,
        to_state=to_state,
        about_id=own_id if own_id != head.subject_id else None,
        facts=canonical_json(facts),
        previous_hash=head.hash,
        **parties_of(row),
    )
    entry.hash = digest(entry)
    head.length, head.hash = entry.sequence, entry.hash
    announcements.post(entry, row)
    return entry


def parties_of(row: Any) -> dict[str, uuid.UUID | None]:
    if isinstance(row, OfParties):
        return {"seller_id": row.seller_id, "partner_id": row.partner_id, "customer_id": row.customer_id}
    parties = getattr(row, "history_parties", None)
    return parties() if parties else {}


def _lock_head(kind: str, subject_id: uuid.UUID) -> HistoryHead:
    """The chain's end, locked until the transaction ends. Heads are the system's: no viewer reads them as such."""
    with acting_for_all("append to a history chain"):
        db.session.flush()
        head = db.session.scalar(
            select(HistoryHead)
            .where(HistoryHead.subject_kind == kind, HistoryHead.subject_id == subject_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if head is None:
        head = HistoryHead(subject_kind=kind, subject_id=subject_id, length=0, hash=GENESIS)
        db.session.add(head)
    return head


@dataclass(frozen=True)
class Broken:
    """Where a chain does not hold, and why, in words for the operator."""

    subject_kind: str
    subject_id: uuid.UUID
    sequence: int
    why: str


@dataclass(frozen=True)
class Chain:
    """One subject's chain as it was found; `broken` is empty when it holds."""

    subject_kind: str
    subject_id: uuid.UUID
    length: int
    broken: tuple[Broken, ...]


_END = and_(HistoryHead.subject_kind == History.subject_kind, HistoryHead.subject_id == History.subject_id)
_IDS = ("subject_id", "by_member_id", "about_id", "seller_id", "partner_id", "customer_id")
#: what an event says, ids as plain text: what `digest` takes
EVENT_COLUMNS = tuple(
    as_text(getattr(History, name)).label(name) if name in _IDS else getattr(History, name) for name in COLUMNS
)
_EVENTS = select(
    *EVENT_COLUMNS,
    HistoryHead.length.label("head_length"),
    HistoryHead.hash.label("head_hash"),
).outerjoin(HistoryHead, _END)


def verify(kind: str | None = None, subject_id: uuid.UUID | None = None) -> Iterator[Broken]:
    """Where the subject's chain, or any chain, breaks. Nothing: it holds. Whether the viewer may ask is the caller's."""
    for chain in chains(kind, subject_id):
        yield from chain.broken


def chains(kind: str | None = None, subject_id: uuid.UUID | None = None) -> Iterator[Chain]:
    """Walk the subject's chain, or every chain, in flat memory; a chain of which only the end is left comes last."""
    rows = _EVENTS.order_by(History.subject_kind, History.subject_id, History.sequence)
    lost = select(HistoryHead.subject_kind, HistoryHead.subject_id, HistoryHead.length).where(
        ~exists(select(History.id).where(_END))
    )
    if subject_id is not None:
        rows = rows.where(History.subject_kind == kind, History.subject_id == subject_id)
        lost = lost.where(HistoryHead.subject_kind == kind, HistoryHead.subject_id == subject_id)
    with acting_for_all("a chain is verified whole, whoever looks"):
        found = streamed(rows)
    for subject, events in groupby(found, key=lambda row: (row.subject_kind, row.subject_id)):
        yield _walked(subject[0], uuid.UUID(subject[1]), events)
    with acting_for_all("a chain is verified whole, whoever looks"):
        found = streamed(lost)
    for row in found:
        why = f"the chain of {row.length} events is missing"
        yield Chain(row.subject_kind, row.subject_id, 0, (Broken(row.subject_kind, row.subject_id, row.length, why),))


def newest_hold(kind: str, subject_id: uuid.UUID, most: int) -> bool:
    """Whether the subject's newest `most` events follow from each other to the chain's end: what a page can afford to ask.

    A shorter chain is walked whole; the rest of a longer one is for the job and the commands that walk every chain.
    """
    found = _EVENTS.where(History.subject_kind == kind, History.subject_id == subject_id)
    with acting_for_all("a chain is verified whole, whoever looks"):
        newest = db.session.execute(found.order_by(History.sequence.desc()).limit(most)).all()[::-1]
    if not newest:
        return next(verify(kind, subject_id), None) is None  # a chain of which only the end is left does not hold
    first = newest[0]
    began = (first.sequence - 1, first.previous_hash) if len(newest) == most else (0, GENESIS)
    return not _walked(kind, subject_id, newest, began).broken


def _walked(kind: str, subject_id: uuid.UUID, events: Iterable[Any], began: tuple[int, str] = (0, GENESIS)) -> Chain:
    (sequence, last_hash), end = began, None
    broken = []
    for row in events:
        if row.sequence != sequence + 1:
            broken.append(Broken(kind, subject_id, row.sequence, f"event {sequence + 1} is missing"))
        elif row.previous_hash != last_hash:
            broken.append(Broken(kind, subject_id, row.sequence, "it does not follow from the event before it"))
        if digest(row) != row.hash:
            broken.append(Broken(kind, subject_id, row.sequence, "its content was changed after it was written"))
        sequence, last_hash, end = row.sequence, row.hash, (row.head_length, row.head_hash)
    if end != (sequence, last_hash):
        broken.append(
            Broken(kind, subject_id, sequence, "the chain's end is not where it was: events were cut off or added")
        )
    return Chain(kind, subject_id, sequence, tuple(broken))


def events_of(kind: str, subject_id: uuid.UUID, *, newest_first: bool = True) -> Sequence[History]:
    """The subject's events this viewer may see."""
    order = History.sequence.desc() if newest_first else History.sequence
    found = select(History).where(History.subject_kind == kind, History.subject_id == subject_id).order_by(order)
    return db.session.scalars(found).all()


__all__ = [
    "EVENTS",
    "EVENT_COLUMNS",
    "Broken",
    "Chain",
    "Event",
    "History",
    "HistoryHead",
    "Subject",
    "chains",
    "declare",
    "digest",
    "events_of",
    "facts_of",
    "newest_hold",
    "record",
    "true",
    "verify",
]
