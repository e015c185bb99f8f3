"""Programmes, products, plans, metrics and price versions."""

import uuid
from datetime import datetime
from decimal import Decimal
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
    false,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.catalog import states
from app.catalog.listing_model import Evidence, ListingReview
from app.catalog.states import SHOWN
from app.catalog.tariff import Band, Tariff
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth, CutOff
from app.foundation.database import Base, Exact, Instant, Month, Row, one_of
from app.foundation.money import Money
from app.foundation.tenancy import Capacity, ForEverybody, Tenanted, viewer_organisation
from app.foundation.text import folded


class Programme(Row, Tenanted, Base):
    """The rules under which a family of products is sold; what differs between the guides' worlds is a column here."""

    __tablename__ = "programme"

    name: Mapped[str] = mapped_column(String(120), unique=True)
    #: who sells to the customer and runs the programme
    seller_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: key of CUT_OFF_POLICIES; also names the book of months
    cut_off: Mapped[str] = mapped_column(String(40), default="reject-after-grace")
    #: what Reject completion request does when nothing else is chosen: 'delete' (the guide's word) or 'keep-active'
    completion_outcome: Mapped[str] = mapped_column(String(20), default="delete")
    #: entries whose amount exceeds it wait for a person; minor units of `currency`, None: none waits
    review_threshold_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    #: 'revenue_share' (partner states gross, is due a share) or 'net_plus_mark_up' (partner states net, we mark it up)
    remuneration: Mapped[str] = mapped_column(String(20), default="revenue_share")
    #: the share in percent, or the mark-up in percent on net
    remuneration_percent: Mapped[Decimal] = mapped_column(Exact, default=Decimal(80))
    #: percent of gross; a line of its own, never part of the royalty base
    tax_percent: Mapped[Decimal] = mapped_column(Exact, default=Decimal(0))
    #: the guide asks all three roles for viewing billing too
    viewing_takes_all_three: Mapped[bool] = mapped_column(Boolean, default=False)
    #: block tariffs are not available for new plans unless the programme says so
    allows_block: Mapped[bool] = mapped_column(Boolean, default=False)
    version: Mapped[int] = mapped_column(Integer, default=1)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """Shares and thresholds are between operator and partners; customers and the public never read them."""
        return cls.id.is_not(None) if capacity in ("operator", "partner") else false()

    @property
    def policy(self) -> CutOff:
        return CUT_OFF_POLICIES[self.cut_off]

    @property
    def review_threshold(self) -> Money | None:
        return (
            None if self.review_threshold_minor is None else Money.of_minor(self.review_threshold_minor, self.currency)
        )

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "programme", self.id

    def history_parties(self) -> dict[str, uuid.UUID | None]:
        return {"seller_id": self.seller_id}


__all__ = [
    "SHOWN",
    "CustomParameter",
    "Evidence",
    "ListingReview",
    "Metric",
    "MetricPrice",
    "Plan",
    "PriceVersion",
    "Product",
    "Programme",
]


class Product(Row, Tenanted, Base):
    """A managed professional service as its catalog entry describes it."""

    __tablename__ = "product"
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS
    __table_args__ = (UniqueConstraint("slug"), Index("ix_product_partner_id_name", "partner_id", "name"))

    programme_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("programme.id"))
    seller_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(String(120))
    #: its address in the catalog, programmatic name: a-z, 0-9, dash, dot
    slug: Mapped[str] = mapped_column(String(120))
    category: Mapped[str] = mapped_column(String(60), default="")
    summary: Mapped[str] = mapped_column(String(200), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    #: where engagement requests are mailed
    request_email: Mapped[str] = mapped_column(String(320))
    #: hours and ways to reach support, for the catalog
    support: Mapped[str] = mapped_column(Text, default="")
    #: see states.py
    state: Mapped[str] = mapped_column(String(30), default="draft")
    #: counts the catalog entry's editions, so that a request can say which it answered
    edition: Mapped[int] = mapped_column(Integer, default=1)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: the name, folded, for searches
    search_name: Mapped[str] = mapped_column(String(300), default="", server_default="")

    @validates("name")
    def _searched(self, _changed: str, value: str) -> str:
        self.search_name = folded(value)[:300]
        return value

    programme: Mapped[Programme] = relationship(lazy="raise")
    plans: Mapped[list["Plan"]] = relationship(back_populates="product", order_by="Plan.position", lazy="raise")
    parameters: Mapped[list["CustomParameter"]] = relationship(order_by="CustomParameter.position", lazy="raise")

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """Published products are public; a partner sees its own in every state."""
        if capacity == "operator":
            return cls.seller_id == viewer_organisation()
        published = one_of(cls.state, SHOWN)
        return or_(published, cls.partner_id == viewer_organisation()) if capacity == "partner" else published

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "product", self.id

    def history_parties(self) -> dict[str, uuid.UUID | None]:
        return {"seller_id": self.seller_id, "partner_id": self.partner_id}


class CustomParameter(Row, ForEverybody, Base):
    """A field the partner adds to the request form. Read through its product only."""

    __tablename__ = "custom_parameter"
    __table_args__ = (UniqueConstraint("product_id", "key"),)

    product_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("product.id"))
    position: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(80))
    #: 'short_text', 'paragraph', 'selection' or 'checkbox'
    kind: Mapped[str] = mapped_column(String(20))
    #: what a selection offers
    options: Mapped[list[str]] = mapped_column(JSON, default=list)
    required: Mapped[bool] = mapped_column(Boolean, default=False)


