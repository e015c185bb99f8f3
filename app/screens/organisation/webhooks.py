"""Webhook endpoints of the organisation: add, change, rotate the secret, switch off and on, remove, try, send again."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.foundation import clock, tenancy
from app.foundation.refusals import AlreadyDone, Refused
from app.notices import webhook_queries, webhooks
from app.notices.webhook_events import grouped
from app.notices.webhook_events import offered as events_offered
from app.notices.webhook_model import WebhookEndpoint
from app.web.fields import PortalForm, TextField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.instant_field import InstantField
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("webhooks", __name__)

HERE = "/settings/webhooks"
DEEDS = "any('rotate','disable','enable','remove','test','replay')"


class EndpointForm(PortalForm):
    url = TextField(_l("Address"), most=500)
    types = SelectMultipleField(
        _l("What it is told"),
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


class Confirm(PortalForm):
    """A decision without a field."""


class ReplaySince(PortalForm):
    since = InstantField(_l("Everything since (UTC)"))


@screen.get(HERE)
@needs("webhook:manage")
def show_list() -> Response:
    rows = webhook_queries.endpoints_here()
    return show(
        "organisation/webhooks.html", rows=rows, told={told.type: translate(told.sentence) for told in _offered()},
        everything=len(_offered()), most=webhook_queries.MOST_COUNTED,
    )  # fmt: skip


@screen.get(f"{HERE}/new")
@needs("webhook:manage")
def show_new() -> Response:
    return _new(_form(types=[told.type for told in _offered()]))


@screen.post(f"{HERE}/new")
@needs("webhook:manage")
def add() -> Response:
    form = _form()
    made: list[str] = []

    def do() -> WebhookEndpoint:
        endpoint, secret = webhooks.add(
            form.url.data, form.types.data or (), private_allowed=_private_allowed(), by=tenancy.current()
        )
        made.append(secret)
        return endpoint

    if form.validate_on_submit():
        try:
            endpoint_id, _first = submit_once(form, do, action="add-webhook")
            return _secret_page(webhooks.endpoint_here(endpoint_id), made)
        except Refused as no:
            form.refuse(no)
    return _new(form)


@screen.get(f"{HERE}/<uuid:endpoint_id>/edit")
@needs("webhook:manage")
def show_edit(endpoint_id: uuid.UUID) -> Response:
    endpoint = webhooks.endpoint_here(endpoint_id)
    return _edit(_form(url=endpoint.url, types=endpoint.event_types), endpoint)


@screen.post(f"{HERE}/<uuid:endpoint_id>/edit")
@needs("webhook:manage")
def edit(endpoint_id: uuid.UUID) -> Response:
    endpoint = webhooks.endpoint_here(endpoint_id)
    form = _form()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: webhooks.change(
                    endpoint_id, form.url.data, form.types.data or (), private_allowed=_private_allowed(), by=tenancy.current()
                ),
                action="change-webhook",
            )  # fmt: skip
            return go_to(f"{HERE}/{endpoint_id}", toast=_("The endpoint was changed."))
        except Refused as no:
            form.refuse(no)
    return _edit(form, endpoint)


@screen.get(f"{HERE}/<uuid:endpoint_id>/<{DEEDS}:deed>")
@needs("webhook:manage")
def ask(endpoint_id: uuid.UUID, deed: str) -> Response:
    endpoint = webhooks.endpoint_here(endpoint_id)
    form = ReplaySince(since=clock.now() - timedelta(days=1)) if deed == "replay" else Confirm()
    return _confirm(endpoint, deed, form)


@screen.post(f"{HERE}/<uuid:endpoint_id>/<{DEEDS}:deed>")
@needs("webhook:manage")
def act(endpoint_id: uuid.UUID, deed: str) -> Response:
    form = ReplaySince() if deed == "replay" else Confirm()
    endpoint = webhooks.endpoint_here(endpoint_id)
    if form.validate_on_submit():
        told: list[Any] = []
        try:
            submit_once(form, _doing(endpoint_id, deed, form, told), action=f"{deed}-webhook")
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _confirm(webhooks.endpoint_here(endpoint_id), deed, form)
        else:
            if deed == "rotate":
                return _secret_page(webhooks.endpoint_here(endpoint_id), told)
            return go_to(HERE if deed == "remove" else f"{HERE}/{endpoint_id}", toast=_toast(deed, told))
    return _confirm(endpoint, deed, form)


def _doing(endpoint_id: uuid.UUID, deed: str, form: PortalForm, told: list[Any]) -> Callable[[], Any]:
    """The deed, once. What is to be said of it afterwards, a secret or a count, is put into `told`."""
    by = tenancy.current()

    def rotate() -> WebhookEndpoint:
        endpoint, secret = webhooks.rotate(endpoint_id, by=by)
        told.append(secret)
        return endpoint

    def replay() -> WebhookEndpoint:
        assert isinstance(form, ReplaySince)
        endpoint, count = webhooks.replay_since(endpoint_id, form.since.data, by=by)
        told.append(count)
        return endpoint

    def test() -> WebhookEndpoint:
        webhooks.send_test(endpoint_id, by=by)
        return webhooks.endpoint_here(endpoint_id)

    plain = {"disable": webhooks.disable, "enable": webhooks.enable, "remove": webhooks.remove}
    own = {"rotate": rotate, "replay": replay, "test": test}
    return own.get(deed) or (lambda: plain[deed](endpoint_id, by=by))


def _toast(deed: str, told: list[Any]) -> str:
    if deed == "replay":
        count = told[0] if told else 0
        return _("%(count)s messages are sent again, within seconds.", count=count)
    return {
        "disable": _("Disabled: nothing is sent."),
        "enable": _("Enabled: what waits is sent within seconds."),
        "remove": _("The endpoint is removed."),
        "test": _("A test message is sent within seconds."),
    }[deed]


def _confirm(endpoint: WebhookEndpoint, deed: str, form: PortalForm) -> Response:
    """The question; 409 where it cannot be asked of the endpoint as it stands."""
    here = f"{HERE}/{endpoint.id}"
    if (deed == "enable") != (endpoint.disabled_at is not None) and deed in ("enable", "disable", "test", "replay"):
        words = _("It is disabled; enable it first.") if endpoint.disabled_at else _("It is enabled already.")
        return show("organisation/webhook_conflict.html", status=409, endpoint=endpoint, here=here, words=words)
    asked = {
        "eyebrow": endpoint.url, "action": request.path, "cancel": here, "form": form,
        "fields": [form.since] if isinstance(form, ReplaySince) else [], "live": deed != "rotate",
    }  # fmt: skip
    return show("confirm_page.html", block="decision", status=form.status, decision={**asked, **_words(deed)})


def _words(deed: str) -> dict[str, str]:
    return {
        "rotate": {
            "title": _("Rotate the secret"), "submit": _("Rotate the secret"),
            "sentence": _("A new secret is shown once. Messages are signed with both for 24 hours, so that you can change over."),
        },
        "disable": {
            "title": _("Disable the endpoint"), "submit": _("Disable"), "kind": "danger",
            "sentence": _("Nothing is sent until it is enabled. What happens meanwhile can be sent again for 30 days."),
        },
        "enable": {
            "title": _("Enable the endpoint"), "submit": _("Enable"),
            "sentence": _("What waits is sent at once. What happened while it was disabled is sent when you ask for it."),
        },
        "remove": {
            "title": _("Remove the endpoint"), "submit": _("Remove"), "kind": "danger",
            "sentence": _("Nothing is sent to it any more, and its secret is forgotten. This cannot be taken back."),
        },
        "test": {
            "title": _("Send a test message"), "submit": _("Send"),
            "sentence": _("A signed message of the type endpoint.test that says nothing, so that you see it arrive."),
        },
        "replay": {
            "title": _("Send again"), "submit": _("Send again"),
            "sentence": _("Everything it is told that happened since then, whether it arrived or not, under the same message ids. Up to 30 days back."),
        },
    }[deed]  # fmt: skip


def _offered() -> list[Any]:
    return events_offered(tenancy.current().capacity)


def _form(**shown: Any) -> EndpointForm:
    form = EndpointForm(**shown)
    form.types.choices = offered((told.type, f"{translate(told.sentence)} ({told.type})") for told in _offered())
    return form


def _private_allowed() -> bool:
    allowed: bool = current_app.config["SETTINGS"].webhook_private_addresses
    return allowed


def _new(form: EndpointForm) -> Response:
    return show(
        "organisation/webhook_form.html", block="form", status=form.status, form=form, title=_("Add an endpoint"),
        action=f"{HERE}/new", cancel=HERE, crumbs=[(_("Webhooks"), HERE)], submit=_("Add the endpoint"), groups=_groups(form),
    )  # fmt: skip


def _edit(form: EndpointForm, endpoint: WebhookEndpoint) -> Response:
    here = f"{HERE}/{endpoint.id}"
    return show(
        "organisation/webhook_form.html", block="form", status=form.status, form=form, title=_("Change the endpoint"),
        action=f"{here}/edit", cancel=here, crumbs=[(_("Webhooks"), HERE), (endpoint.url, here)], submit=_("Save"),
        groups=_groups(form),
    )  # fmt: skip


def _groups(form: EndpointForm) -> dict[str, list[Any]]:
    """The boxes to tick under the names of their groups."""
    boxes = {box.data: box for box in form.types}
    groups = grouped(tenancy.current().capacity)
    return {
        translate(name): [(boxes[told.type], translate(told.sentence)) for told in found]
        for name, found in groups.items()
    }


def _secret_page(endpoint: WebhookEndpoint, made: list[Any]) -> Response:
    secret = made[0] if made else None
    return show("organisation/webhook_secret.html", endpoint=endpoint, here=f"{HERE}/{endpoint.id}", secret=secret)
