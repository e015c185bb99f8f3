"""What an organisation admin does with webhook endpoints: add, change, rotate the secret, switch off and on, remove, try, replay."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import delete, select

from app.foundation import clock, history
from app.foundation.announcements import Announcement
from app.foundation.database import db, transaction
from app.foundation.history import Event, History
from app.foundation.identity import new_id
from app.foundation.permissions import declare
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_, spell
from app.members import keys
from app.notices import webhook_rules as rules
from app.notices.webhook_events import EVENTS, TEST, body_for, fitting, message
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from app.parties.model import Organisation

MANAGE = declare("webhook:manage", N_("Add webhook endpoints, see what was sent to them, send it again"))

_ABOUT = frozenset({"url"})
ADDED = history.declare(
    Event("webhook_added", N_("Webhook endpoint %(url)s added"), fields=frozenset({"url", "types"}), icon="add")
)
CHANGED = history.declare(
    Event("webhook_changed", N_("Webhook endpoint %(url)s changed"), fields=frozenset({"url", "types"}), icon="edit")
)
ROTATED = history.declare(
    Event("webhook_secret_rotated", N_("Secret of webhook endpoint %(url)s rotated"), fields=_ABOUT, icon="password")
)
DISABLED = history.declare(
    Event(
        "webhook_disabled",
        N_("Webhook endpoint %(url)s disabled: %(why)s"),
        fields=frozenset({"url", "why"}),
        icon="stop--filled--alt",
    )
)
ENABLED = history.declare(
    Event("webhook_enabled", N_("Webhook endpoint %(url)s enabled"), fields=_ABOUT, icon="checkmark")
)
REMOVED = history.declare(
    Event("webhook_removed", N_("Webhook endpoint %(url)s removed"), fields=_ABOUT, icon="subtract")
)

#: An organisation has at most so many, in each capacity.
MOST_ENDPOINTS = 20
#: How far back what happened can be sent again.
KEPT = timedelta(days=30)
#: At most so many messages are sent again at once.
MOST_REPLAYED = 1000


def add(url: str, types: Iterable[str], *, private_allowed: bool, by: Viewer) -> tuple[WebhookEndpoint, str]:
    """A new endpoint. Returns the row and its secret, which nobody can read again."""
    by.must(MANAGE)
    url = rules.check_url(url, private_allowed=private_allowed)
    chosen = _checked(types, by)
    secret = rules.new_secret()
    with transaction() as session:
        one(Organisation, cast(uuid.UUID, by.organisation_id), lock=True)  # of two at once the second counts the first
        there = session.scalars(select(WebhookEndpoint.id).where(WebhookEndpoint.removed_at.is_(None))).all()
        if len(there) >= MOST_ENDPOINTS:
            raise Refused("url", N_("There are %(most)s endpoints already. Remove one first."), most=MOST_ENDPOINTS)
        endpoint = WebhookEndpoint(
            id=new_id(),
            organisation_id=by.organisation_id,
            capacity=by.capacity,
            url=url,
            event_types=chosen,
            created_at=clock.now(),
            created_by_name=by.member_name,
        )
        endpoint.secret = keys.seal(secret, bound_to=endpoint.id)
        session.add(endpoint)
        session.flush()
        history.record(endpoint, ADDED, by=by, url=url, types=", ".join(chosen))
    return endpoint, secret


def change(
    endpoint_id: uuid.UUID, url: str, types: Iterable[str], *, private_allowed: bool, by: Viewer
) -> WebhookEndpoint:
    by.must(MANAGE)
    url = rules.check_url(url, private_allowed=private_allowed)
    chosen = _checked(types, by)
    with transaction():
        endpoint = endpoint_here(endpoint_id, lock=True)
        if (endpoint.url, endpoint.event_types) != (url, chosen):
            endpoint.url, endpoint.event_types, endpoint.version = url, chosen, endpoint.version + 1
            endpoint.rests_until = None
            history.record(endpoint, CHANGED, by=by, url=url, types=", ".join(chosen))
    return endpoint


def rotate(endpoint_id: uuid.UUID, *, by: Viewer) -> tuple[WebhookEndpoint, str]:
    """Another secret. The one before signs as well for a day, so that the receiver can change over.

    Refused within that day: a receiver that still holds the one before would be cut off at once.
    """
    by.must(MANAGE)
    secret = rules.new_secret()
    with transaction():
        endpoint = endpoint_here(endpoint_id, lock=True)
        now = clock.now()
        if endpoint.previous_until is not None and now < endpoint.previous_until:
            raise Refused(
                "secret",
                N_(
                    "The secret before this one signs as well until %(until)s, as was promised; rotate again after that. If a secret has become known, remove the endpoint and add it anew."
                ),
                until=spell(endpoint.previous_until),
            )
        endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + rules.OVERLAP
        endpoint.secret = keys.seal(secret, bound_to=endpoint.id)
        endpoint.version += 1
        history.record(endpoint, ROTATED, by=by, url=endpoint.url)
    return endpoint, secret


def disable(endpoint_id: uuid.UUID, *, by: Viewer) -> WebhookEndpoint:
    """Nothing is sent and nothing is kept for it, until it is enabled. What waits already is sent then."""
    by.must(MANAGE)
    with transaction():
        endpoint = endpoint_here(endpoint_id, lock=True)
        if endpoint.disabled_at is not None:
            raise AlreadyDone("disabled", "disable")
        switch_off(endpoint, because=None, by=by)
    return endpoint


def switch_off(endpoint: WebhookEndpoint, *, because: str | None, by: Viewer) -> None:
    """Inside the caller's transaction. `because`: why, where nobody chose to."""
    endpoint.disabled_at, endpoint.disabled_because, endpoint.version = clock.now(), because, endpoint.version + 1
    history.record(endpoint, DISABLED, by=by, url=endpoint.url, why=because or "by hand")


