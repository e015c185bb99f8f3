"""Task-runs, what each reads kind by kind, and what Microsoft refused in it."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.csp.discovery import states
from app.csp.tenancy import OfPartner
from app.foundation.database import Base, Instant, Row

_LIVE = text("state IN ('queued', 'in_progress')")


class CspRun(Row, OfPartner, Base):
    __tablename__ = "csp_run"
    __table_args__ = (
        UniqueConstraint("account_id", "number"),
        # one live run an account: the database refuses the second
        Index("uq_csp_run_live", "account_id", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_csp_run_live_state", "state", "asked_at", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_csp_run_partner", "partner_id", "asked_at", "id"),
    )
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS

    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"))
    #: 1, 2, 3 ... within the account
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20), default=states.QUEUED)
    #: manual or schedule
    trigger: Mapped[str] = mapped_column(String(10))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    asked_by_name: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    #: the worker that has it, and its last sign of life: another takes it over 15 s after
    claimed_by: Mapped[str | None] = mapped_column(String(100))
    heartbeat_at: Mapped[datetime | None] = mapped_column(Instant)
    #: somebody pressed Stop
    stop_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    stop_asked_by_name: Mapped[str | None] = mapped_column(String(200))
    #: completed, but Microsoft refused something of it (csp_refusal)
    is_partial: Mapped[bool] = mapped_column(Boolean, default=False)
    #: in the user's words; None without an error
    error: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, default=1)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_account", self.account_id


class CspRunKind(OfPartner, Base):
    """How far a run is with one kind: customers, subscriptions, usage, invoices or lines (states.KINDS)."""

    __tablename__ = "csp_run_kind"

    run_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_run.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    #: waiting, reading, done or failed (states)
    progress: Mapped[str] = mapped_column(String(10), default="waiting")
    done: Mapped[int] = mapped_column(Integer, default=0)
    #: None: not known before the last page
    known: Mapped[int | None] = mapped_column(Integer)
    new: Mapped[int] = mapped_column(Integer, default=0)
    changed: Mapped[int] = mapped_column(Integer, default=0)
    requests: Mapped[int] = mapped_column(Integer, default=0)
    throttled_seconds: Mapped[int] = mapped_column(Integer, default=0)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    #: where it goes on after the last committed page
    cursor: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    error: Mapped[str | None] = mapped_column(Text)


class CspListed(OfPartner, Base):
    """What a run's listing of one kind has named so far: after its last page, who is not among it is listed no more.

    Kept while the run is alive, so that another worker can go on in the middle of a listing.
    """

    __tablename__ = "csp_listed"

    run_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_run.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    #: a customer's tenant id or a document's number
    subject: Mapped[str] = mapped_column(String(80), primary_key=True)


class CspRefusal(Row, OfPartner, Base):
    """What Microsoft refused while the rest was read: one customer, or one document's lines."""

    __tablename__ = "csp_refusal"
    __table_args__ = (Index("ix_csp_refusal_run", "run_id", "id"),)

    run_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_run.id"))
    kind: Mapped[str] = mapped_column(String(20))
    #: what was refused: a customer's tenant id or a document's number, and its name
    subject: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(300))
    #: HTTP status and Microsoft's code
    status: Mapped[int] = mapped_column(Integer)
    code: Mapped[str] = mapped_column(String(40))
    sentence: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
