"""What a mailed invitation opens: accept or decline it, with the account one has or with a new one."""

from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.text import N_
from app.members import invitations, states
from app.members.roles import ROLES
from app.members.rules import PASSWORD_LEAST
from app.screens.account import PersonalForm, password_field, secret
from app.web import sign_in as session_of
from app.web.fields import TextField
from app.web.fragments import go_to, show
from app.web.guard import public

screen = Blueprint("invited", __name__)


class Answer(PersonalForm):
    """The acceptance of who has an account: nothing to fill in."""


class NewAccount(PersonalForm):
    name = TextField(_l("Your name"), most=200)
    password = password_field(_l("Password"))
    password_again = password_field(_l("Password, again"))


@screen.get("/invitations/<string:token>", endpoint="show")
@public
def show_invitation(token: str) -> Any:
    return _page(token)


@screen.post("/invitations/<string:token>")
@public
def accept(token: str) -> Any:
    person = session_of.person()
    form = Answer() if person is not None else NewAccount()
    try:
        invitation, organisation = invitations.holder_of(token)
        if form.validate_on_submit():
            if isinstance(form, NewAccount):
                _check_twice(form)
                passed = invitations.accept_as_new(token, form.name.data, form.password.data, source=session_of.here())
                session_of.open_session(passed)
            else:
                invitations.accept(token, by=tenancy.current())
            session_of.act_for(organisation.id, invitation.capacity)
            return go_to("/", toast=_("You act for %(name)s now.", name=organisation.name))
    except Refused as no:
        form.refuse(no)
    except AlreadyDone:
        return _page(token)
    except NotVisible:
        return _page(token)  # somebody else is signed in, or there is no such invitation: the page says which
    return _page(token, form)


@screen.post("/invitations/<string:token>/decline")
@public
def decline(token: str) -> Any:
    try:
        invitations.decline(token)
    except (AlreadyDone, NotVisible):
        return _page(token)
    return secret(show("account/invitation_over.html", standing=states.DECLINED, just_now=True))


def _check_twice(form: NewAccount) -> None:
    if form.password.data != form.password_again.data:
        raise Refused("password_again", N_("The two do not match. Type the password twice."))


def _page(token: str, form: Answer | NewAccount | None = None) -> Response:
    try:
        invitation, organisation = invitations.holder_of(token)
    except NotVisible:
        return secret(show("account/invitation_over.html", status=410, standing="unknown", just_now=False))
    standing = invitations.standing_of(invitation, organisation)
    person = session_of.person()
    if standing != states.OPEN:
        return secret(
            show(
                "account/invitation_over.html", status=410, standing=standing, organisation=organisation, just_now=False
            )
        )
    if person is not None and person.email != invitation.email:
        return secret(show("account/invitation_of_another.html", status=403, invitation=invitation, person=person))
    known = person is not None or invitations.account_stands(invitation.email)
    form = form or (Answer() if known else NewAccount(name=invitation.name))
    return secret(
        show(
            "account/invitation.html",
            status=form.status,
            form=form,
            here=f"/invitations/{token}",
            invitation=invitation,
            organisation=organisation,
            roles=[role for key, role in ROLES.items() if key in invitation.roles],
            person=person,
            known=known,
            least=PASSWORD_LEAST,
        )
    )
