"""Webhook endpoints, and every delivery to them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, Row
from app.foundation.tenancy import Capacity, Tenanted, viewer_organisation

_WAITING = text("delivered_at IS NULL AND failed_at IS NULL")


class OfOneSide(Tenanted):
    """A row of one organisation in one capacity: as partner and as customer it keeps its endpoints apart."""

    organisation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("organisation.id"))
    #: partner or customer
    capacity: Mapped[str] = mapped_column(String(10))

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        if capacity == "partner":
            return and_(cls.organisation_id == viewer_organisation(), cls.capacity == "partner")
        if capacity == "customer":
            return and_(cls.organisation_id == viewer_organisation(), cls.capacity == "customer")
        return false()


class WebhookEndpoint(Row, OfOneSide, Base):
    __tablename__ = "webhook_endpoint"
    __table_args__ = (Index("ix_webhook_endpoint_organisation", "organisation_id", "capacity", "created_at", "id"),)

    url: Mapped[str] = mapped_column(String(500))
    #: types of webhook_events.EVENTS, in that table's order
    event_types: Mapped[list[str]] = mapped_column(JSON)
    #: what signs its messages, encrypted and bound to this row (keys.seal)
    secret: Mapped[str] = mapped_column(Text)
    #: signs beside the present one until `previous_until`, so that a receiver can change over
    previous_secret: Mapped[str | None] = mapped_column(Text)
    previous_until: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by_name: Mapped[str] = mapped_column(String(200))
    #: nothing is sent while it is set
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    #: why, where nobody did it by hand
    disabled_because: Mapped[str | None] = mapped_column(Text)
    #: since when nothing has arrived; None after anything has
    failing_since: Mapped[datetime | None] = mapped_column(Instant)
    #: failures in a row, and until when it is left alone for them
    failures: Mapped[int] = mapped_column(Integer, default=0)
    rests_until: Mapped[datetime | None] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(Integer, default=1)

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "organisation", self.organisation_id

    def history_parties(self) -> dict[str, Any]:
        return {{"partner": "partner_id", "customer": "customer_id"}[self.capacity]: self.organisation_id}


class WebhookDelivery(Row, OfOneSide, Base):
    """One message to one endpoint, tried until it arrives or three days are over."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "message_id"),
        Index("ix_webhook_delivery_endpoint", "endpoint_id", "created_at", "id"),
        Index("ix_webhook_delivery_created_at", "created_at", "id"),
        Index("ix_webhook_delivery_due", "due_at", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
    )

    endpoint_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("webhook_endpoint.id"))
    #: the announcement's id, or a test's own: the header webhook-id, the same at every try
    message_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    event_type: Mapped[str] = mapped_column(String(60))
    #: what is sent and signed, byte for byte
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    #: not before this instant; while it is sent, until when the sender has it to itself
    due_at: Mapped[datetime] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    delivered_at: Mapped[datetime | None] = mapped_column(Instant)
    #: given up
    failed_at: Mapped[datetime | None] = mapped_column(Instant)
    last_tried_at: Mapped[datetime | None] = mapped_column(Instant)
    last_status: Mapped[int | None] = mapped_column(Integer)
    last_milliseconds: Mapped[int | None] = mapped_column(Integer)
    #: the beginning of what was answered
    last_answer: Mapped[str | None] = mapped_column(Text)
    #: why there was no answer, or no good one
    last_error: Mapped[str | None] = mapped_column(Text)
