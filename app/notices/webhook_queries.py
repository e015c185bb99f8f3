"""What the webhook screens show: endpoints with how they fare, and their deliveries."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from app.foundation.database import db
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import one
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from app.parties.model import Organisation

#: newest first
LIST_KEYS = (WebhookDelivery.created_at, WebhookDelivery.id)
LIST_COLUMNS = (
    WebhookDelivery.id,
    WebhookDelivery.created_at,
    WebhookDelivery.event_type,
    WebhookDelivery.tries,
    WebhookDelivery.due_at,
    WebhookDelivery.delivered_at,
    WebhookDelivery.failed_at,
    WebhookDelivery.last_tried_at,
    WebhookDelivery.last_status,
    WebhookDelivery.last_milliseconds,
    WebhookDelivery.last_error,
)
STATES = {
    "delivered": WebhookDelivery.delivered_at.is_not(None),
    "waiting": and_(WebhookDelivery.delivered_at.is_(None), WebhookDelivery.failed_at.is_(None)),
    "failed": WebhookDelivery.failed_at.is_not(None),
}
#: Waiting messages are counted no further.
MOST_COUNTED = 100


def listens() -> ColumnElement[bool]:
    """Of WebhookEndpoint: nobody switched it off, and its organisation is active and acts in the endpoint's capacity."""
    acts = select(Organisation.id).where(
        Organisation.id == WebhookEndpoint.organisation_id,
        Organisation.deactivated_at.is_(None),
        or_(
            and_(WebhookEndpoint.capacity == "partner", Organisation.is_partner),
            and_(WebhookEndpoint.capacity == "customer", Organisation.is_customer),
        ),
    )
    return and_(
        WebhookEndpoint.disabled_at.is_(None),
        WebhookEndpoint.removed_at.is_(None),
        acts.correlate(WebhookEndpoint).exists(),
    )


def state_of(delivery: Any) -> str:
    """One of STATES."""
    if delivery.delivered_at is not None:
        return "delivered"
    return "failed" if delivery.failed_at is not None else "waiting"


def endpoints_here() -> Sequence[Row[*tuple[Any, ...]]]:
    """The organisation's endpoints, the newest first, with `waiting` (bounded) and `last_delivered_at`: a handful."""
    waiting = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, STATES["waiting"])
        .limit(MOST_COUNTED)
        .correlate(WebhookEndpoint)
        .subquery()
    )
    newest = (
        select(WebhookDelivery.delivered_at)
        .where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, STATES["delivered"])
        .order_by(WebhookDelivery.created_at.desc())
        .limit(1)
        .correlate(WebhookEndpoint)
        .scalar_subquery()
    )
    return db.session.execute(
        select(
            WebhookEndpoint.id, WebhookEndpoint.url, WebhookEndpoint.event_types, WebhookEndpoint.created_at,
            WebhookEndpoint.disabled_at, WebhookEndpoint.disabled_because, WebhookEndpoint.failing_since,
            select(func.count()).select_from(waiting).scalar_subquery().label("waiting"),
            newest.label("last_delivered_at"),
        )
        .where(WebhookEndpoint.removed_at.is_(None))
        .order_by(WebhookEndpoint.created_at.desc(), WebhookEndpoint.id.desc())
        .limit(100)
    ).all()  # fmt: skip


def deliveries_of(
    endpoint_id: uuid.UUID, *, state: str | None = None, event_type: str | None = None
) -> Select[*tuple[Any, ...]]:
    """For page_of(LIST_KEYS)."""
    found = select(*LIST_COLUMNS).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state:
        found = found.where(STATES[state])
    if event_type:
        found = found.where(WebhookDelivery.event_type == event_type)
    return found


def delivery_here(endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> WebhookDelivery:
    """The endpoint's delivery, or NotVisible."""
    delivery = one(WebhookDelivery, delivery_id)
    if delivery.endpoint_id != endpoint_id:
        raise NotVisible
    return delivery