def enable(endpoint_id: uuid.UUID, *, by: Viewer) -> WebhookEndpoint:
    by.must(MANAGE)
    with transaction():
        endpoint = endpoint_here(endpoint_id, lock=True)
        if endpoint.disabled_at is None:
            raise AlreadyDone("enabled", "enable")
        endpoint.disabled_at = endpoint.disabled_because = endpoint.failing_since = endpoint.rests_until = None
        endpoint.failures, endpoint.version = 0, endpoint.version + 1
        history.record(endpoint, ENABLED, by=by, url=endpoint.url)
    return endpoint


def remove(endpoint_id: uuid.UUID, *, by: Viewer) -> WebhookEndpoint:
    """Nothing is sent to it any more, and its secrets are gone."""
    by.must(MANAGE)
    with transaction():
        endpoint = endpoint_here(endpoint_id, lock=True)
        endpoint.removed_at, endpoint.version = clock.now(), endpoint.version + 1
        endpoint.secret, endpoint.previous_secret = "", None
        history.record(endpoint, REMOVED, by=by, url=endpoint.url)
    return endpoint


def send_test(endpoint_id: uuid.UUID, *, by: Viewer) -> WebhookDelivery:
    """A message that says nothing, sent within seconds as any other."""
    by.must(MANAGE)
    with transaction():
        endpoint = _open_endpoint(endpoint_id)
        now = clock.now()
        body = message(TEST, now, {"endpoint_id": str(endpoint.id), "sent_by": by.member_name})
        delivery = _delivery(endpoint, new_id(), TEST, body, now)
        db.session.add(delivery)
        db.session.flush()
    return delivery


def replay(delivery_id: uuid.UUID, *, by: Viewer) -> WebhookDelivery:
    """Send one message again, under its own id, whether it arrived or not."""
    by.must(MANAGE)
    with transaction():
        delivery = one(WebhookDelivery, delivery_id, lock=True)
        _open_endpoint(delivery.endpoint_id)
        _again(delivery, clock.now())
    return delivery


