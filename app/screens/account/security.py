"""The own account: name and zone, password, second factor, sessions, where one belongs, last sign-ins."""

from typing import Any

import segno
from flask import Blueprint, Response, current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import SelectField

from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import acting_for_all
from app.foundation.text import N_
from app.members import actions, queries, second_factor, sessions, sign_ins
from app.members.roles import ROLES
from app.members.rules import PASSWORD_LEAST
from app.screens.account import PersonalForm, password_field
from app.web import chains
from app.web import sign_in as session_of
from app.web.fields import TextField
from app.web.fragments import go_to, show
from app.web.guard import signed_in
from app.web.request_viewer import lacks_second_factor
from app.web.sign_in_words import OUTCOMES
from app.web.zones import offer_zones

screen = Blueprint("security", __name__)


class Profile(PersonalForm):
    name = TextField(_l("Name"), most=200)
    zone = SelectField(_l("Time zone"), validate_choice=False)


class ChangePassword(PersonalForm):
    # Each name has "password" in it: the page that carries a lost session's form along leaves such fields out.
    current_password = password_field(_l("Present password"))
    new_password = password_field(_l("New password"))
    new_password_again = password_field(_l("New password, again"))


class FirstCode(PersonalForm):
    code = TextField(_l("Code"), most=20)


class AskPassword(PersonalForm):
    password = password_field(_l("Password"))


@screen.get("/account")
@signed_in
def show_account() -> Any:
    person = session_of.person()
    assert person is not None
    return _account(_profile(name=person.name, zone=person.zone))


@screen.post("/account")
@signed_in
def change_profile() -> Any:
    form = _profile()
    if form.validate_on_submit():
        try:
            actions.change_profile(form.name.data, form.zone.data or "", by=tenancy.current())
            return go_to("/account", toast=_("Your account was saved."))
        except Refused as no:
            form.refuse(no)
    return _account(form)


@screen.get("/account/password")
@signed_in
def show_password() -> Any:
    return show("account/password.html", form=ChangePassword(), least=PASSWORD_LEAST)


@screen.post("/account/password")
@signed_in
def change_password() -> Any:
    form = ChangePassword()
    if form.validate_on_submit():
        try:
            if form.new_password.data != form.new_password_again.data:
                raise Refused("new_password_again", N_("The two do not match. Type the new password twice."))
            by = tenancy.current()
            mark = sign_ins.change_password(
                form.current_password.data, form.new_password.data, source=session_of.here(), by=by
            )
            session_of.go_on_with(mark)
            return go_to("/account", toast=_("Your password was changed. Your other sessions have ended."))
        except Refused as no:
            form.refuse(no)
    return show("account/password.html", status=form.status, form=form, least=PASSWORD_LEAST)


@screen.post("/account/second-factor/begin")
@signed_in
def begin_second_factor() -> Any:
    second_factor.begin(by=tenancy.current())
    return go_to("/account/second-factor")


@screen.get("/account/second-factor")
@signed_in
def show_second_factor() -> Any:
    return _set_up_page(FirstCode())


@screen.post("/account/second-factor")
@signed_in
def confirm_second_factor() -> Any:
    form = FirstCode()
    if form.validate_on_submit():
        try:
            # where an organisation waits for it, one goes on there
            onward = "/" if lacks_second_factor() else "/account"
            codes = second_factor.confirm(form.code.data, by=tenancy.current())
            return _codes_page(codes, fresh=True, onward=onward)
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return go_to("/account")
    return _set_up_page(form)


@screen.get("/account/second-factor/off")
@signed_in
def ask_second_factor_off() -> Any:
    return _off_page(AskPassword())


@screen.post("/account/second-factor/off")
@signed_in
def switch_second_factor_off() -> Any:
    form = AskPassword()
    if form.validate_on_submit():
        try:
            second_factor.switch_off(form.password.data, source=session_of.here(), by=tenancy.current())
            return go_to("/account", toast=_("The second factor is off. Your password alone protects your account."))
        except Refused as no:
            form.refuse(no)
    return _off_page(form)


@screen.get("/account/recovery-codes")
@signed_in
def ask_recovery_codes() -> Any:
    return _renew_page(AskPassword())


@screen.post("/account/recovery-codes")
@signed_in
def renew_recovery_codes() -> Any:
    form = AskPassword()
    if form.validate_on_submit():
        try:
            return _codes_page(
                second_factor.renew_codes(form.password.data, source=session_of.here(), by=tenancy.current()),
                fresh=False,
            )
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return go_to("/account")
    return _renew_page(form)


def _profile(**values: Any) -> Profile:
    form = Profile(**values)
    offer_zones(form.zone)
    return form


def _account(form: Profile) -> Response:
    person = session_of.person()
    assert person is not None
    by = tenancy.current()
    assert by.member_id is not None
    security = queries.own_security(by, person.email)
    with acting_for_all("a member's own history"):
        changes = chains.events_page("member", by.member_id, size=5)
    return show(
        "account/show.html",
        status=form.status,
        form=form,
        person=person,
        security=security,
        roles=ROLES,
        outcomes=OUTCOMES,
        sessions=sessions.own_sessions(person.session_id, by=by),
        changes=[chains.told(row) for row in changes.rows],
    )


def _set_up_page(form: FirstCode) -> Any:
    """The QR code, as long as the set-up waits for its first code."""
    person = session_of.person()
    secret = second_factor.secret_to_show(by=tenancy.current())
    if person is None or secret is None:
        return go_to("/account")
    issuer = current_app.config["SETTINGS"].portal_name if "SETTINGS" in current_app.config else "Partner Portal"
    address = second_factor.address_for_authenticator(secret, email=person.email, issuer=issuer)
    picture = Markup(segno.make(address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff"))  # noqa: S704
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return _unstored(show("account/second_factor.html", status=form.status, form=form, picture=picture, secret=spaced))


def _codes_page(codes: list[str], *, fresh: bool, onward: str = "/account") -> Response:
    return _unstored(show("account/recovery_codes.html", codes=codes, fresh=fresh, onward=onward))


def _off_page(form: AskPassword) -> Response:
    person = session_of.person()
    sentence = _("Your password alone will protect your account, and your recovery codes stop working.")
    strict = sorted({c.organisation_name for c in person.choices if c.second_factor_required} if person else ())
    if strict:
        asked_again = _("%(names)s requires it: before you go on there, you set it up again.", names=", ".join(strict))
        sentence = f"{sentence} {asked_again}"
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Switch off the second factor"), "action": "/account/second-factor/off", "kind": "danger", "cancel": "/account",
            "submit": _("Switch off the second factor"), "form": form, "fields": [form.password], "live": True,
            "sentence": sentence,
        },
    )  # fmt: skip


def _renew_page(form: AskPassword) -> Response:
    return show(
        "confirm_page.html", status=form.status,
        decision={
            "title": _("Make new recovery codes"), "action": "/account/recovery-codes", "cancel": "/account",
            "submit": _("Make ten new codes"), "form": form, "fields": [form.password],
            "sentence": _("Ten new codes are shown once. The old ones stop working."),
        },
    )  # fmt: skip


def _unstored(page: Response) -> Response:
    page.headers["Cache-Control"] = "no-store"
    return page
