"""Sending: what was announced becomes a message for each endpoint that listens, and each message is tried until it arrives.

Claim, then work: a message is its sender's for LEASE, no transaction is open while the other side is talked to, and what came of
it is written only if it still is the sender's. Killed in between, it is sent again under the same webhook-id; nothing is lost.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, or_, select

from app.config import Settings
from app.foundation import clock, outbox
from app.foundation.announcements import Announcement
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.outbox import Notice
from app.foundation.tenancy import acting_for_all, one, system
from app.members import keys
from app.notices import webhook_rules as rules
from app.notices.webhook_events import EVENTS, body_for
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from app.notices.webhook_post import Outcome, post
from app.notices.webhook_queries import listens
from app.notices.webhooks import MANAGE, switch_off

log = structlog.get_logger(__name__)

#: longer than any call takes, so that two senders never send one message at once
LEASE = timedelta(minutes=2)
#: how long one organisation's messages may take in a run; the rest of them waits for the next one
SHARE_SECONDS = 3.0
#: announcements worked out in one transaction
BATCH = 200
_GONE = 410


@dataclass
class Sent:
    """What a run came to."""

    arrived: int = 0
    failed: int = 0
    last_trouble: str = ""


def fan_out(*, stopped: Callable[[], bool] = lambda: False) -> int:
    """Turn announcements into messages, a batch a transaction. Returns how many messages were made."""
    made = 0
    with acting_for_all("announcements concern every tenant"):
        while not stopped():
            looked, messages = _fan_out_some()
            made += messages
            if looked < BATCH:
                return made
    return made


def send_due(settings: Settings, *, limit: int = 100, stopped: Callable[[], bool] = lambda: False) -> Sent:
    """Send at most `limit` messages that are due. An endpoint that fails rests; the others' messages go on.

    Organisations take turns, a message each, and whose receivers have taken SHARE_SECONDS are left for the next run: nobody
    is kept waiting by how many messages another one has, or how slowly they are taken.
    """
    sent, served = Sent(), set[uuid.UUID]()
    seconds: dict[uuid.UUID, float] = {}
    with acting_for_all("webhooks go to every tenant's endpoints"):
        for _ in range(limit):
            slow = {organisation_id for organisation_id, taken in seconds.items() if taken >= SHARE_SECONDS}
            claimed = None if stopped() else _claim(served | slow)
            if claimed is None and served - slow and not stopped():
                served.clear()  # everybody had a turn: another round
                claimed = _claim(slow)
            if claimed is None:
                return sent
            delivery, endpoint = claimed
            began = time.perf_counter()
            _send(delivery, endpoint, settings, sent)
            served.add(endpoint.organisation_id)
            taken = time.perf_counter() - began
            seconds[endpoint.organisation_id] = seconds.get(endpoint.organisation_id, 0.0) + taken
    return sent


def _fan_out_some() -> tuple[int, int]:
    with transaction() as session:
        waiting = session.scalars(
            select(Announcement)
            .where(Announcement.fanned_out_at.is_(None))
            .order_by(Announcement.at, Announcement.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
        if not waiting:
            return 0, 0
        entries = _entries_of(waiting)
        listening = _listening({party for entry in entries.values() for party in (entry.partner_id, entry.customer_id)})
        known = _known({announced.id for announced in waiting}) if listening else set()
        made, now = 0, clock.now()
        for announced in waiting:
            entry = entries[announced.id]
            for endpoint in listening:
                body = _told(endpoint, announced, entry)
                if body is not None and (endpoint.id, announced.id) not in known:
                    session.add(_delivery(endpoint, announced, body, now))
                    made += 1
            announced.fanned_out_at = now
        return len(waiting), made


def _entries_of(waiting: Sequence[Announcement]) -> dict[uuid.UUID, Any]:
    found = (
        select(
            Announcement.id.label("announced_id"), History.subject_id, History.about_id, History.event, History.at,
            History.to_state, History.facts, History.partner_id, History.customer_id,
        )
        .join(
            History,
            and_(
                History.subject_kind == Announcement.subject_kind,
                History.subject_id == Announcement.subject_id,
                History.sequence == Announcement.sequence,
            ),
        )
        .where(Announcement.id.in_([announced.id for announced in waiting]))
    )  # fmt: skip
    return {row.announced_id: row for row in db.session.execute(found)}


def _listening(organisations: set[uuid.UUID | None]) -> Sequence[WebhookEndpoint]:
    return db.session.scalars(
        select(WebhookEndpoint).where(
            WebhookEndpoint.organisation_id.in_({one for one in organisations if one is not None}), listens()
        )
    ).all()


def _known(message_ids: set[uuid.UUID]) -> set[tuple[uuid.UUID, uuid.UUID]]:
    """What was sent again by hand before it was sent at all."""
    rows = db.session.execute(
        select(WebhookDelivery.endpoint_id, WebhookDelivery.message_id).where(
            WebhookDelivery.message_id.in_(message_ids)
        )
    )
    return {(row.endpoint_id, row.message_id) for row in rows}


def _told(endpoint: WebhookEndpoint, announced: Announcement, entry: Any) -> str | None:
    """The message, if the endpoint's side is party to what happened, and it listens for it and did so then."""
    party = entry.partner_id if endpoint.capacity == "partner" else entry.customer_id
    if party != endpoint.organisation_id or announced.at < endpoint.created_at:
        return None
    return body_for(entry, endpoint.capacity) if EVENTS[announced.event].type in endpoint.event_types else None


