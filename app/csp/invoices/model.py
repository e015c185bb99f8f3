"""Documents, the versions of their lines, the lines, and one total a version, customer and currency."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.csp.tenancy import OfPartner
from app.foundation.database import AsSent, Base, Instant, Row

_OVER = text("over_at IS NOT NULL AND purged_at IS NULL")
_COUNTED = BigInteger().with_variant(Integer, "sqlite")


class CspDocument(Row, OfPartner, Base):
    """An invoice, a credit note or a void: one row a number Microsoft gave it."""

    __tablename__ = "csp_document"
    __table_args__ = (
        UniqueConstraint("account_id", "number"),
        Index("ix_csp_document_partner", "partner_id", "invoice_date", "id"),
        Index("ix_csp_document_account", "account_id", "invoice_date", "id"),
        Index("ix_csp_document_amends", "account_id", "amends"),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_account.id"))
    #: as sent; nothing is read out of it
    number: Mapped[str] = mapped_column(String(80))
    #: invoice, void_note, adjustment_note; others kept as sent
    document_type: Mapped[str] = mapped_column(String(40))
    #: recurring, one_time; others kept as sent
    invoice_type: Mapped[str] = mapped_column(String(40), default="")
    #: the number of the document it amends
    amends: Mapped[str | None] = mapped_column(String(80))
    invoice_date: Mapped[datetime] = mapped_column(Instant)
    period_start: Mapped[datetime | None] = mapped_column(Instant)
    period_end: Mapped[datetime | None] = mapped_column(Instant)
    currency: Mapped[str] = mapped_column(String(3))
    #: totalCharges, tax included, with its own sign
    total: Mapped[Decimal] = mapped_column(AsSent)
    paid: Mapped[Decimal | None] = mapped_column(AsSent)
    #: [{provider, type}] as sent: the sets of lines to fetch
    line_sets: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    #: the version whose lines count; None: none was read whole yet
    version_id: Mapped[int | None] = mapped_column(_COUNTED)
    #: why its lines could not be read; None: they were, or nobody tried yet
    refusal: Mapped[str | None] = mapped_column(Text)
    #: sum of the version's billing lines, tax included, and total - that sum; None while no version was read
    lines_total: Mapped[Decimal | None] = mapped_column(AsSent)
    difference: Mapped[Decimal | None] = mapped_column(AsSent)
    reconciled_at: Mapped[datetime | None] = mapped_column(Instant)
    #: statements may be issued though it does not reconcile: who says so, when and why
    override_reason: Mapped[str | None] = mapped_column(Text)
    override_by_name: Mapped[str | None] = mapped_column(String(200))
    override_at: Mapped[datetime | None] = mapped_column(Instant)
    #: the version that was said of: an override ends where lines are read anew
    override_version_id: Mapped[int | None] = mapped_column(_COUNTED)
    first_seen_at: Mapped[datetime] = mapped_column(Instant)
    #: what the listing said last, so that only a change is written and its lines read again
    digest: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(Integer, default=1)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "csp_document", self.id


class CspDocumentVersion(OfPartner, Base):
    """One reading of a document's lines. Invisible while it loads; in force once the document names it; else superseded."""

    __tablename__ = "csp_document_version"
    __table_args__ = (
        Index("ix_csp_document_version_document", "document_id", "id"),
        Index("ix_csp_document_version_over", "over_at", sqlite_where=_OVER, postgresql_where=_OVER),
    )

    id: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=True)
    document_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_document.id"))
    #: v1 or graph
    source: Mapped[str] = mapped_column(String(10))
    #: where a reading that was cut short goes on: which set of lines, which page, how many lines so far
    cursor: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    lines: Mapped[int] = mapped_column(Integer, default=0)
    #: of what was read: a second reading that comes to the same changes nothing
    digest: Mapped[str] = mapped_column(String(64), default="")
    begun_at: Mapped[datetime] = mapped_column(Instant)
    #: None while it loads
    complete_at: Mapped[datetime | None] = mapped_column(Instant)
    #: since when another one has its place, or its reading was given up: its lines are on their way out
    over_at: Mapped[datetime | None] = mapped_column(Instant)
    #: since when they are gone; the row itself stays, for statements name it
    purged_at: Mapped[datetime | None] = mapped_column(Instant)


