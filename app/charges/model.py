"""One rated line, and what lines come to in a month: between two parties, and under a programme."""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    Uuid,
    and_,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.billing_month import BillingMonth
from app.foundation.capacity import Capacity
from app.foundation.database import Base, Instant, Month, Row
from app.foundation.money import Money
from app.foundation.tenancy import OfParties, Tenanted, viewer_organisation


class ChargeLine(Row, OfParties, Base):
    __tablename__ = "charge_line"
    __table_args__ = (
        UniqueConstraint("source_kind", "source_id"),
        Index("ix_charge_line_customer", "customer_id", "booked_month", "id"),
        Index("ix_charge_line_partner", "partner_id", "booked_month", "id"),
        Index("ix_charge_line_booked", "booked_month", "id"),
    )

    programme_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: what the customer reads on the line
    description: Mapped[str] = mapped_column(String(300))
    #: the month in which the service was delivered
    service_month: Mapped[BillingMonth] = mapped_column(Month)
    #: the month on whose statement it stands
    booked_month: Mapped[BillingMonth] = mapped_column(Month)
    currency: Mapped[str] = mapped_column(String(3))
    #: what the customer is charged, without tax, minor units
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    #: what the partner is due for it by the programme's remuneration policy, minor units; never shown to the customer
    due_minor: Mapped[int] = mapped_column(BigInteger)
    #: tax on the gross, minor units
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    #: 'billing-entry'; later wings add theirs
    source_kind: Mapped[str] = mapped_column(String(30))
    source_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def gross(self) -> Money:
        return Money.of_minor(self.gross_minor, self.currency)

    @property
    def due(self) -> Money:
        return Money.of_minor(self.due_minor, self.currency)

    @property
    def tax(self) -> Money:
        return Money.of_minor(self.tax_minor, self.currency)


class ChargeMonth(OfParties, Base):
    """What the lines between the same parties, booked in one month and currency, come to. Kept with each line, in its
    transaction, so that a chart over a year reads some rows a month, however many lines there are; `check` compares."""

    __tablename__ = "charge_month"
    __table_args__ = (
        PrimaryKeyConstraint("seller_id", "booked_month", "partner_id", "customer_id", "currency", "is_test"),
        Index("ix_charge_month_partner", "partner_id", "booked_month"),
        Index("ix_charge_month_customer", "customer_id", "booked_month"),
    )

    booked_month: Mapped[BillingMonth] = mapped_column(Month)
    currency: Mapped[str] = mapped_column(String(3))
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    #: never shown to the customer
    due_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int] = mapped_column(Integer)


#: a key holds no NULL
NO_PROGRAMME = uuid.UUID(int=0)


class ProgrammeMonth(Tenanted, Base):
    """What a partner's lines under one programme, booked in one month and currency, come to. Kept like ChargeMonth, in a row
    for all customers, so that a list of months reads a few rows each, however many lines and customers there are.

    Lines of no programme stand under NO_PROGRAMME."""

    __tablename__ = "programme_month"
    __table_args__ = (
        PrimaryKeyConstraint("booked_month", "programme_id", "partner_id", "seller_id", "currency", "is_test"),
    )

    booked_month: Mapped[BillingMonth] = mapped_column(Month)
    programme_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    seller_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    currency: Mapped[str] = mapped_column(String(3))
    is_test: Mapped[bool] = mapped_column(Boolean)
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    due_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int] = mapped_column(Integer)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """Sums over customers are no customer's."""
        column = {"operator": cls.seller_id, "partner": cls.partner_id}.get(capacity)
        return false() if column is None else column == viewer_organisation()

    @classmethod
    def without_tests(cls, capacity: Capacity) -> ColumnElement[bool]:
        return and_(cls.visible_to(capacity), cls.is_test.is_(False))
