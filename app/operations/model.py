"""Runs of the self-check, and runs of jobs that a person asked for."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, Index, Integer, String, Text, Uuid, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, Row
from app.foundation.self_check import Verdict
from app.foundation.tenancy import Capacity, Tenanted
from app.operations import states

_OPEN_ONLY = text("state IN ('requested', 'running')")
_ASKED_ONLY = text("state = 'asked'")


class CheckRun(Row, Tenanted, Base):
    """One run; the last ones are kept with their verdicts."""

    __tablename__ = "check_run"
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS
    __table_args__ = (
        Index("uq_check_run_open", "scope", unique=True, sqlite_where=_OPEN_ONLY, postgresql_where=_OPEN_ONLY),
        Index("ix_check_run_requested_at_id", "requested_at", "id"),
    )

    #: what is checked; 'all' is all there is so far
    scope: Mapped[str] = mapped_column(String(20), default="all")
    state: Mapped[str] = mapped_column(String(20), default=states.REQUESTED)
    requested_at: Mapped[datetime] = mapped_column(Instant)
    requested_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    requested_by_name: Mapped[str] = mapped_column(String(200), default="")
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    #: the last sign of life of whoever carries it out
    touched_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    #: how many claims there are to check
    claims: Mapped[int] = mapped_column(Integer, default=0)
    #: the claim that is being checked, and its rows so far
    claim_now: Mapped[str] = mapped_column(Text, default="")
    looked_now: Mapped[int] = mapped_column(BigInteger, default=0)
    #: [{"claim": ..., "looked": 12, "wrong": 0, "sentences": []}, ...] of the claims that are checked
    verdicts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    version: Mapped[int] = mapped_column(Integer, default=1)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The operator's alone: sentences name rows of every tenant."""
        return true() if capacity == "operator" else false()

    @property
    def told(self) -> list[Verdict]:
        return [Verdict(v["claim"], v["looked"], v["wrong"], tuple(v["sentences"])) for v in self.verdicts]

    @property
    def looked(self) -> int:
        return sum(verdict["looked"] for verdict in self.verdicts) + self.looked_now

    @property
    def wrong(self) -> int:
        return sum(verdict["wrong"] for verdict in self.verdicts)

    @property
    def is_open(self) -> bool:
        return self.state in states.OPEN

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "check_run", self.id


class AskedRun(Row, Tenanted, Base):
    """One run of a job out of turn, because a person asked for it. The timetable goes on as ever."""

    __tablename__ = "asked_run"
    __transitions__ = states.JOB_TRANSITIONS
    __events__ = states.JOB_EVENTS
    __table_args__ = (
        Index("uq_asked_run_waiting", "job", unique=True, sqlite_where=_ASKED_ONLY, postgresql_where=_ASKED_ONLY),
        Index("ix_asked_run_job_asked_at", "job", "asked_at"),
    )

    #: its name on the timetable
    job: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(20), default=states.ASKED)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    asked_by_name: Mapped[str] = mapped_column(String(200), default="")
    begun_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    #: what the run said, or why it failed
    message: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(Integer, default=1)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return true() if capacity == "operator" else false()

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "asked_run", self.id
