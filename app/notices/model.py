"""What is kept of notices: those in the portal, what each member wants, what was passed on, decided together, refused."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    false,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, Row
from app.foundation.tenancy import Capacity, Tenanted, current, viewer_organisation
from app.members.model import Member

_ACTING: tuple[Capacity, ...] = ("partner", "customer", "operator")
_UNREAD = text("read_at IS NULL")
_IN_BATCH = text("batch IS NOT NULL")


def viewer_member() -> BindParameter[uuid.UUID]:
    """The viewer's own member id, read at execution as viewer_organisation() is."""
    return bindparam(None, type_=Uuid(), unique=True, callable_=lambda: current().member_id)


class DemoMail(Row, Tenanted, Base):
    """One message in the demo mailbox. System only: it holds links that sign people in."""

    __tablename__ = "demo_mail"
    __table_args__ = (UniqueConstraint("outbox_id", "letter"), Index("ix_demo_mail_sent_at_id", "sent_at", "id"))

    #: the notice it came from; each of its letters is mailed once
    outbox_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    #: which of the notice's letters: a zone, "" where all its readers get the same
    letter: Mapped[str] = mapped_column(String(64), default="", server_default="")
    #: addresses, with a comma between them
    to: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(Instant)


class PortalNotice(Row, Tenanted, Base):
    """One notice of one member, in the portal. Read by nobody else, and only while acting for whom it is about."""

    __tablename__ = "portal_notice"
    __table_args__ = (
        UniqueConstraint("outbox_id", "member_id"),
        Index("ix_portal_notice_member", "member_id", "at", "id"),
        Index("ix_portal_notice_unread", "member_id", postgresql_where=_UNREAD, sqlite_where=_UNREAD),
        # one a subject and batch, whatever happened to it in that batch
        Index(
            "uq_portal_notice_batch",
            "member_id",
            "batch",
            "template",
            "subject_id",
            unique=True,
            postgresql_where=_IN_BATCH,
            sqlite_where=_IN_BATCH,
        ),
    )

    outbox_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    #: the organisation it is told on behalf of; None: it is the member's own
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: key of types.TYPES
    type: Mapped[str] = mapped_column(String(20))
    #: names templates/mail/<template>.txt: its subject is the line, its first link where the line leads
    template: Mapped[str] = mapped_column(String(60))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    subject_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    batch: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: further events of the same subject in the same batch
    more: Mapped[int] = mapped_column(Integer, default=0)
    at: Mapped[datetime] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        if capacity not in _ACTING:
            return false()
        here = or_(cls.organisation_id.is_(None), cls.organisation_id == viewer_organisation())
        return and_(cls.member_id == viewer_member(), here)


class NoticePreference(Row, Tenanted, Base):
    """What one member wants of one type. No row: both."""

    __tablename__ = "notice_preference"
    __table_args__ = (UniqueConstraint("member_id", "type"),)

    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    #: key of types.TYPES
    type: Mapped[str] = mapped_column(String(20))
    in_portal: Mapped[bool] = mapped_column(Boolean, default=True)
    by_mail: Mapped[bool] = mapped_column(Boolean, default=True)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return cls.member_id == viewer_member() if capacity in _ACTING else false()


class RefusedAddress(Row, Tenanted, Base):
    """An e-mail address that a mail server refused for good. Not mailed again until its member confirms it; another
    address has no row here. An organisation reads what was said of its own members' addresses, nobody of anybody else's."""

    __tablename__ = "refused_address"
    __table_args__ = (UniqueConstraint("email"),)

    #: lower case
    email: Mapped[str] = mapped_column(String(320))
    #: the server's own word: 550 no such mailbox
    word: Mapped[str] = mapped_column(Text)
    refused_at: Mapped[datetime] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return cls.email.in_(select(Member.email).where(Member.visible_to(capacity)))


class Digest(Row, Tenanted, Base):
    """That a member's morning in an organisation was looked at: at most one digest a day. System only."""

    __tablename__ = "digest"
    __table_args__ = (UniqueConstraint("member_id", "organisation_id", "day"), Index("ix_digest_day", "day"))

    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: in the member's own zone
    day: Mapped[date] = mapped_column(Date)
    #: decisions that waited; 0: no mail
    waiting: Mapped[int] = mapped_column(Integer)


class Delegation(Row, Tenanted, Base):
    """A line of the inbox passed to a colleague. Never changed: the newest of a line is the one that counts."""

    __tablename__ = "delegation"
    __table_args__ = (Index("ix_delegation_subject", "organisation_id", "subject_id", "at"),)

    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: a Kind's name
    kind: Mapped[str] = mapped_column(String(40))
    #: the row to be decided
    subject_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    from_member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    from_name: Mapped[str] = mapped_column(String(200))
    to_member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    to_name: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return cls.organisation_id == viewer_organisation() if capacity in _ACTING else false()


class BulkDecision(Row, Tenanted, Base):
    """Decisions that one member made in one go, and what became of each. Its id is the batch of the notices."""

    __tablename__ = "bulk_decision"

    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    #: approve or reject
    verb: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text, default="")
    #: fingerprint of what was asked, so that the same form with another content is refused
    digest: Mapped[str] = mapped_column(String(64))
    #: one a row: kind, id, number, about, sender, path, outcome (done, refused, gone, failed), sentence, facts
    results: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        if capacity not in _ACTING:
            return false()
        return and_(cls.member_id == viewer_member(), cls.organisation_id == viewer_organisation())
