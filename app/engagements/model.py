"""Engagements and their completion requests."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.engagements import states
from app.foundation.database import Base, Instant, Row
from app.foundation.tenancy import OfParties
from app.foundation.text import folded


def searched(number: str, name: str) -> str:
    """What the search of engagements looks in."""
    return folded(f"{number} {name}")[:300]


class Engagement(Row, OfParties, Base):
    __tablename__ = "engagement"
    __transitions__ = states.TRANSITIONS
    __events__ = states.EVENTS
    __table_args__ = (
        UniqueConstraint("number"),
        # one index a filter offered, each in the order of the list, so that a page costs the same at any size;
        # with is_test where engagements are counted by state: a count then reads the index alone
        Index("ix_engagement_partner", "partner_id", "requested_at", "id"),
        Index("ix_engagement_partner_state", "partner_id", "state", "requested_at", "id", "is_test"),
        Index("ix_engagement_product_state", "product_id", "partner_id", "state", "requested_at", "id", "is_test"),
        Index("ix_engagement_partner_customer", "partner_id", "customer_id", "requested_at", "id"),
        Index("ix_engagement_customer", "customer_id", "requested_at", "id"),
        Index("ix_engagement_customer_state", "customer_id", "state", "requested_at", "id", "is_test"),
        Index("ix_engagement_product_customer", "product_id", "customer_id", "requested_at", "id"),
        Index("ix_engagement_seller", "seller_id", "requested_at", "id"),
        Index("ix_engagement_seller_state", "seller_id", "state", "requested_at", "id", "is_test"),
        # Current and Past are several states each: together one more entry a row, and each in the list's order
        *(
            Index(
                f"ix_engagement_{whose[0]}_{name}",
                *(f"{column}_id" for column in whose),
                "requested_at",
                "id",
                sqlite_where=text(one_of),
                postgresql_where=text(one_of),
            )
            for name, one_of in states.IN_SQL.items()
            # a product's with its partner: a planner without statistics takes the index that two equalities fit
            for whose in (("partner",), ("product", "partner"), ("seller",))
        ),
    )

    #: said aloud: ENG-2041
    number: Mapped[str] = mapped_column(String(20))
    product_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("product.id"))
    plan_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("plan.id"))
    #: the instance's name, as the client gave it
    name: Mapped[str] = mapped_column(String(120))
    contact_number: Mapped[str] = mapped_column(String(30))
    additional_information: Mapped[str] = mapped_column(Text, default="")
    #: [{"label": ..., "value": ...}] as asked and answered, so that a later catalog entry does not change the past
    custom_parameters: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    #: the edition of the catalog entry that was answered
    catalog_edition: Mapped[int] = mapped_column(Integer, default=1)
    state: Mapped[str] = mapped_column(String(30), default=states.PENDING)
    #: the client's instance: active until deleted after completion
    instance_state: Mapped[str] = mapped_column(String(20), default=states.INSTANCE_ACTIVE)
    requested_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: at that time; members may leave
    requested_by_name: Mapped[str] = mapped_column(String(200), default="")
    requested_at: Mapped[datetime] = mapped_column(Instant)
    #: billable from this instant: approval
    active_from: Mapped[datetime | None] = mapped_column(Instant)
    #: billable until this instant: completion or deletion
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    #: why the request was rejected, or the completion
    reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, default=1)
    #: number and name, folded, for the search
    search_text: Mapped[str] = mapped_column(String(300), default="", server_default="")

    @validates("number", "name")
    def _searched(self, changed: str, value: str) -> str:
        """Whoever writes a number or a name keeps the search true."""
        here = {"number": self.number, "name": self.name, changed: value}
        self.search_text = searched(here["number"] or "", here["name"] or "")
        return value

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "engagement", self.id


class CompletionRequest(Row, OfParties, Base):
    """The client's wish to complete. At most one is open an engagement: the database says so."""

    __tablename__ = "completion_request"
    __table_args__ = (
        Index(
            "uq_completion_request_open",
            "engagement_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_completion_request_waiting",
            "partner_id",
            "asked_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    engagement_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("engagement.id"), index=True)
    state: Mapped[str] = mapped_column(String(20), default=states.OPEN)
    #: the client's own words
    wish: Mapped[str] = mapped_column(Text, default="")
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    asked_by_name: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    decided_by_name: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    #: 'complete', 'delete' or 'keep-active'
    outcome: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)
