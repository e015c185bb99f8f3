"""The outbox for machines: what happened and programs asked to be told, written in the transaction that made it true.

An event that somebody knows how to tell (`know`) leaves one row here when History records it. `notices` claims these rows,
works out who listens, and sends; it never reads History by a cursor, because ids commit out of order.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import bulk
from app.foundation.database import Base, Instant, Row, db
from app.foundation.identity import ids
from app.foundation.tenancy import Tenanted

#: Names of History's events that are announced.
KNOWN: set[str] = set()


class Announcement(Row, Tenanted, Base):
    """One event on its way to whoever listens; its id is the message's id at every receiver. System only."""

    __tablename__ = "announcement"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "sequence"),
        Index(
            "ix_announcement_waiting",
            "at",
            "id",
            postgresql_where=text("fanned_out_at IS NULL"),
            sqlite_where=text("fanned_out_at IS NULL"),
        ),
        Index("ix_announcement_at", "at", "id"),
    )

    #: which row of History it is; what happened is read there
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    sequence: Mapped[int] = mapped_column(Integer)
    event: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(Instant)
    #: when it was worked out who listens; nobody may
    fanned_out_at: Mapped[datetime | None] = mapped_column(Instant)


def know(*events: str) -> None:
    """Announce these events from now on. Said where the one who tells them is imported."""
    KNOWN.update(events)


def post(entry: Any, row: Any) -> None:
    """Announce an entry of History about `row`, inside the caller's transaction. Tests of products stay in the house."""
    if entry.event in KNOWN and not getattr(row, "is_test", False):
        db.session.add(
            Announcement(
                subject_kind=entry.subject_kind,
                subject_id=entry.subject_id,
                sequence=entry.sequence,
                event=entry.event,
                at=entry.at,
            )
        )


def post_many(places: Sequence[tuple[str, uuid.UUID, int]], event: str, at: datetime) -> None:
    """The same for very many entries of History of one event, by their (subject's kind, its id, sequence). None of tests."""
    if event in KNOWN:
        names = ("id", "subject_kind", "subject_id", "sequence", "event", "at")
        bulk.insert(Announcement, names, ((id_, *place, event, at) for place, id_ in zip(places, ids(), strict=False)))
