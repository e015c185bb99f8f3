"""Customers and subscriptions as Microsoft last named them; mark-up, tax and budget as the partner set them."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.csp.tenancy import OfPartner
from app.foundation.billing_month import BillingMonth
from app.foundation.database import AsSent, Base, Exact, Instant, Month, Row


class CspCustomer(Row, OfPartner, Base):
    __tablename__ = "csp_customer"
    __table_args__ = (
        UniqueConstraint("account_id", "tenant_id"),
        Index("ix_csp_customer_partner", "partner_id", "search_name", "id"),
        Index("ix_csp_customer_account", "account_id", "search_name", "id"),
        Index("ix_csp_customer_linked", "linked_organisation_id"),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"))
    #: Microsoft's id of the customer, lower-case GUID: what lines name
    tenant_id: Mapped[str] = mapped_column(String(36))
    commerce_id: Mapped[str | None] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(300))
    #: the name folded, then the domain: order and search
    search_name: Mapped[str] = mapped_column(String(600))
    domain: Mapped[str] = mapped_column(String(300), default="")
    #: reseller while it is listed; former once a completed listing no longer had it
    relationship: Mapped[str] = mapped_column(String(20))
    #: relationshipToPartner as sent
    relationship_as_sent: Mapped[str] = mapped_column(String(40), default="")
    #: MPN of the indirect reseller, for indirect providers
    reseller_mpn: Mapped[str | None] = mapped_column(String(40))
    #: {first_name, last_name, email, ...} as the billing profile has it
    contact: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    first_seen_at: Mapped[datetime] = mapped_column(Instant)
    #: since when it is former
    gone_at: Mapped[datetime | None] = mapped_column(Instant)
    #: Microsoft refuses its details or subscriptions: the sentence with its code; None: it answers
    refusal: Mapped[str | None] = mapped_column(Text)
    refused_at: Mapped[datetime | None] = mapped_column(Instant)
    #: what was read last, so that only a change is written
    digest: Mapped[str] = mapped_column(String(64), default="")
    #: the portal's organisation whose people see its statements
    linked_organisation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("organisation.id"))
    linked_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(Integer, default=1)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_customer", self.id


class CspSubscription(Row, OfPartner, Base):
    """Mirrored, never driven by us."""

    __tablename__ = "csp_subscription"
    __table_args__ = (
        UniqueConstraint("customer_id", "subscription_id"),
        Index("ix_csp_subscription_partner", "partner_id", "search_name", "id"),
        Index("ix_csp_subscription_customer", "customer_id", "search_name", "id"),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"), index=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    #: Microsoft's id, lower-case
    subscription_id: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(400), default="")
    search_name: Mapped[str] = mapped_column(String(800))
    offer_id: Mapped[str] = mapped_column(String(200), default="")
    offer_name: Mapped[str] = mapped_column(String(400), default="")
    #: seats; 1 for what is billed by usage
    quantity: Mapped[Decimal] = mapped_column(AsSent)
    unit_type: Mapped[str] = mapped_column(String(60), default="")
    #: none, active, pending, suspended, expired, disabled, deleted; others kept as sent
    status: Mapped[str] = mapped_column(String(40))
    auto_renew: Mapped[bool | None] = mapped_column(Boolean)
    is_trial: Mapped[bool] = mapped_column(Boolean, default=False)
    billing_type: Mapped[str] = mapped_column(String(40), default="")
    billing_cycle: Mapped[str] = mapped_column(String(40), default="")
    #: ISO 8601 period: P1M, P1Y, P3Y
    term: Mapped[str] = mapped_column(String(20), default="")
    created_on: Mapped[datetime | None] = mapped_column(Instant)
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    #: end of the commitment; year 9999 means never
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    order_id: Mapped[str] = mapped_column(String(80), default="")
    parent_id: Mapped[str] = mapped_column(String(80), default="")
    suspension_reasons: Mapped[list[str]] = mapped_column(JSON, default=list)
    #: whether the customer sees it in its own view; set here, never by Microsoft
    is_monitored: Mapped[bool] = mapped_column(Boolean, default=False)
    #: since when a complete listing no longer had it
    gone_at: Mapped[datetime | None] = mapped_column(Instant)
    digest: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(Integer, default=1)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_customer", self.customer_id


class CspUsage(Row, OfPartner, Base):
    """A customer's usage in one billing period as Microsoft estimates it: for budgets, never for billing."""

    __tablename__ = "csp_usage"
    __table_args__ = (UniqueConstraint("customer_id", "period_start"),)

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    period_start: Mapped[date] = mapped_column(Date)
    period_end: Mapped[date | None] = mapped_column(Date)
    cost: Mapped[Decimal] = mapped_column(AsSent)
    currency: Mapped[str] = mapped_column(String(3), default="")
    #: the budget kept at Microsoft, if any
    budget_at_microsoft: Mapped[Decimal | None] = mapped_column(AsSent)
    #: Microsoft's lastModifiedDate
    as_of: Mapped[datetime | None] = mapped_column(Instant)
    read_at: Mapped[datetime] = mapped_column(Instant)
    digest: Mapped[str] = mapped_column(String(64), default="")