def _delivery(endpoint: WebhookEndpoint, announced: Announcement, body: str, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint_id=endpoint.id,
        organisation_id=endpoint.organisation_id,
        capacity=endpoint.capacity,
        message_id=announced.id,
        event_type=EVENTS[announced.event].type,
        body=body,
        created_at=now,
        due_at=now,
    )


def _claim(but: set[uuid.UUID]) -> tuple[WebhookDelivery, WebhookEndpoint] | None:
    """The message that has been due longest, ours until its due_at comes again. None of the organisations in `but`."""
    now = clock.now()
    with transaction() as session:
        delivery = session.scalar(
            select(WebhookDelivery)
            .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
            .where(
                WebhookDelivery.delivered_at.is_(None),
                WebhookDelivery.failed_at.is_(None),
                WebhookDelivery.due_at <= now,
                listens(),
                WebhookDelivery.organisation_id.not_in(but),
                or_(WebhookEndpoint.rests_until.is_(None), WebhookEndpoint.rests_until <= now),
            )
            .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=WebhookDelivery)
            .execution_options(populate_existing=True)
        )
        if delivery is None:
            return None
        delivery.due_at = now + LEASE
        return delivery, one(WebhookEndpoint, delivery.endpoint_id)


def _send(delivery: WebhookDelivery, endpoint: WebhookEndpoint, settings: Settings, sent: Sent) -> None:
    lease = delivery.due_at
    try:
        # a message's time is agreed with the receiver's clock, so it is the machine's, never a demo's
        at, message_id = clock.of_the_machine(), f"msg_{delivery.message_id.hex}"
        headers = rules.headers(_secrets(endpoint), message_id, at, delivery.body)
        outcome = post(endpoint.url, headers, delivery.body, private_allowed=settings.webhook_private_addresses)
    except Exception as trouble:  # our own fault, another SECRET_KEY for one: the message waits and the others go on
        log.exception("webhook_not_sent", delivery_id=str(delivery.id))
        outcome = Outcome(None, 0, "", f"{type(trouble).__name__}: {trouble}"[:300])
    _settle(delivery.id, lease, outcome)
    if outcome.error:
        sent.failed += 1
        sent.last_trouble = f"{endpoint.url}: {outcome.error}"
    else:
        sent.arrived += 1


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    sealed = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_until and clock.now() < endpoint.previous_until:
        sealed.append(endpoint.previous_secret)
    return [keys.unseal(one_of_them, bound_to=endpoint.id) for one_of_them in sealed]


def _settle(delivery_id: uuid.UUID, lease: datetime, outcome: Outcome) -> None:
    """Write down what came of a try, unless the message was claimed anew or sent again by hand since."""
    now = clock.now()
    with transaction() as session:
        delivery = session.scalar(
            select(WebhookDelivery)
            .where(WebhookDelivery.id == delivery_id, WebhookDelivery.due_at == lease)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if delivery is None:
            return
        endpoint = one(WebhookEndpoint, delivery.endpoint_id, lock=True)
        delivery.tries += 1
        delivery.last_tried_at, delivery.last_status = now, outcome.status
        delivery.last_milliseconds, delivery.last_answer = outcome.milliseconds, outcome.answer
        delivery.last_error = outcome.error or None
        if not outcome.error:
            delivery.delivered_at = now
            endpoint.failing_since, endpoint.rests_until, endpoint.failures = None, None, 0
            return
        _failed(delivery, endpoint, outcome, now)


def _failed(delivery: WebhookDelivery, endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> None:
    log.warning("webhook_failed", delivery_id=str(delivery.id), tries=delivery.tries, why=outcome.error)
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.failures += 1
    endpoint.rests_until = now + rules.rest_after(endpoint.failures)
    due_at = rules.next_try(delivery.tries, now)
    if due_at is None:
        delivery.failed_at = now
    else:
        delivery.due_at = due_at
    given_up = delivery.failed_at is not None and rules.is_given_up(endpoint.failing_since, now)
    if endpoint.disabled_at is None and (given_up or outcome.status == _GONE):
        disable(endpoint, outcome)


def disable(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    """Nobody is behind it: switched off, and the organisation's admins are told by mail. Inside the caller's transaction."""
    why = "it says that it is gone" if outcome.status == _GONE else "nothing has arrived for three days"
    switch_off(endpoint, because=why, by=system("webhooks to an endpoint that fails"))
    told = Notice(
        "organisation",
        str(endpoint.organisation_id),
        "webhook_disabled",
        {"url": endpoint.url, "why": why, "error": outcome.error, "endpoint_id": str(endpoint.id)},
        MANAGE,
    )
    outbox.post(told, subject_kind="organisation", subject_id=endpoint.organisation_id)
