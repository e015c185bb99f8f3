"""What a listing leaves behind on its way: the requests that the operator reviews, and the metering evidence.

Evidence lives in the database, as bytes: one copy is backed up and restored with everything else, every machine reads
the same, and a request's transaction is the file's. At most a handful of files of a few megabytes a product are kept.
"""

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, Integer, LargeBinary, String, Text, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, Row
from app.foundation.tenancy import Capacity, Tenanted, viewer_organisation


class OfPartnerAndSeller(Tenanted):
    """Between the partner and the operator it sells through; no customer ever reads it."""

    seller_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    partner_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        column = {"operator": cls.seller_id, "partner": cls.partner_id}.get(capacity)
        return false() if column is None else column == viewer_organisation()


class ListingReview(Row, OfPartnerAndSeller, Base):
    """One request of a partner, and what the operator answered. Its product, or its price version, holds the state."""

    __tablename__ = "listing_review"
    __table_args__ = (
        # one open request a kind and product, and one a price version: the database says so
        Index(
            "uq_listing_review_open",
            "product_id",
            "kind",
            unique=True,
            sqlite_where=text("outcome IS NULL AND price_version_id IS NULL"),
            postgresql_where=text("outcome IS NULL AND price_version_id IS NULL"),
        ),
        Index(
            "uq_listing_review_open_version",
            "price_version_id",
            unique=True,
            sqlite_where=text("outcome IS NULL AND price_version_id IS NOT NULL"),
            postgresql_where=text("outcome IS NULL AND price_version_id IS NOT NULL"),
        ),
        # the queues, oldest first
        Index(
            "ix_listing_review_waiting",
            "seller_id",
            "kind",
            "submitted_at",
            "id",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        Index("ix_listing_review_product", "product_id", "submitted_at"),
    )

    #: 'pricing', 'price-change', 'evidence' or 'publication'
    kind: Mapped[str] = mapped_column(String(20))
    product_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("product.id"))
    #: the price change that is asked for; None: the request is the product's
    price_version_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("price_version.id"))
    submitted_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: at that time; members may leave
    submitted_by_name: Mapped[str] = mapped_column(String(200))
    submitted_at: Mapped[datetime] = mapped_column(Instant)
    #: 'approved' or 'returned'; None: it waits
    outcome: Mapped[str | None] = mapped_column(String(20))
    decided_by_name: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    #: the operator's feedback
    reason: Mapped[str | None] = mapped_column(Text)


class Evidence(Row, OfPartnerAndSeller, Base):
    """One file that shows how the metrics are metered. What was once sent for review is replaced, never deleted."""

    __tablename__ = "evidence"
    __table_args__ = (
        Index(
            "uq_evidence_current",
            "product_id",
            "slot",
            unique=True,
            sqlite_where=text("replaced_at IS NULL"),
            postgresql_where=text("replaced_at IS NULL"),
        ),
    )

    product_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("product.id"))
    #: 'estimator', 'rated-usage' or 'submitted-usage'
    slot: Mapped[str] = mapped_column(String(20))
    #: as the partner's machine called it; shown, never used as a path
    file_name: Mapped[str] = mapped_column(String(200))
    #: by content, never by name or header
    content_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int] = mapped_column(Integer)
    #: SHA-256
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    uploaded_by_name: Mapped[str] = mapped_column(String(200))
    uploaded_at: Mapped[datetime] = mapped_column(Instant)
    #: when another one took its place; None: it is the one that counts
    replaced_at: Mapped[datetime | None] = mapped_column(Instant)
