"""Sign in, the second step, a forgotten password, sign out."""

from typing import Any

from flask import Blueprint, Response, current_app, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.foundation.refusals import NotVisible, Refused
from app.foundation.text import N_
from app.members import sign_ins
from app.members.rules import PASSWORD_LEAST
from app.members.tries import TooManyTries
from app.screens.account import PersonalForm, password_field, secret
from app.web import sign_in as session_of
from app.web.fields import Carried, EmailText, TextField
from app.web.fragments import go_to, show
from app.web.guard import public

screen = Blueprint("sign_in", __name__)


class SignIn(PersonalForm):
    email = TextField(_l("E-mail"), most=254)
    password = password_field(_l("Password"))
    next = Carried(default="/")


class Code(PersonalForm):
    code = TextField(_l("Code"), most=20)


class Forgotten(PersonalForm):
    email = EmailText(_l("E-mail"))


class NewPassword(PersonalForm):
    password = password_field(_l("New password"))
    password_again = password_field(_l("New password, again"))


@screen.get("/sign-in", endpoint="show")
@public
def show_form() -> Any:
    back = session_of.same_site(request.args.get("next"))
    if session_of.person() is not None:
        return redirect(back, 303)
    return _page(SignIn(email=request.args.get("email", "")[:254], next=back))


@screen.post("/sign-in")
@public
def enter() -> Any:
    form = SignIn()
    if not form.validate_on_submit():
        return _page(form)
    try:
        passed = sign_ins.check_password(form.email.data, form.password.data, source=session_of.here())
    except Refused as no:
        form.refuse(no)
        return _page(form)
    except TooManyTries as no:
        return _wait(_page(form, too_many=session_of.wait_sentence(no)), no)
    back = session_of.same_site(form.next.data)
    if passed.needs_code:
        session_of.wait_for_code(passed, back)
        return go_to("/sign-in/code")
    session_of.open_session(passed)
    return go_to(back)


@screen.get("/sign-in/code")
@public
def show_code() -> Any:
    if session_of.awaited_code() is None:
        return redirect("/sign-in", 303)
    return show("account/code.html", form=Code())


@screen.post("/sign-in/code")
@public
def enter_code() -> Any:
    awaited = session_of.awaited_code()
    if awaited is None:
        return go_to("/sign-in", toast=_("The code was awaited for five minutes. Sign in again."))
    member_id, mark, back = awaited
    form = Code()
    if not form.validate_on_submit():
        return show("account/code.html", status=form.status, form=form)
    try:
        passed = sign_ins.check_code(member_id, mark, form.code.data, source=session_of.here())
    except Refused as no:
        form.refuse(no)
        return show("account/code.html", status=form.status, form=form)
    except TooManyTries as no:
        return _wait(show("account/code.html", form=form, too_many=session_of.wait_sentence(no)), no)
    except NotVisible:
        session_of.close_session()
        return go_to("/sign-in", toast=_("Your password was changed since. Sign in again."))
    session_of.open_session(passed)
    return go_to(back)


@screen.post("/sign-out")
@public
def leave() -> Any:
    session_of.close_session()
    return go_to("/sign-in", toast=_("You are signed out."))


@screen.get("/forgot-password")
@public
def show_forgotten() -> Any:
    return show("account/forgot_password.html", form=Forgotten(), asked=False)


@screen.post("/forgot-password")
@public
def ask_for_link() -> Any:
    """The answer is the same whether there is an account or not."""
    form = Forgotten()
    if not form.validate_on_submit():
        return show("account/forgot_password.html", status=form.status, form=form, asked=False)
    sign_ins.ask_for_link(form.email.data, source=session_of.here())
    return show("account/forgot_password.html", form=form, asked=True)


@screen.get("/reset-password/<string:token>")
@public
def show_new_password(token: str) -> Any:
    try:
        member = sign_ins.holder_of(token)
    except NotVisible:
        return _link_spent()
    return _new_password_page(NewPassword(), member.email)


@screen.post("/reset-password/<string:token>")
@public
def set_password(token: str) -> Any:
    form = NewPassword()
    try:
        email = sign_ins.holder_of(token).email
        if form.validate_on_submit():
            if form.password.data != form.password_again.data:
                raise Refused("password_again", N_("The two do not match. Type the new password twice."))
            sign_ins.set_password_by_link(token, form.password.data, source=session_of.here())
            session_of.close_session()
            return go_to("/sign-in", toast=_("Your new password holds from now on. Sign in with it."))
    except Refused as no:
        form.refuse(no)
    except NotVisible:
        return _link_spent()
    return _new_password_page(form, email)


def _page(form: SignIn, *, too_many: str = "") -> Response:
    """With the demo's sign-ins beside it, in demo mode only."""
    demo = current_app.config["DEMO_SIGN_INS"]
    return show("account/sign_in.html", status=form.status, form=form, too_many=too_many, demo=demo)


def _new_password_page(form: NewPassword, email: str) -> Response:
    return secret(show("account/reset_password.html", status=form.status, form=form, email=email, least=PASSWORD_LEAST))


def _link_spent() -> Response:
    return show("account/link_spent.html", status=410)


def _wait(page: Response, no: TooManyTries) -> Response:
    page.status_code = 429
    page.headers["Retry-After"] = str(no.seconds)
    return page
