"""One row a book and month. A book is named by its cut-off policy: programmes with one policy close together."""

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.billing_month import BillingMonth
from app.foundation.database import Base, Instant, Row
from app.foundation.database import Month as MonthColumn
from app.foundation.tenancy import Capacity, Tenanted
from app.months import states


class Month(Row, Tenanted, Base):
    __tablename__ = "month"
    __table_args__ = (UniqueConstraint("book", "month"),)
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS

    #: key of CUT_OFF_POLICIES
    book: Mapped[str] = mapped_column(String(40))
    month: Mapped[BillingMonth] = mapped_column(MonthColumn)
    state: Mapped[str] = mapped_column(String(20), default=states.OPEN)
    frozen_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(Integer, default=1)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """Which months are open is no secret; amounts are not in here."""
        return true()

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "month", self.id