class CspMarkUp(Row, OfPartner, Base):
    """A customer's mark-up from a day on, until the next row's day. 0 is a choice; no row is none."""

    __tablename__ = "csp_mark_up"
    __table_args__ = (UniqueConstraint("customer_id", "valid_from"),)

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    #: None: all products; room for rows of one product
    product_id: Mapped[str | None] = mapped_column(String(80))
    #: 0.00 to 999.99
    percent: Mapped[Decimal] = mapped_column(Exact)
    valid_from: Mapped[date] = mapped_column(Date)
    set_at: Mapped[datetime] = mapped_column(Instant)
    set_by_name: Mapped[str] = mapped_column(String(200))


class CspTaxRate(Row, OfPartner, Base):
    """A customer's tax from a day on, where it differs from the account's."""

    __tablename__ = "csp_tax_rate"
    __table_args__ = (UniqueConstraint("customer_id", "valid_from"),)

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    percent: Mapped[Decimal] = mapped_column(Exact)
    valid_from: Mapped[date] = mapped_column(Date)
    set_at: Mapped[datetime] = mapped_column(Instant)
    set_by_name: Mapped[str] = mapped_column(String(200))


class CspBudget(Row, OfPartner, Base):
    """What a partner expects a customer to cost in a month; it never stops consumption. No row: no budget."""

    __tablename__ = "csp_budget"
    __table_args__ = (
        UniqueConstraint("customer_id"),
        # a partner's over budget, the most first, and those on their way there
        Index("ix_csp_budget_level", "partner_id", "level", "used_percent"),
        Index("ix_csp_budget_trending", "partner_id", "is_trending_over", "used_percent"),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"))
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    #: minor units of `currency`, above 0
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    #: ids of the partner's members who are told; none: everybody who may set budgets
    recipients: Mapped[list[str]] = mapped_column(JSON, default=list)
    set_at: Mapped[datetime] = mapped_column(Instant)
    set_by_name: Mapped[str] = mapped_column(String(200))
    #: What follows is measured from the newest usage period and is nothing once that has passed. Its last day:
    measured_until: Mapped[date | None] = mapped_column(Date)
    #: the estimate at cost, in percent of the budget; None: no usage in the budget's currency yet
    used_percent: Mapped[Decimal | None] = mapped_column(Exact)
    #: the highest level reached (rules.LEVELS); "" below all of them
    level: Mapped[str] = mapped_column(String(10), default="")
    is_trending_over: Mapped[bool] = mapped_column(Boolean, default=False)
    #: read_at of the usage that was measured, None: measure again; and the day on which it was
    measured_usage: Mapped[datetime | None] = mapped_column(Instant)
    measured_on: Mapped[date | None] = mapped_column(Date)


class CspBudgetAlert(Row, OfPartner, Base):
    """A level was reached in a month: told once, however often the estimate goes to and fro."""

    __tablename__ = "csp_budget_alert"
    __table_args__ = (UniqueConstraint("customer_id", "month", "level"),)

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    month: Mapped[BillingMonth] = mapped_column(Month)
    #: 80, 100 or over (rules.LEVELS)
    level: Mapped[str] = mapped_column(String(10))
    #: the estimate and the budget at that time
    cost: Mapped[Decimal] = mapped_column(AsSent)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    #: False: a higher level was reached with it, and that was told
    was_told: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime] = mapped_column(Instant)
