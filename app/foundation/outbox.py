"""The outbox: what the world must be told, written in the transaction that made it true.

`notices` claims these rows and sends them; a mail server that is down delays mail, never a decision.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import clock
from app.foundation.database import Base, Instant, Row, db
from app.foundation.tenancy import Tenanted


@dataclass(frozen=True)
class Notice:
    """What to tell whom. `audience`: 'address' (an e-mail address), 'member' (id) or 'organisation' (id + permission)."""

    audience: str
    address: str
    template: str
    facts: dict[str, Any] = field(default_factory=dict)
    #: only members of the organisation who hold it are told
    permission: str | None = None


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

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "outbox", self.id


def post(
    notice: Notice,
    *,
    subject_kind: str | None = None,
    subject_id: uuid.UUID | None = None,
    due_at: datetime | None = None,
) -> None:
    """Put a notice in the outbox, inside the caller's transaction; due at once if nothing is said."""
    now = clock.now()
    db.session.add(
        OutboxRow(
            audience=notice.audience,
            address=notice.address,
            permission=notice.permission,
            template=notice.template,
            facts=notice.facts,
            subject_kind=subject_kind,
            subject_id=subject_id,
            created_at=now,
            due_at=due_at or now,
        )
    )
