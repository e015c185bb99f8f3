"""What the installation's owner watches about webhooks: (name, help, function giving the figure), for /metrics."""

from collections.abc import Callable

from sqlalchemy import func, select

from app.foundation.database import db
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from app.notices.webhook_queries import STATES, listens


def waiting() -> int:
    """Messages neither arrived nor given up, to endpoints that listen; grows while receivers are away."""
    found = (
        select(func.count(WebhookDelivery.id))
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(STATES["waiting"], listens())
    )
    return db.session.scalar(found) or 0


GAUGES: tuple[tuple[str, str, Callable[[], float]], ...] = (
    ("portal_webhooks_waiting", "Webhook messages waiting to be sent", waiting),
)
