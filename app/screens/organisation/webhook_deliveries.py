"""What was sent to one webhook endpoint, what came of it, and sending one message again."""

import json
import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.foundation import tenancy
from app.foundation.pages import page_of
from app.foundation.refusals import AlreadyDone
from app.notices import webhook_queries as queries
from app.notices import webhooks
from app.notices.webhook_events import EVENTS, TEST
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from app.web.fields import PortalForm
from app.web.filters import Choice
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("webhook_deliveries", __name__)

HERE = "/settings/webhooks"
#: state -> (its word, the tag's kind)
STATES: dict[str, tuple[Any, str]] = {
    "delivered": (_l("Arrived"), "passed"),
    "waiting": (_l("Waiting"), "waiting"),
    "failed": (_l("Given up"), "failed"),
}
LIST = ListOf(
    Choice("state", _l("Status"), {state: words for state, (words, _kind) in STATES.items()}),
    Choice("event_type", _l("Event"), {told: told for told in (*(one.type for one in EVENTS.values()), TEST)}),
)


class SendAgain(PortalForm):
    pass


@screen.get(f"{HERE}/<uuid:endpoint_id>")
@needs("webhook:manage")
def show_list(endpoint_id: uuid.UUID) -> Response:
    endpoint = webhooks.endpoint_here(endpoint_id)
    listing = LIST.read()
    page = page_of(
        queries.deliveries_of(endpoint_id, **listing.values), queries.LIST_KEYS, after=listing.after, before=listing.before
    )  # fmt: skip
    return show(
        "organisation/webhook.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        states={row.id: STATES[queries.state_of(row)] for row in page.rows},
        endpoint=endpoint,
        here=f"{HERE}/{endpoint_id}",
        told=[told for told in EVENTS.values() if told.type in endpoint.event_types],
    )


@screen.get(f"{HERE}/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>")
@needs("webhook:manage")
def show_delivery(endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
    return _delivery(*_found(endpoint_id, delivery_id))


@screen.get(f"{HERE}/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/replay")
@needs("webhook:manage")
def ask_replay(endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
    return _ask(*_found(endpoint_id, delivery_id), SendAgain())


@screen.post(f"{HERE}/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/replay")
@needs("webhook:manage")
def replay(endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
    endpoint, delivery = _found(endpoint_id, delivery_id)
    form = SendAgain()
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: webhooks.replay(delivery_id, by=tenancy.current()), action="replay-webhook")
        except AlreadyDone:
            return _delivery(endpoint, delivery, status=409)
        return go_to(f"{HERE}/{endpoint_id}/deliveries/{delivery_id}", toast=_("It is sent again within seconds."))
    return _ask(endpoint, delivery, form)


def _found(endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> tuple[WebhookEndpoint, WebhookDelivery]:
    return webhooks.endpoint_here(endpoint_id), queries.delivery_here(endpoint_id, delivery_id)


def _delivery(endpoint: WebhookEndpoint, delivery: WebhookDelivery, status: int = 200) -> Response:
    return show(
        "organisation/webhook_delivery.html",
        status=status,
        endpoint=endpoint,
        delivery=delivery,
        here=f"{HERE}/{endpoint.id}",
        state=STATES[queries.state_of(delivery)],
        message_id=f"msg_{delivery.message_id.hex}",
        sentence=_sentence(delivery.event_type),
        body=json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False),
    )


def _ask(endpoint: WebhookEndpoint, delivery: WebhookDelivery, form: SendAgain) -> Response:
    if endpoint.disabled_at is not None:
        return _delivery(endpoint, delivery, status=409)
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Send again"), "eyebrow": delivery.event_type, "action": request.path, "form": form, "live": True,
            "submit": _("Send again"), "cancel": f"{HERE}/{endpoint.id}/deliveries/{delivery.id}",
            "sentence": _("The same message under the same id, whether it arrived before or not."),
        },
    )  # fmt: skip


def _sentence(event_type: str) -> str:
    found = next((told.sentence for told in EVENTS.values() if told.type == event_type), None)
    return translate(found) if found else _("A test message")
