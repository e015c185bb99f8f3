"""Endpoints that listen, and what became of their messages."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, viewing
from app.notices import webhooks
from app.notices.webhook_events import offered
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from tests.people import People
from tests.webhooks.receiver import Receiver

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def listen(people: People, person: str, url: str, *types: str) -> tuple[WebhookEndpoint, str]:
    by = people.viewer(person)
    with viewing(by):
        wanted = types or [told.type for told in offered(by.capacity)]
        return webhooks.add(url, wanted, private_allowed=True, by=by)


def deliveries(**where: Any) -> list[WebhookDelivery]:
    db.session.expire_all()
    with acting_for_all("a test looks"):
        found = select(WebhookDelivery).filter_by(**where).order_by(WebhookDelivery.created_at, WebhookDelivery.id)
        return list(db.session.scalars(found))


def endpoint_of(row: WebhookEndpoint) -> WebhookEndpoint:
    db.session.expire_all()
    with acting_for_all("a test looks"):
        return db.session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == row.id)).one()


def types(receiver: Receiver) -> list[str]:
    return [json.loads(body)["type"] for body in receiver.bodies]


def count(model: Any) -> int:
    db.session.rollback()
    with acting_for_all("a test counts"):
        return db.session.scalar(select(func.count()).select_from(model)) or 0