class CspLine(OfPartner, Base):
    """A line as sent. Never changed; millions of them, so nothing in it is wider or indexed more than pages need."""

    __tablename__ = "csp_line"
    __table_args__ = (Index("ix_csp_line_customer", "version_id", "customer_tenant_id", "sequence"),)

    #: the database does not look it up again for each of millions of rows
    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    version_id: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=False)
    #: 1, 2, 3 ... in the order they were sent
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    #: billing, whose sum is the document's total; usage, the daily breakdown behind it
    line_type: Mapped[str] = mapped_column(String(10))
    #: onetime, office or azure
    provider: Mapped[str] = mapped_column(String(20))
    #: lower-case GUID without org:, "" when it names nobody
    customer_tenant_id: Mapped[str] = mapped_column(String(36))
    customer_name: Mapped[str] = mapped_column(String(300))
    #: Partner Center's subscription id, lower-case; ""
    subscription_id: Mapped[str] = mapped_column(String(80))
    product_name: Mapped[str] = mapped_column(String(400))
    sku_name: Mapped[str] = mapped_column(String(400))
    charge_type: Mapped[str] = mapped_column(String(60))
    #: ISO 8601 in UTC; "" when not sent: the first ten letters are the day that picks the mark-up
    charge_start: Mapped[str] = mapped_column(String(33))
    charge_end: Mapped[str] = mapped_column(String(33))
    unit_type: Mapped[str] = mapped_column(String(80))
    #: digits as sent; "" when not sent
    quantity: Mapped[str] = mapped_column(String(60))
    unit_price: Mapped[str] = mapped_column(String(60))
    effective_unit_price: Mapped[str] = mapped_column(String(60))
    #: before tax: subtotal or pretaxCharges; for usage billingPreTaxTotal
    cost: Mapped[str] = mapped_column(String(60))
    #: Microsoft's tax, which only reconciles the document
    tax: Mapped[str] = mapped_column(String(60))
    total: Mapped[str] = mapped_column(String(60))
    currency: Mapped[str] = mapped_column(String(3))
    #: compact JSON of what else exports show: order, product and SKU ids, term, publisher, exchange rate, meter, resource ...
    more: Mapped[str] = mapped_column(Text)


class CspRefund(OfPartner, Base):
    """A refund line, and when the charge began that it gives back: the day that picks its mark-up. No row: none was found."""

    __tablename__ = "csp_refund"
    __table_args__ = (Index("ix_csp_refund_customer", "version_id", "customer_tenant_id"),)

    version_id: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    customer_tenant_id: Mapped[str] = mapped_column(String(36))
    #: the charge's own, as sent
    charge_start: Mapped[str] = mapped_column(String(33))


class CspDocumentTotal(OfPartner, Base):
    """What one version comes to for one customer in one currency: added up in Decimal where it was read, repriced with the terms."""

    __tablename__ = "csp_document_total"
    __table_args__ = (
        Index("ix_csp_document_total_customer", "customer_id", "version_id"),
        Index("ix_csp_document_total_document", "document_id", "version_id"),
    )

    version_id: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=False)
    #: "" is the bucket of lines that name no customer
    customer_tenant_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    document_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("csp_document.id"))
    #: None: unassigned, or a customer that was never listed
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("csp_customer.id"))
    customer_name: Mapped[str] = mapped_column(String(300))
    #: billing lines
    lines: Mapped[int] = mapped_column(Integer)
    cost: Mapped[Decimal] = mapped_column(AsSent)
    #: Microsoft's tax in it
    microsoft_tax: Mapped[Decimal] = mapped_column(AsSent)
    #: sum of the lines' sell amounts, each rounded; None: some line has no mark-up, or it was not priced yet
    sell: Mapped[Decimal | None] = mapped_column(AsSent)
    #: lowest and highest mark-up among the lines, percent; None with `sell`
    least_mark_up: Mapped[Decimal | None] = mapped_column(AsSent)
    most_mark_up: Mapped[Decimal | None] = mapped_column(AsSent)
    #: lines without a mark-up
    unpriced: Mapped[int] = mapped_column(Integer, default=0)
    #: refund lines whose charge was not found: looked for again when other documents of the customer come in
    unmatched: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    priced_at: Mapped[datetime | None] = mapped_column(Instant)
