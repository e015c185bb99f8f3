"""The outbox: what the world must be told, written in the transaction that made it true.

`notices` claims these rows and sends them; a mail server that is down delays mail, never a decision.

    with outbox.one_batch() as batch:      # forty decisions in one go, each in a transaction of its own:
        for row in rows: decide(row)       # who is told of several gets one mail, and one notice a subject
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Index,
    Integer,
    String,
    Text,
    Uuid,
    and_,
    literal_column,
    or_,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import clock
from app.foundation.database import Base, Instant, Row, db, transaction
from app.foundation.identity import new_id
from app.foundation.tenancy import Tenanted, acting_for_all

#: what belongs to a batch waits so long for the rest of it; the batch's end lets it go at once
BATCH_HELD = timedelta(seconds=60)
_batch: ContextVar[uuid.UUID | None] = ContextVar("batch", default=None)


#: as tried_in_vain() says it, word for word, or the databases would not use the index
_IN_VAIN = "sent_at IS NULL AND (tries > 0 OR failed_at IS NOT NULL)"


@dataclass(frozen=True)
class Notice:
    """What to tell whom. `audience`: 'address' (an e-mail address), 'member' (id) or 'organisation' (id + permission)."""

    audience: str
    address: str
    template: str
    facts: dict[str, Any] = field(default_factory=dict)
    #: only members of the organisation who hold it are told
    permission: str | None = None
    #: for a member: on whose behalf it is told; shown in the portal while acting for it
    organisation_id: uuid.UUID | None = None


class OutboxRow(Row, Tenanted, Base):
    """One notice on its way. System only: it holds what several tenants say to each other."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due", "due_at", postgresql_where=text("sent_at IS NULL"), sqlite_where=text("sent_at IS NULL")
        ),
        # what waits, in the order it began to
        Index(
            "ix_outbox_unsent",
            "created_at",
            "id",
            postgresql_where=text("sent_at IS NULL"),
            sqlite_where=text("sent_at IS NULL"),
        ),
        # what was tried in vain, however much waits untried: the operator's menu counts it on every page
        Index("ix_outbox_in_vain", "tries", postgresql_where=text(_IN_VAIN), sqlite_where=text(_IN_VAIN)),
        Index(
            "ix_outbox_unshown",
            "created_at",
            postgresql_where=text("shown_at IS NULL"),
            sqlite_where=text("shown_at IS NULL"),
        ),
        Index(
            "ix_outbox_batch",
            "batch",
            postgresql_where=text("batch IS NOT NULL"),
            sqlite_where=text("batch IS NOT NULL"),
        ),
    )

    audience: Mapped[str] = mapped_column(String(20))
    #: an address, or the id of the member or organisation
    address: Mapped[str] = mapped_column(String(320))
    permission: Mapped[str | None] = mapped_column(String(60))
    #: names the body in templates/mail/
    template: Mapped[str] = mapped_column(String(60))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: what it is about, so that its history can say it was sent
    subject_kind: Mapped[str | None] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: not before this instant; moved forward after a failure
    due_at: Mapped[datetime] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    #: set when it is given up: the address is refused for good
    failed_at: Mapped[datetime | None] = mapped_column(Instant)
    #: rows of one batch are told together
    batch: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: on whose behalf a member is told
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: when it was put among its readers' notices in the portal, or found to have no place there
    shown_at: Mapped[datetime | None] = mapped_column(Instant)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "outbox", self.id


def tried_in_vain(of: Any = OutboxRow) -> ColumnElement[bool]:
    """Put off or given up, and not sent. `of`: the columns that say so."""
    return and_(of.sent_at.is_(None), or_(of.tries > literal_column("0"), of.failed_at.is_not(None)))


@contextmanager
def one_batch(batch: uuid.UUID | None = None) -> Iterator[uuid.UUID]:
    """What is posted inside is told together: held back until the block ends, or for BATCH_HELD if the process dies in it."""
    batch = batch or new_id()
    token = _batch.set(batch)
    try:
        yield batch
    finally:
        _batch.reset(token)
    now = clock.now()
    with transaction() as session, acting_for_all("a batch is whole: its notices may go out"):
        session.execute(
            update(OutboxRow)
            .where(OutboxRow.batch == batch, OutboxRow.sent_at.is_(None), OutboxRow.tries == 0)
            .where(OutboxRow.due_at <= now + BATCH_HELD)  # later: a sender has claimed it in the meantime
            .values(due_at=now)
            .execution_options(synchronize_session=False)
        )


def post(
    notice: Notice,
    *,
    subject_kind: str | None = None,
    subject_id: uuid.UUID | None = None,
    due_at: datetime | None = None,
    batch: uuid.UUID | None = None,
) -> OutboxRow:
    """Put a notice in the outbox, inside the caller's transaction; due at once if nothing is said."""
    now, batch = clock.now(), batch or _batch.get()
    row = OutboxRow(
        audience=notice.audience,
        address=notice.address,
        permission=notice.permission,
        template=notice.template,
        facts=notice.facts,
        subject_kind=subject_kind,
        subject_id=subject_id,
        created_at=now,
        due_at=due_at or (now + BATCH_HELD if batch else now),
        batch=batch,
        organisation_id=notice.organisation_id,
    )
    db.session.add(row)
    return row
