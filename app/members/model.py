"""Members, where they belong and with which roles, who is invited, and what is kept of their sign-ins."""

import secrets
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    exists,
    false,
    select,
    text,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.foundation.database import Base, Instant, Row
from app.foundation.tenancy import Capacity, Tenanted, viewer_organisation
from app.members import states

_OPEN_ONLY = text("state = 'open'")


def new_mark() -> str:
    return secrets.token_hex(16)


class Member(Row, Tenanted, Base):
    """A person. One account, whatever the number of organisations."""

    __tablename__ = "member"

    name: Mapped[str] = mapped_column(String(200))
    #: lower case; what one signs in with
    email: Mapped[str] = mapped_column(String(254), unique=True)
    #: argon2id hash; None until the member has set one by the mailed link
    password: Mapped[str | None] = mapped_column(String(255))
    #: False: cannot sign in and is signed out
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    #: IANA zone in which instants are shown; no deadline is decided in it
    zone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: part of every session and link of this member: a new mark ends them all
    session_mark: Mapped[str] = mapped_column(String(32), default=new_mark)
    #: the authenticator's secret, encrypted and bound to this row (keys.seal)
    totp_secret: Mapped[str | None] = mapped_column(Text)
    #: None while the set-up waits for its first code
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    #: the 30-second step of the last code used: no code counts twice
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The operator sees all, an organisation its own members, the public nobody."""
        if capacity == "operator":
            return cls.id.is_not(None)
        if capacity not in ("partner", "customer"):
            return false()
        belongs = aliased(Membership)
        return exists(
            select(belongs.id)
            .where(belongs.member_id == cls.id, belongs.organisation_id == viewer_organisation())
            .correlate(cls)
        )

    @property
    def has_second_factor(self) -> bool:
        return self.totp_confirmed_at is not None

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "member", self.id


class Membership(Row, Tenanted, Base):
    """A member acts for an organisation in one capacity, with these roles."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("member_id", "organisation_id", "capacity"),
        Index("ix_membership_organisation_id_created_at_id", "organisation_id", "created_at", "id"),
    )

    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: partner, customer or operator
    capacity: Mapped[str] = mapped_column(String(10))
    #: keys of roles.ROLES, in that table's order
    roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        if capacity == "operator":
            return cls.id.is_not(None)
        return cls.organisation_id == viewer_organisation() if capacity in ("partner", "customer") else false()

    def history_subject(self) -> tuple[str, uuid.UUID]:
        """Who belongs to an organisation and with which roles is that organisation's history."""
        return "organisation", self.organisation_id

    def history_parties(self) -> dict[str, Any]:
        return _parties(self.capacity, self.organisation_id)


class Invitation(Row, Tenanted, Base):
    """Somebody is asked by mail to act for an organisation. Open until answered, withdrawn, or replaced after a week."""

    __tablename__ = "invitation"
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS
    __table_args__ = (
        Index(
            "uq_invitation_open",
            "organisation_id",
            "capacity",
            "email",
            unique=True,
            sqlite_where=_OPEN_ONLY,
            postgresql_where=_OPEN_ONLY,
        ),
    )

    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: partner, customer or operator
    capacity: Mapped[str] = mapped_column(String(10))
    #: as rules.normal_email spells it
    email: Mapped[str] = mapped_column(String(254))
    #: as whoever invites named them, for them to confirm; "" where nobody did
    name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    #: keys of roles.ROLES, held from the moment it is accepted
    roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    #: who is told of the answer; None: the system
    invited_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("member.id"))
    #: name and organisation at that time
    invited_by_label: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: mailed last; it expires a week later (rules.INVITED_FOR)
    sent_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(20), default=states.OPEN)
    version: Mapped[int] = mapped_column(Integer, default=1)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        if capacity == "operator":
            return cls.id.is_not(None)
        return cls.organisation_id == viewer_organisation() if capacity in ("partner", "customer") else false()

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "organisation", self.organisation_id

    def history_parties(self) -> dict[str, Any]:
        return _parties(self.capacity, self.organisation_id)


def _parties(capacity: str, organisation_id: uuid.UUID) -> dict[str, Any]:
    column = {"partner": "partner_id", "customer": "customer_id", "operator": "seller_id"}[capacity]
    return {column: organisation_id}


class MemberSession(Row, Tenanted, Base):
    """One sign-in that has not ended: a browser of this member. System only; its member lists it. Ended: the row is gone."""

    __tablename__ = "member_session"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_member_session_member_id_last_seen_at_id", "member_id", "last_seen_at", "id"),
        Index("ix_member_session_last_seen_at", "last_seen_at"),
    )

    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    #: keyed fingerprint of the random token in the browser's cookie
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: true to a few minutes (sessions.SEEN_EVERY)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    #: "Firefox on Windows", out of the browser's own words
    device: Mapped[str] = mapped_column(String(60))
    #: IPv4 address, or the /64 network of an IPv6 one, at sign-in
    source: Mapped[str] = mapped_column(String(45))


class SignUp(Row, Tenanted, Base):
    """A customer who wants to be one, until the mailed link proves the e-mail. System only; nothing comes of it before."""

    __tablename__ = "sign_up"
    __table_args__ = (Index("ix_sign_up_at", "at"),)

    #: as it was typed; whether it stands already is said after the link was used, to nobody before
    organisation_name: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    #: as rules.normal_email spells it
    email: Mapped[str] = mapped_column(String(254))
    #: argon2id hash; asked for again with the link, so that nobody confirms what somebody else typed
    password: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(Instant)
    #: the link was used; it works once
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)


class RecoveryCode(Row, Tenanted, Base):
    """One of ten codes that stand in for a lost authenticator, each once. System only."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("member_id", "digest"),)

    member_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("member.id"))
    #: keyed fingerprint of the code
    digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInAttempt(Tenanted, Base):
    """One try to sign in. Counted here so that the limit holds on every machine. System only."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_email_digest_at", "email_digest", "at"),
        Index("ix_sign_in_attempt_source_at", "source", "at"),
        Index("ix_sign_in_attempt_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    #: keyed fingerprint of the e-mail that was typed, whether it is a member's or not
    email_digest: Mapped[str] = mapped_column(String(64))
    #: IPv4 address, or the /64 network of an IPv6 one
    source: Mapped[str] = mapped_column(String(45))
    at: Mapped[datetime] = mapped_column(Instant)
    #: failed until settled; then signed-in, throttled, code-awaited, confirmed; or link-asked, link-used
    outcome: Mapped[str] = mapped_column(String(12))
