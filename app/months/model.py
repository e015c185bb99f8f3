"""One row a book and month, what each close stored, and the wishes to reopen.

A book is named by its cut-off policy: programmes with one policy close together.
"""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.billing_month import BillingMonth
from app.foundation.database import Base, Instant, Row
from app.foundation.database import Month as MonthColumn
from app.foundation.tenancy import Capacity, Tenanted
from app.months import states

_WAITING = text("state = 'requested'")


class OperatorsOwn(Tenanted):
    """What a close stored and why a month is reopened: the operator's to read, nobody else's."""

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return true() if capacity == "operator" else false()


class Month(Row, Tenanted, Base):
    __tablename__ = "month"
    __table_args__ = (UniqueConstraint("book", "month"), Index("ix_month_month", "month", "book"))
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS

    #: key of CUT_OFF_POLICIES
    book: Mapped[str] = mapped_column(String(40))
    month: Mapped[BillingMonth] = mapped_column(MonthColumn)
    state: Mapped[str] = mapped_column(String(20), default=states.OPEN)
    #: since when no entry is accepted; None while some are
    frozen_at: Mapped[datetime | None] = mapped_column(Instant)
    #: when its totals were stored; None while they may change
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(Integer, default=1)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """Which months are open is no secret; amounts are not in here."""
        return true()

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "month", self.id


class MonthClose(Row, OperatorsOwn, Base):
    """One close of one month: never changed. A month that is reopened and closed again has two."""

    __tablename__ = "month_close"
    __table_args__ = (UniqueConstraint("sequence"), Index("ix_month_close_month", "month_id", "sequence"))

    month_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("month.id"))
    #: 1, 2, 3 ... over all books: each close sees the history chains as they had grown since the one before
    sequence: Mapped[int] = mapped_column(Integer)
    closed_at: Mapped[datetime] = mapped_column(Instant)
    closed_by: Mapped[str] = mapped_column(String(300))
    #: SHA-256 over the end and length of every history chain, see root.py
    root_hash: Mapped[str] = mapped_column(String(64))
    chains: Mapped[int] = mapped_column(Integer)
    events: Mapped[int] = mapped_column(BigInteger)


class MonthCloseTotal(Row, OperatorsOwn, Base):
    """What was booked in the month under one programme in one currency, as it was closed: never changed."""

    __tablename__ = "month_close_total"
    __table_args__ = (UniqueConstraint("close_id", "programme_id", "currency"),)

    close_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("month_close.id"))
    programme_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    currency: Mapped[str] = mapped_column(String(3))
    lines: Mapped[int] = mapped_column(Integer)
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    due_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)


class ChainMark(Tenanted, Base):
    """How far one history chain reached at a close. Written only when it has grown since its last mark; never changed."""

    __tablename__ = "chain_mark"

    subject_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: of the close, as MonthClose.sequence
    close_sequence: Mapped[int] = mapped_column(Integer, primary_key=True)
    length: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))


class MonthReopening(Row, OperatorsOwn, Base):
    """The wish to reopen a month. At most one waits a month: the database says so."""

    __tablename__ = "month_reopening"
    __transitions__ = states.REOPENING_TRANSITIONS
    __events__ = states.REOPENING_EVENTS
    __table_args__ = (
        Index("uq_month_reopening_waiting", "month_id", unique=True, sqlite_where=_WAITING, postgresql_where=_WAITING),
    )

    month_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("month.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20), default=states.REQUESTED)
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    asked_by_name: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    decided_by_name: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(Integer, default=1)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "month", self.month_id
