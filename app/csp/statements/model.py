"""Statements as they were issued. Nothing here is ever changed: the database refuses it (foundation/append_only.py).

What a customer may see stands in csp_statement, csp_statement_line and csp_statement_share, and knows no cost. The partner's side
stands in tables of its own, csp_statement_cost and csp_statement_line_cost, which no customer's viewer reaches.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    column,
    false,
    select,
    table,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.csp.tenancy import OfPartner
from app.foundation.billing_month import BillingMonth
from app.foundation.database import AsSent, Base, Exact, Instant, Month, Row
from app.foundation.tenancy import Capacity, Tenanted, viewer_organisation

_COUNTED = BigInteger().with_variant(Integer, "sqlite")
#: said without the model: a CSP customer's row is the partner's alone, so its own criterion would hide it here
_LINKED = table("csp_customer", column("id", Uuid()), column("linked_organisation_id", Uuid()))


class SoldTo(Tenanted):
    """A row of one partner that the organisation linked to its CSP customer may read, for as long as it is linked."""

    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))

    @declared_attr
    def csp_customer_id(cls) -> Mapped[uuid.UUID]:
        return mapped_column(Uuid, ForeignKey("csp_customer.id"))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        if capacity == "partner":
            return cls.partner_id == viewer_organisation()
        if capacity == "customer":
            linked = select(_LINKED.c.id).where(_LINKED.c.linked_organisation_id == viewer_organisation())
            return cls.csp_customer_id.in_(linked)
        return false()

    def history_parties(self) -> dict[str, Any]:
        return {"partner_id": self.partner_id}


class CspStatement(Row, SoldTo, Base):
    """One version of what a customer is billed for one of Microsoft's invoices and its amendments, in one currency."""

    __tablename__ = "csp_statement"
    __table_args__ = (
        # two admins who issue in the same moment make one version
        UniqueConstraint("document_id", "csp_customer_id", "currency", "version"),
        Index("ix_csp_statement_partner", "partner_id", "issued_at", "id"),
        Index("ix_csp_statement_customer", "csp_customer_id", "issued_at", "id"),
        Index("ix_csp_statement_charged", "csp_customer_id", "last_charge_on"),
    )

    #: the portal's organisation that was told, when it was linked already
    customer_organisation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("organisation.id"))
    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"))
    document_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_document.id"))
    #: Microsoft's number of the invoice
    document_number: Mapped[str] = mapped_column(String(80))
    #: ST-1001; the same for all versions
    number: Mapped[str] = mapped_column(String(40))
    #: 1, 2, 3 ...; the highest is in force, the others are superseded
    version: Mapped[int] = mapped_column(Integer)
    partner_name: Mapped[str] = mapped_column(String(200))
    customer_name: Mapped[str] = mapped_column(String(300))
    #: Microsoft's id of the customer
    customer_tenant_id: Mapped[str] = mapped_column(String(36))
    period_start: Mapped[datetime | None] = mapped_column(Instant)
    period_end: Mapped[datetime | None] = mapped_column(Instant)
    invoice_date: Mapped[datetime] = mapped_column(Instant)
    #: the month it counts in: of the period's start, else of the invoice
    month: Mapped[BillingMonth] = mapped_column(Month)
    currency: Mapped[str] = mapped_column(String(3))
    #: percent; None: no tax was set
    tax_rate: Mapped[Decimal | None] = mapped_column(Exact)
    #: sum of the lines' sell amounts; may be negative
    subtotal_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int] = mapped_column(Integer)
    #: the latest day that picked a mark-up: terms may begin after it only
    last_charge_on: Mapped[date] = mapped_column(Date)
    issued_at: Mapped[datetime] = mapped_column(Instant)
    issued_by_name: Mapped[str] = mapped_column(String(200))

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_document", self.document_id


class CspStatementLine(SoldTo, Base):
    """A frozen line, sell side only."""

    __tablename__ = "csp_statement_line"

    statement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_statement.id"), primary_key=True)
    #: 1, 2, 3 ... in the order of Microsoft's lines
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    #: the invoice's number, or that of the amendment it stands in
    document_number: Mapped[str] = mapped_column(String(80))
    subscription_id: Mapped[str] = mapped_column(String(80))
    product_name: Mapped[str] = mapped_column(String(400))
    sku_name: Mapped[str] = mapped_column(String(400))
    #: Microsoft's ids of both, "" when not sent
    product_id: Mapped[str] = mapped_column(String(200))
    sku_id: Mapped[str] = mapped_column(String(200))
    publisher: Mapped[str] = mapped_column(String(300))
    charge_type: Mapped[str] = mapped_column(String(60))
    charge_start: Mapped[str] = mapped_column(String(33))
    charge_end: Mapped[str] = mapped_column(String(33))
    quantity: Mapped[str] = mapped_column(String(60))
    unit_type: Mapped[str] = mapped_column(String(80))
    sell_minor: Mapped[int] = mapped_column(BigInteger)


class CspStatementShare(SoldTo, Base):
    """What a statement comes to for one subscription, so that spending is read without its lines."""

    __tablename__ = "csp_statement_share"

    statement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_statement.id"), primary_key=True)
    #: "" for lines of no subscription
    subscription_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    product_name: Mapped[str] = mapped_column(String(400))
    lines: Mapped[int] = mapped_column(Integer)
    sell_minor: Mapped[int] = mapped_column(BigInteger)


class CspStatementCost(OfPartner, Base):
    """What a statement's lines of one document version cost the partner."""

    __tablename__ = "csp_statement_cost"
    __table_args__ = (Index("ix_csp_statement_cost_version", "version_id", "csp_customer_id"),)

    statement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_statement.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=False)
    document_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_document.id"))
    csp_customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    lines: Mapped[int] = mapped_column(Integer)
    cost: Mapped[Decimal] = mapped_column(AsSent)
    #: why it was issued though the document did not reconcile; None: it did
    override_reason: Mapped[str | None] = mapped_column(Text)


class CspStatementLineCost(OfPartner, Base):
    """A frozen line's cost and mark-up."""

    __tablename__ = "csp_statement_line_cost"

    statement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_statement.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cost: Mapped[Decimal] = mapped_column(AsSent)
    #: percent
    mark_up: Mapped[Decimal] = mapped_column(AsSent)
    #: Microsoft's line it was frozen from
    version_id: Mapped[int] = mapped_column(_COUNTED)
    line_sequence: Mapped[int] = mapped_column(Integer)