class Plan(Row, Tenanted, Base):
    __tablename__ = "plan"
    __table_args__ = (UniqueConstraint("product_id", "code"),)

    product_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("product.id"))
    position: Mapped[int] = mapped_column(Integer, default=1)
    name: Mapped[str] = mapped_column(String(120))
    #: programmatic name
    code: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(Text, default="")

    product: Mapped[Product] = relationship(back_populates="plans", lazy="raise")
    metrics: Mapped[list["Metric"]] = relationship(order_by="Metric.position", lazy="raise")
    price_versions: Mapped[list["PriceVersion"]] = relationship(
        back_populates="plan", order_by="PriceVersion.number", lazy="raise"
    )

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """As its product is."""
        return cls.product_id.in_(select(Product.id).where(Product.visible_to(capacity)))


class Metric(Row, ForEverybody, Base):
    """What a plan counts. Read through its plan only."""

    __tablename__ = "metric"
    __table_args__ = (UniqueConstraint("plan_id", "code"),)

    plan_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("plan.id"))
    position: Mapped[int] = mapped_column(Integer, default=1)
    code: Mapped[str] = mapped_column(String(60))
    #: 'Hours', 'Implementation' or 'Unit'
    kind: Mapped[str] = mapped_column(String(20))
    #: as people read it: Hours, Set-up, Servers
    name: Mapped[str] = mapped_column(String(60))
    #: beside a number: h, TB, servers
    unit: Mapped[str] = mapped_column(String(20))
    #: one of it, after "per": server; empty where it is the same word: h, TB
    unit_one: Mapped[str] = mapped_column(String(20), default="", server_default="")
    #: an entry's quantity is a multiple of it: 0.25 hours
    step: Mapped[Decimal] = mapped_column(Exact, default=Decimal("0.01"))
    #: the plan's limit on one month's quantity; None: none
    month_limit: Mapped[Decimal | None] = mapped_column(Exact)
    #: the operator's approval of the metric; entries on others are rejected
    approved: Mapped[bool] = mapped_column(Boolean, default=False)

    @property
    def one_unit(self) -> str:
        return self.unit_one or self.unit


def _state_of_a_new_version(context: Any) -> str:
    return states.APPROVED if context.get_current_parameters().get("approved_at") else states.DRAFT


class PriceVersion(Row, Tenanted, Base):
    """One edition of a plan's prices, in force from `effective_from` until the next one. Never changed once approved."""

    __tablename__ = "price_version"
    __transitions__ = states.PRICE_TRANSITIONS
    __events__ = states.PRICE_EVENTS
    __table_args__ = (
        UniqueConstraint("plan_id", "number"),
        # one edition a plan is being written or waits; the approved ones are many
        Index(
            "uq_price_version_open",
            "plan_id",
            unique=True,
            sqlite_where=text("state != 'approved'"),
            postgresql_where=text("state != 'approved'"),
        ),
    )

    plan_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("plan.id"))
    number: Mapped[int] = mapped_column(Integer)
    effective_from: Mapped[BillingMonth] = mapped_column(Month)
    currency: Mapped[str] = mapped_column(String(3))
    #: None: still waiting for pricing approval, not in force
    approved_at: Mapped[datetime | None] = mapped_column(Instant)
    #: see states.PRICE_TRANSITIONS; one that is made with its approval is approved
    state: Mapped[str] = mapped_column(String(20), default=_state_of_a_new_version)
    #: when customers with current engagements on the plan were told; None: not yet, or there was nothing to tell
    announced_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(Integer, default=1)

    plan: Mapped[Plan] = relationship(back_populates="price_versions", lazy="raise")
    prices: Mapped[list["MetricPrice"]] = relationship(lazy="raise")

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        """As its plan's product is. A net price list is shown to customers as gross only (queries.py sees to it)."""
        return cls.plan_id.in_(
            select(Plan.id).join(Product, Product.id == Plan.product_id).where(Product.visible_to(capacity))
        )

    def history_subject(self) -> tuple[str, uuid.UUID]:
        """Part of its product's story; whoever changes its state has read plan and product with it."""
        return self.plan.product.history_subject()

    def history_parties(self) -> dict[str, uuid.UUID | None]:
        return self.plan.product.history_parties()


class MetricPrice(Row, ForEverybody, Base):
    """One metric's tariff in one price version. Read through its version only."""

    __tablename__ = "metric_price"
    __table_args__ = (UniqueConstraint("price_version_id", "metric_id"),)

    price_version_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("price_version.id"))
    metric_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("metric.id"))
    #: per_unit, graduated, simple or block
    model: Mapped[str] = mapped_column(String(20))
    #: the smallest quantity customers pay
    charge_unit: Mapped[Decimal] = mapped_column(Exact, default=Decimal(1))
    #: [{"up_to": "1000" or null, "price": "0.90"}, ...] as exact text
    bands: Mapped[list[dict[str, Any]]] = mapped_column(JSON)

    @property
    def tariff(self) -> Tariff:
        bands = tuple(
            Band(None if band["up_to"] is None else Decimal(band["up_to"]), Decimal(band["price"]))
            for band in self.bands
        )
        return Tariff(self.model, bands, self.charge_unit)  # type: ignore[arg-type]
