"""Organisations and the relations between them."""

import uuid
from datetime import datetime

from sqlalchemy import Boolean, ColumnElement, ForeignKey, Index, String, Uuid, exists, false, or_, select, text
from sqlalchemy.orm import Mapped, aliased, mapped_column, validates

from app.foundation.database import Base, Instant, Row
from app.foundation.tenancy import Capacity, Tenanted, viewer_organisation
from app.foundation.text import folded


class PartnerCustomer(Row, Tenanted, Base):
    """This partner works for this customer: each may see the other's name, for ever, because past engagements name it."""

    __tablename__ = "partner_customer"
    __table_args__ = (
        Index(
            "uq_partner_customer_standing",
            "partner_id",
            "customer_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # whether a partner may read a customer's name is asked for each row of a list
        Index("ix_partner_customer_partner_id_customer_id", "partner_id", "customer_id"),
    )

    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"), index=True)
    since: Mapped[datetime] = mapped_column(Instant)
    #: None while it stands; one that has ended is kept, and the next request begins another
    ended_at: Mapped[datetime | None] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        if capacity == "operator":
            return cls.id.is_not(None)
        column = {"partner": cls.partner_id, "customer": cls.customer_id}.get(capacity)
        return false() if column is None else column == viewer_organisation()


class Organisation(Row, Tenanted, Base):
    __tablename__ = "organisation"
    __table_args__ = (Index("uq_organisation_name", "name", unique=True),)

    name: Mapped[str] = mapped_column(String(200))
    is_operator: Mapped[bool] = mapped_column(Boolean, default=False)
    is_partner: Mapped[bool] = mapped_column(Boolean, default=False)
    is_customer: Mapped[bool] = mapped_column(Boolean, default=False)
    #: IANA zone offered to new members; display only
    zone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: since when members who act for it need a second factor; None: they may have one
    second_factor_since: Mapped[datetime | None] = mapped_column(Instant)
    #: nobody acts for it and nobody is told anything for it any more; None: it does business
    deactivated_at: Mapped[datetime | None] = mapped_column(Instant)
    #: history chain and lost updates
    version: Mapped[int] = mapped_column(default=1)
    #: the name, folded, for searches
    search_name: Mapped[str] = mapped_column(String(400), default="", server_default="")

    @validates("name")
    def _searched(self, _changed: str, value: str) -> str:
        self.search_name = folded(value)[:400]
        return value

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """The operator sees all. Who offers services is public; a customer is seen by itself and by its own partners."""
        if capacity == "operator":
            return cls.id.is_not(None)
        offers = or_(cls.is_partner, cls.is_operator)
        if capacity == "public":
            return offers
        if capacity == "customer":
            return or_(offers, cls.id == viewer_organisation())
        relation = aliased(PartnerCustomer)
        related = exists(
            select(relation.id)
            .where(relation.partner_id == viewer_organisation(), relation.customer_id == cls.id)
            .correlate(cls)
        )
        return or_(offers, cls.id == viewer_organisation(), related)

    def acts_as(self, capacity: str) -> bool:
        """Whether members may act for it in this capacity now."""
        held = {"operator": self.is_operator, "partner": self.is_partner, "customer": self.is_customer}
        return self.deactivated_at is None and bool(held.get(capacity))

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "organisation", self.id