def replay_since(endpoint_id: uuid.UUID, since: datetime, *, by: Viewer) -> tuple[WebhookEndpoint, int]:
    """Send everything again that happened since that instant and that the endpoint is told, also what it never got.

    Goes back 30 days and over the first thousand messages; returns how many are sent.
    """
    by.must(MANAGE)
    now = clock.now()
    if not now - KEPT <= since <= now:
        raise Refused("since", N_("Choose an instant within the last %(days)s days."), days=KEPT.days)
    with transaction() as session:
        endpoint = _open_endpoint(endpoint_id)
        happened = _happened(endpoint, since)
        sent_before = select(WebhookDelivery).where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.message_id.in_([announced.id for announced, _entry in happened]),
        )
        known = {delivery.message_id: delivery for delivery in session.scalars(sent_before)}
        for announced, entry in happened:
            if announced.id in known:
                _again(known[announced.id], now)
            elif (body := body_for(entry, endpoint.capacity)) is not None:
                session.add(_delivery(endpoint, announced.id, EVENTS[announced.event].type, body, now))
    return endpoint, len(happened)


def endpoint_here(endpoint_id: uuid.UUID, *, lock: bool = False) -> WebhookEndpoint:
    """One of the organisation's endpoints that is not removed, or NotVisible."""
    endpoint = one(WebhookEndpoint, endpoint_id, lock=lock)
    if endpoint.removed_at is not None:
        raise NotVisible
    return endpoint


def _checked(types: Iterable[str], by: Viewer) -> list[str]:
    wanted = set(types)
    chosen = fitting(tuple(wanted), by.capacity)
    if not chosen or len(chosen) != len(wanted):
        raise Refused("types", N_("Choose at least one event from the list."))
    return chosen


def _open_endpoint(endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """Locked, and ready to be called at once."""
    endpoint = endpoint_here(endpoint_id, lock=True)
    if endpoint.disabled_at is not None:
        raise AlreadyDone("disabled", "send")
    endpoint.rests_until = None
    return endpoint


def _happened(endpoint: WebhookEndpoint, since: datetime) -> list[Any]:
    """(announcement, entry of History) of what the endpoint's side may know and the endpoint is told, oldest first."""
    mine = History.partner_id if endpoint.capacity == "partner" else History.customer_id
    told = [
        name
        for name, one in EVENTS.items()
        if one.type in endpoint.event_types and one.facts_for(endpoint.capacity) is not None
    ]
    found = (
        select(Announcement, History)
        .join(
            History,
            (History.subject_kind == Announcement.subject_kind)
            & (History.subject_id == Announcement.subject_id)
            & (History.sequence == Announcement.sequence),
        )
        .where(Announcement.at >= since, Announcement.event.in_(told), mine == endpoint.organisation_id)
        .order_by(Announcement.at, Announcement.id)
        .limit(MOST_REPLAYED)
    )
    with acting_for_all("announcements are the system's; the condition names the endpoint's own organisation"):
        return list(db.session.execute(found))


def _delivery(
    endpoint: WebhookEndpoint, message_id: uuid.UUID, event_type: str, body: str, now: datetime
) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint_id=endpoint.id,
        organisation_id=endpoint.organisation_id,
        capacity=endpoint.capacity,
        message_id=message_id,
        event_type=event_type,
        body=body,
        created_at=now,
        due_at=now,
    )


def _again(delivery: WebhookDelivery, now: datetime) -> None:
    delivery.delivered_at = delivery.failed_at = None
    delivery.tries, delivery.due_at = 0, now


def forget(before: datetime) -> int:
    """Delete deliveries and announcements older than that instant, a thousand of each at most; returns how many."""
    gone = 0
    with transaction() as session, acting_for_all("what is too old to be sent again"):
        for model, at in ((WebhookDelivery, WebhookDelivery.created_at), (Announcement, Announcement.at)):
            old = select(model.id).where(at < before).order_by(at).limit(1000)
            done: Any = session.execute(
                delete(model).where(model.id.in_(old)).execution_options(synchronize_session=False)
            )
            gone += int(done.rowcount)
    return gone
