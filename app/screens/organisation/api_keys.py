"""API keys of the organisation: make one of one's own, which is shown once; see all of them; revoke."""

import uuid
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.foundation import clock, tenancy
from app.foundation.permissions import PERMISSIONS
from app.foundation.refusals import AlreadyDone, Refused
from app.members import api_keys
from app.members.api_keys import ApiKey
from app.web.fields import PortalForm, TextField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("api_keys", __name__)

LIST = ListOf()
NEVER = "never"
DAYS = {"30": _l("30 days"), "90": _l("90 days"), "365": _l("a year"), NEVER: _l("until it is revoked")}


class MakeKey(PortalForm):
    name = TextField(_l("What it is for"), most=80)
    permissions = SelectMultipleField(
        _l("What it may do"),
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    expires = SelectField(_l("Good for"), choices=offered(DAYS.items()), default="90")

    @property
    def days(self) -> int | None:
        return None if self.expires.data == NEVER else int(self.expires.data)


class Revoke(PortalForm):
    pass


@screen.get("/settings/api-keys")
@needs("api-key:manage")
def show_list() -> Response:
    return _list()


@screen.get("/settings/api-keys/new")
@needs("api-key:manage")
def show_new() -> Response:
    return _new(_form(permissions=api_keys.offered_to(by=tenancy.current())))


@screen.post("/settings/api-keys/new")
@needs("api-key:manage")
def make() -> Response:
    form = _form()
    by = tenancy.current()
    made: list[str] = []

    def do() -> ApiKey:
        key, whole = api_keys.make(form.name.data, form.permissions.data or (), expires_in_days=form.days, by=by)
        made.append(whole)
        return key

    if form.validate_on_submit():
        try:
            key_id, _first = submit_once(form, do, action="make-api-key")
            key = api_keys.key_here(key_id)
            return show("organisation/api_key_made.html", key=key, whole=made[0] if made else None, url_root=_root())
        except Refused as no:
            form.refuse(no)
    return _new(form)


@screen.get("/settings/api-keys/<uuid:key_id>/revoke")
@needs("api-key:manage")
def ask_revoke(key_id: uuid.UUID) -> Response:
    return _revoke_page(Revoke(), api_keys.key_here(key_id))


@screen.post("/settings/api-keys/<uuid:key_id>/revoke")
@needs("api-key:manage")
def revoke(key_id: uuid.UUID) -> Response:
    key = api_keys.key_here(key_id)
    form = Revoke()
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: api_keys.revoke(key_id, by=tenancy.current()), action="revoke-api-key")
        except AlreadyDone:
            return _list(status=409)
        return go_to("/settings/api-keys", toast=_("%(prefix)s is revoked and counts no more.", prefix=key.prefix))
    return _revoke_page(form, key)


def _form(**shown: Any) -> MakeKey:
    form = MakeKey(**shown)
    form.permissions.choices = offered(
        (name, translate(PERMISSIONS[name])) for name in api_keys.offered_to(by=tenancy.current())
    )
    return form


def _list(status: int = 200) -> Response:
    listing = LIST.read(path="/settings/api-keys")
    page = api_keys.keys_here(after=listing.after, before=listing.before)
    return show(
        "organisation/api_keys.html",
        block="list",
        status=status,
        listing=listing.with_page(page),
        rows=page.rows,
        states={row.id: _state(row) for row in page.rows},
        labels={name: translate(sentence) for name, sentence in PERMISSIONS.items()},
        everything={capacity: len(names) for capacity, names in api_keys.OFFERED.items()}[tenancy.current().capacity],
    )


def _state(row: Any) -> tuple[str, str]:
    """(the tag's kind, its word)"""
    if row.revoked_at is not None:
        return "removed", _("Revoked")
    if row.expires_at is not None and row.expires_at <= clock.now():
        return "expired", _("Expired")
    if not row.stands:
        return "stopped", _("Member left")
    return "active", _("Active")


def _new(form: MakeKey) -> Response:
    return show("organisation/make_api_key.html", block="form", status=form.status, form=form)


def _revoke_page(form: Revoke, key: ApiKey) -> Response:
    if key.revoked_at is not None:
        return _list(status=409)
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Revoke API key"), "eyebrow": key.prefix, "action": request.path, "kind": "danger",
            "submit": _("Revoke %(prefix)s", prefix=key.prefix), "cancel": "/settings/api-keys", "form": form, "live": True,
            "sentence": _('"%(name)s" stops working at once, whatever uses it. It cannot be taken back.', name=key.name),
        },
    )  # fmt: skip


def _root() -> str:
    address: str = current_app.config["SETTINGS"].portal_url
    return address
