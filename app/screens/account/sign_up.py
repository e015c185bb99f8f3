"""Sign up as a new customer: ask, confirm by the mailed link, and stand in the portal as the organisation's first admin."""

from typing import Any

from flask import Blueprint, Response, current_app, redirect
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import NotFound
from wtforms import StringField

from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.members import sign_ups
from app.members.model import SignUp
from app.members.rules import PASSWORD_LEAST
from app.members.tries import TooManyTries
from app.screens.account import PersonalForm, password_field, secret
from app.web import sign_in as session_of
from app.web.fields import EmailText, TextField
from app.web.fragments import go_to, show
from app.web.guard import public

screen = Blueprint("sign_up", __name__)


class AskToSignUp(PersonalForm):
    organisation_name = TextField(_l("Organisation"), most=200)
    name = TextField(_l("Your name"), most=200)
    email = EmailText(_l("E-mail"))
    password = password_field(_l("Password"))
    #: hidden from people; a program that fills every field gives itself away
    website = StringField(_l("Leave this empty"))


class Confirm(PersonalForm):
    organisation = TextField(_l("Organisation"), most=200)
    password = password_field(_l("The password you chose"))


@screen.before_request
def _only_where_it_is_open() -> None:
    if not current_app.config["SETTINGS"].sign_up:
        raise NotFound


@screen.get("/sign-up", endpoint="show")
@public
def show_form() -> Any:
    if session_of.person() is not None:
        return redirect("/", 303)
    return _page(AskToSignUp())


@screen.post("/sign-up")
@public
def ask() -> Any:
    """The answer is the same whether the e-mail or the organisation is known here or not."""
    form = AskToSignUp()
    if not form.validate_on_submit():
        return _page(form)
    if form.website.data:
        return _page(form, asked=True)
    try:
        sign_ups.ask(
            form.organisation_name.data, form.name.data, form.email.data, form.password.data, source=session_of.here()
        )
    except Refused as no:
        form.refuse(no)
        return _page(form)
    except TooManyTries as no:
        page = _page(form, too_many=session_of.wait_sentence(no))
        page.status_code, page.headers["Retry-After"] = 429, str(no.seconds)
        return page
    return _page(form, asked=True)


@screen.get("/sign-up/<string:token>")
@public
def show_confirm(token: str) -> Any:
    try:
        wish = sign_ups.holder_of(token)
    except (NotVisible, AlreadyDone) as no:
        return _over(no)
    return _confirm_page(Confirm(organisation=wish.organisation_name), wish, token)


@screen.post("/sign-up/<string:token>")
@public
def confirm(token: str) -> Any:
    form = Confirm()
    try:
        wish = sign_ups.holder_of(token)
        if form.validate_on_submit():
            passed = sign_ups.confirm(token, form.organisation.data, form.password.data, source=session_of.here())
            session_of.open_session(passed)
            return go_to("/", toast=_("Welcome. %(name)s is set up.", name=form.organisation.data))
    except Refused as no:
        form.refuse(no)
    except (NotVisible, AlreadyDone) as no:
        return _over(no)
    except TooManyTries as no:
        page = _confirm_page(form, wish, token, too_many=session_of.wait_sentence(no))
        page.status_code, page.headers["Retry-After"] = 429, str(no.seconds)
        return page
    return _confirm_page(form, wish, token)


def _page(form: AskToSignUp, *, asked: bool = False, too_many: str = "") -> Response:
    status = 200 if asked else form.status
    return show("account/sign_up.html", status=status, form=form, asked=asked, too_many=too_many, least=PASSWORD_LEAST)


def _confirm_page(form: Confirm, wish: SignUp, token: str, *, too_many: str = "") -> Response:
    here = f"/sign-up/{token}"
    return secret(
        show("account/confirm_sign_up.html", status=form.status, form=form, wish=wish, here=here, too_many=too_many)
    )


def _over(no: Exception) -> Response:
    return secret(show("account/sign_up_over.html", status=410, used=isinstance(no, AlreadyDone)))
