"""Inviting somebody to the organisation acted for, sending the mail again, taking the invitation back."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.foundation import tenancy
from app.foundation.refusals import Refused
from app.members import invitations
from app.members.roles import ROLES
from app.members.rules import INVITED_FOR
from app.web.fields import EmailText, PortalForm, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.invitation_decisions import resend_page, withdraw_page
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("invitations", __name__)


class Invite(PortalForm):
    email = EmailText(_l("E-mail"))
    roles = SelectMultipleField(
        _l("Roles"), validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class Decide(PortalForm):
    """Nothing to fill in; what is refused is said of the invitation."""


@screen.get("/members/new")
@needs("member:manage")
def show_new() -> Any:
    return _new_page(_with_roles(Invite()))


@screen.post("/members/new")
@needs("member:manage")
def invite() -> Any:
    form = _with_roles(Invite())
    if form.validate_on_submit():
        by = tenancy.current()
        try:
            submit_once(
                form, lambda: invitations.invite(form.email.data, form.roles.data or (), by=by), action="invite-member"
            )
            return go_to("/members", toast=_("%(email)s is invited by mail.", email=form.email.data))
        except Refused as no:
            form.refuse(no)
    return _new_page(form)


@screen.get("/members/invitations/<uuid:invitation_id>/resend")
@needs("member:manage")
def ask_resend(invitation_id: uuid.UUID) -> Any:
    return _resend_page(Decide(), invitation_id)


@screen.post("/members/invitations/<uuid:invitation_id>/resend")
@needs("member:manage")
def resend(invitation_id: uuid.UUID) -> Any:
    form = Decide()
    if form.validate_on_submit():
        by = tenancy.current()
        try:
            submit_once(form, lambda: invitations.resend(invitation_id, by=by), action="resend-invitation")
            return go_to("/members", toast=_("The invitation is on its way again."))
        except Refused as no:
            form.refuse(no)
    return _resend_page(form, invitation_id)


@screen.get("/members/invitations/<uuid:invitation_id>/withdraw")
@needs("member:manage")
def ask_withdraw(invitation_id: uuid.UUID) -> Any:
    return _withdraw_page(Decide(), invitation_id)


@screen.post("/members/invitations/<uuid:invitation_id>/withdraw")
@needs("member:manage")
def withdraw(invitation_id: uuid.UUID) -> Any:
    form = Decide()
    if form.validate_on_submit():
        by = tenancy.current()
        submit_once(form, lambda: invitations.withdraw(invitation_id, by=by), action="withdraw-invitation")
        return go_to("/members", toast=_("The invitation is withdrawn; its link no longer works."))
    return _withdraw_page(form, invitation_id)


def _with_roles(form: Invite) -> Invite:
    here = [role for role in ROLES.values() if role.capacity == tenancy.current().capacity]
    form.roles.choices = offered((role.key, f"{translate(role.label)}. {translate(role.sentence)}.") for role in here)
    return form


def _new_page(form: Invite) -> Response:
    return show("organisation/invite.html", block="form", status=form.status, form=form, days=INVITED_FOR.days)


def _resend_page(form: Decide, invitation_id: uuid.UUID) -> Response:
    invitation = invitations.one_here(invitation_id, by=tenancy.current())
    return resend_page(form, invitation, here=f"/members/invitations/{invitation_id}", back="/members")


def _withdraw_page(form: Decide, invitation_id: uuid.UUID) -> Response:
    invitation = invitations.one_here(invitation_id, by=tenancy.current())
    return withdraw_page(form, invitation, here=f"/members/invitations/{invitation_id}", back="/members")
