"""What this member wants to be told, where; and the own address, where mail to it was refused."""

from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from wtforms import BooleanField

from app.foundation import tenancy
from app.notices import addresses, preferences
from app.notices.preferences import Wish
from app.notices.types import TYPES
from app.screens.account import PersonalForm
from app.web.fields import Carried
from app.web.fragments import go_to, show
from app.web.guard import signed_in
from app.web.sign_in import person

screen = Blueprint("account_notices", __name__)

HERE = "/account/notices"


class Empty(PersonalForm):
    """Nothing to enter."""


class Wishes(PersonalForm):
    #: the types that were on the page: one that was not is left as it is, and a bare POST switches nothing off
    shown = Carried()


def _form(**values: Any) -> Any:
    """Two ticks a type: portal_<type> and mail_<type>."""
    ticks = {}
    for one in TYPES.values():
        ticks[f"mail_{one.key}"] = BooleanField()
        if one.in_portal:
            ticks[f"portal_{one.key}"] = BooleanField()
    return type("WishesOfTypes", (Wishes,), ticks)(**values)


@screen.get(HERE, endpoint="show")
@signed_in
def show_wishes() -> Response:
    me = tenancy.current()
    wishes = preferences.own_wishes(me)
    values: dict[str, Any] = {"shown": " ".join(wishes)}
    for key, wish in wishes.items():
        values |= {f"portal_{key}": wish.in_portal, f"mail_{key}": wish.by_mail}
    return _page(_form(**values))


@screen.post(HERE)
@signed_in
def change() -> Response:
    form = _form()
    shown = [key for key in (form.shown.data or "").split() if key in TYPES]
    if form.validate_on_submit() and shown:
        wishes = {
            key: Wish(form[f"portal_{key}"].data if TYPES[key].in_portal else True, form[f"mail_{key}"].data)
            for key in shown
        }
        preferences.change(wishes, by=tenancy.current())
        return go_to(HERE, toast=_("Saved. It holds from the next notice on."))
    form.form_errors = [*form.form_errors, _("This form did not arrive whole. Reload the page and send it again.")]
    return _page(form, status=422)


def _page(form: Any, status: int = 200) -> Response:
    signed_in_now = person()
    assert signed_in_now is not None
    refused = addresses.refused_among([signed_in_now.email]).get(signed_in_now.email.lower())
    return show(
        "account/notices.html",
        status=status,
        form=form,
        types=preferences.types_for(tenancy.current()),
        email=signed_in_now.email,
        refused=refused,
    )


@screen.post(f"{HERE}/confirm")
@signed_in
def ask_to_confirm() -> Response:
    addresses.ask_to_confirm(by=tenancy.current())
    return go_to(HERE, toast=_("A mail with a link is on its way to your address."))


@screen.get(f"{HERE}/confirm/<string:token>", endpoint="ask_confirm")
@screen.post(f"{HERE}/confirm/<string:token>")
@signed_in
def confirm(token: str) -> Response:
    me = tenancy.current()
    email = addresses.address_of(token, by=me)
    form = Empty()
    if form.validate_on_submit():
        addresses.confirm(token, by=me)
        return go_to(HERE, toast=_("%(email)s is confirmed and mailed again.", email=email))
    decision = {
        "title": _("Confirm your address"),
        "action": f"{HERE}/confirm/{token}",
        "cancel": HERE,
        "form": form,
        "submit": _("Confirm and mail me again"),
        "sentence": _("Notices are mailed to %(email)s again.", email=email),
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)
