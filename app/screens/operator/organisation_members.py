"""The operator and the members of any organisation: inviting them, and the second factor they need or have lost."""

import uuid
from typing import Any, cast

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.foundation import tenancy
from app.foundation.refusals import Refused
from app.foundation.tenancy import Capacity, one
from app.members import enforcement, invitations
from app.members.directory import member_of
from app.members.roles import ROLES
from app.members.rules import INVITED_FOR
from app.parties.model import Organisation
from app.web.fields import EmailText, PortalForm, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.invitation_decisions import resend_page, withdraw_page
from app.web.second_factor_decisions import Require, Reset, require_page, reset_page
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("organisation_members", __name__, url_prefix="/organisations/<uuid:organisation_id>")

CAPACITIES = {"partner": _l("Partner"), "customer": _l("Customer"), "operator": _l("Operator")}


class Invite(PortalForm):
    email = EmailText(_l("E-mail"))
    capacity = SelectField(_l("Acts as"), validate_choice=False)
    roles = SelectMultipleField(
        _l("Roles"), validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class Decide(PortalForm):
    """Nothing to fill in; what is refused is said of the invitation."""


@screen.get("/members/new")
@needs("member:manage", capacity="operator")
def show_new(organisation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    return _invite_page(_offer_roles(Invite(capacity=request.args.get("capacity")), organisation), organisation)


@screen.post("/members/new")
@needs("member:manage", capacity="operator")
def invite(organisation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    form = _offer_roles(Invite(), organisation)
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: _invite(form, organisation_id), action="invite-member")
            return go_to(_path(organisation_id), toast=_("%(email)s is invited by mail.", email=form.email.data))
        except Refused as no:
            form.refuse(no)
    return _invite_page(form, organisation)


@screen.get("/invitations/<uuid:invitation_id>/resend")
@needs("member:manage", capacity="operator")
def ask_resend(organisation_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    return _resend_page(Decide(), organisation_id, invitation_id)


@screen.post("/invitations/<uuid:invitation_id>/resend")
@needs("member:manage", capacity="operator")
def resend(organisation_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    form, by = Decide(), tenancy.current()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: invitations.resend(invitation_id, by=by, organisation_id=organisation_id),
                action="resend-invitation",
            )
            return go_to(_path(organisation_id), toast=_("The invitation is on its way again."))
        except Refused as no:
            form.refuse(no)
    return _resend_page(form, organisation_id, invitation_id)


@screen.get("/invitations/<uuid:invitation_id>/withdraw")
@needs("member:manage", capacity="operator")
def ask_withdraw(organisation_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    return _withdraw_page(Decide(), organisation_id, invitation_id)


@screen.post("/invitations/<uuid:invitation_id>/withdraw")
@needs("member:manage", capacity="operator")
def withdraw(organisation_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    form, by = Decide(), tenancy.current()
    if form.validate_on_submit():
        submit_once(
            form,
            lambda: invitations.withdraw(invitation_id, by=by, organisation_id=organisation_id),
            action="withdraw-invitation",
        )
        return go_to(_path(organisation_id), toast=_("The invitation is withdrawn; its link no longer works."))
    return _withdraw_page(form, organisation_id, invitation_id)


@screen.get("/second-factor/<any(require, free):way>")
@needs("organisation:secure", capacity="operator")
def ask_require(organisation_id: uuid.UUID, way: str) -> Response:
    return _require_page(Require(), one(Organisation, organisation_id), way)


@screen.post("/second-factor/<any(require, free):way>")
@needs("organisation:secure", capacity="operator")
def require(organisation_id: uuid.UUID, way: str) -> Response:
    organisation = one(Organisation, organisation_id)
    form, by, required = Require(), tenancy.current(), way == "require"
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: enforcement.require_second_factor(organisation_id, required=required, by=by),
                action=f"second-factor-{way}",
            )
            said = (
                _("A second factor is required from now on.")
                if required
                else _("A second factor is no longer required.")
            )
            return go_to(_path(organisation_id), toast=said)
        except Refused as no:
            form.refuse(no)
    return _require_page(form, organisation, way)


@screen.get("/members/<uuid:membership_id>/reset-second-factor")
@needs("member:manage", capacity="operator")
def ask_reset(organisation_id: uuid.UUID, membership_id: uuid.UUID) -> Response:
    return _reset_page(Reset(), organisation_id, membership_id)


@screen.post("/members/<uuid:membership_id>/reset-second-factor")
@needs("member:manage", capacity="operator")
def reset(organisation_id: uuid.UUID, membership_id: uuid.UUID) -> Response:
    form, by = Reset(), tenancy.current()
    member = member_of(organisation_id, membership_id)
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: enforcement.reset_second_factor(
                    membership_id, reason=form.reason.data, by=by, organisation_id=organisation_id
                ),
                action="reset-second-factor",
            )
            return go_to(_path(organisation_id), toast=_("The second factor of %(name)s is reset.", name=member.name))
        except Refused as no:
            form.refuse(no)
    return _reset_page(form, organisation_id, membership_id)


def _path(organisation_id: uuid.UUID) -> str:
    return f"/organisations/{organisation_id}"


def _invite(form: Invite, organisation_id: uuid.UUID) -> Any:
    return invitations.invite(
        form.email.data,
        form.roles.data or (),
        by=tenancy.current(),
        organisation_id=organisation_id,
        capacity=cast(Capacity, form.capacity.data or ""),
    )


def _offer_roles(form: Invite, organisation: Organisation) -> Invite:
    """What fits the organisation: only its capacities, only their roles."""
    held = [key for key in CAPACITIES if getattr(organisation, f"is_{key}")]
    form.capacity.choices = offered((key, CAPACITIES[key]) for key in held)
    form.capacity.flags.required = True
    form.roles.choices = offered(
        (role.key, f"{CAPACITIES[role.capacity]}: {translate(role.label)}. {translate(role.sentence)}." if len(held) > 1 else f"{translate(role.label)}. {translate(role.sentence)}.")
        for role in ROLES.values()
        if role.capacity in held
    )  # fmt: skip
    return form


def _invite_page(form: Invite, organisation: Organisation) -> Response:
    return show(
        "operator/invite.html", block="form", status=form.status, form=form, organisation=organisation,
        here=_path(organisation.id), days=INVITED_FOR.days,
    )  # fmt: skip


def _resend_page(form: Decide, organisation_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    invitation = invitations.one_here(invitation_id, by=tenancy.current(), organisation_id=organisation_id)
    back = _path(organisation_id)
    return resend_page(form, invitation, here=f"{back}/invitations/{invitation_id}", back=back)


def _withdraw_page(form: Decide, organisation_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    invitation = invitations.one_here(invitation_id, by=tenancy.current(), organisation_id=organisation_id)
    back = _path(organisation_id)
    return withdraw_page(form, invitation, here=f"{back}/invitations/{invitation_id}", back=back)


def _require_page(form: Require, organisation: Organisation, way: str) -> Response:
    back = _path(organisation.id)
    action = f"{back}/second-factor/{way}"
    return require_page(form, organisation.name, required=way == "require", action=action, back=back)


def _reset_page(form: Reset, organisation_id: uuid.UUID, membership_id: uuid.UUID) -> Response:
    back = _path(organisation_id)
    member = member_of(organisation_id, membership_id)
    return reset_page(form, member, action=f"{back}/members/{membership_id}/reset-second-factor", back=back)
