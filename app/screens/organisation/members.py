"""Members and roles of the organisation acted for: who belongs or is invited, with which roles, and how each signs in."""

import uuid
from typing import Any

from flask import Blueprint, Response, g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.documents import Column, rows_of
from app.foundation import clock, tenancy
from app.foundation.refusals import Refused
from app.members import actions, queries, roster
from app.members.roles import ROLES
from app.members.rules import has_expired
from app.notices.addresses import beside_refusals
from app.web.exports import download
from app.web.fields import PortalForm, offered
from app.web.filters import Choice, Search
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.instants import ago
from app.web.listing import ListOf
from app.web.sign_in_words import COLUMNS as SIGN_IN_COLUMNS
from app.web.sign_in_words import OUTCOMES
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("members", __name__)

KINDS = {roster.MEMBER: _l("Members"), roster.INVITED: _l("Invitations")}
LIST = ListOf(Search("search", _l("Name or e-mail")), Choice("kind", _l("Show"), KINDS))
COLUMNS = (
    Column(_l("Name"), "name"),
    Column(_l("E-mail"), "email"),
    Column(_l("Status"), lambda row: str(standing_words(row))),
    Column(_l("Roles"), lambda row: ", ".join(translate(ROLES[key].label) for key in row.roles if key in ROLES)),
    Column(_l("Second factor"), lambda row: None if row.kind == roster.INVITED else row.second_factor),
    Column(_l("Last sign-in at (UTC)"), "last_sign_in_at"),
    Column(_l("Joined or invited at (UTC)"), "created_at"),
    Column(_l("Invitation sent at (UTC)"), "sent_at"),
    Column(_l("Invited by"), "invited_by"),
)
SIGN_INS = ListOf()


def standing_words(row: Any) -> Any:
    words = {
        roster.EXPIRED: _("Expired"),
        roster.INVITED: _("Invited"),
        roster.MEMBER: _("Member"),
        roster.INACTIVE: _("Cannot sign in"),
    }
    return words[roster.standing_of(row, clock.now())]


def _roles_field() -> SelectMultipleField:
    return SelectMultipleField(
        _l("Roles"), validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class ChangeRoles(PortalForm):
    roles = _roles_field()


class Remove(PortalForm):
    pass


@screen.get("/members")
@screen.get("/members.<any(csv, xlsx):kind>")
@needs("member:view")
def show_list(kind: str = "") -> Any:
    listing = LIST.read()
    by = tenancy.current()
    if kind:
        return download(kind, "members", COLUMNS, rows_of(roster.everybody_here(by=by, **listing.values)))
    page = roster.people_here(
        by=by, **listing.values, after=listing.after, before=listing.before, beside=beside_refusals
    )
    labels = {key: translate(role.label) for key, role in ROLES.items()}
    now = clock.now()
    return show(
        "organisation/members.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        labels=labels,
        me=by.member_id,
        expired={row.id for row in page.rows if row.sent_at and has_expired(row.sent_at, now)},
        ages={row.id: _("%(age)s ago", age=ago(row.sent_at)) for row in page.rows if row.sent_at},
        required=second_factor_required(),
    )


def second_factor_required() -> bool:
    """Of the organisation acted for, as this request's one statement about the member has read it."""
    by = tenancy.current()
    return any(
        choice.second_factor_required
        for choice in g.memberships
        if (choice.organisation_id, choice.capacity) == (by.organisation_id, by.capacity)
    )


@screen.get("/members/<uuid:membership_id>")
@needs("member:view")
def show_member(membership_id: uuid.UUID) -> Any:
    """The member's tries to sign in since they belong here, by whichever organisation they acted for then."""
    by = tenancy.current()
    row = queries.member_here(membership_id, by)
    listing = SIGN_INS.read()
    page = queries.sign_ins_of(row.email, since=row.created_at, after=listing.after, before=listing.before)
    return show(
        "organisation/member.html",
        block="list",
        member=row,
        here=f"/members/{membership_id}",
        roles=[ROLES[key] for key in row.roles if key in ROLES],
        listing=listing.with_page(page),
        rows=page.rows,
        outcomes=OUTCOMES,
        me=by.member_id,
    )


@screen.get("/members/<uuid:membership_id>/sign-ins.<any(csv, xlsx):kind>")
@needs("member:view")
def export_sign_ins(membership_id: uuid.UUID, kind: str) -> Any:
    row = queries.member_here(membership_id, tenancy.current())
    return download(kind, "sign-ins", SIGN_IN_COLUMNS, queries.every_sign_in_of(row.email, since=row.created_at))


@screen.get("/members/<uuid:membership_id>/roles")
@needs("member:manage")
def show_roles_of(membership_id: uuid.UUID) -> Any:
    row = queries.member_here(membership_id, tenancy.current())
    return _roles_page(_with_roles(ChangeRoles(roles=row.roles)), row)


@screen.post("/members/<uuid:membership_id>/roles")
@needs("member:manage")
def change_roles(membership_id: uuid.UUID) -> Any:
    by = tenancy.current()
    row = queries.member_here(membership_id, by)
    form = _with_roles(ChangeRoles())
    if form.validate_on_submit():
        try:
            submit_once(
                form, lambda: actions.change_roles(membership_id, form.roles.data, by=by), action="change-roles"
            )
            return go_to("/members", toast=_("%(name)s has the roles you chose.", name=row.name))
        except Refused as no:
            form.refuse(no)
    return _roles_page(form, row)


@screen.get("/members/<uuid:membership_id>/remove")
@needs("member:manage")
def ask_remove(membership_id: uuid.UUID) -> Any:
    return _remove_page(Remove(), queries.member_here(membership_id, tenancy.current()))


@screen.post("/members/<uuid:membership_id>/remove")
@needs("member:manage")
def remove(membership_id: uuid.UUID) -> Any:
    by = tenancy.current()
    form = Remove()
    if form.validate_on_submit():
        try:
            # Nothing is looked up before: sent twice, the second time there is no such member any more.
            submit_once(form, lambda: actions.remove_from_organisation(membership_id, by=by), action="remove-member")
            return go_to("/members", toast=_("The member no longer belongs to the organisation."))
        except Refused as no:
            form.refuse(no)
    return _remove_page(form, queries.member_here(membership_id, by))


def _with_roles(form: Any) -> Any:
    here = [role for role in ROLES.values() if role.capacity == tenancy.current().capacity]
    form.roles.choices = offered((role.key, f"{translate(role.label)}. {translate(role.sentence)}.") for role in here)
    return form


def _roles_page(form: ChangeRoles, row: Any) -> Response:
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Roles of %(name)s", name=row.name), "eyebrow": row.email, "action": f"/members/{row.id}/roles", "cancel": "/members",
            "submit": _("Save the roles"), "form": form, "fields": [form.roles], "live": True,
            "sentence": _("They hold from the next page this member opens."),
        },
    )  # fmt: skip


def _remove_page(form: Remove, row: Any) -> Response:
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "title": _("Remove %(name)s", name=row.name), "eyebrow": row.email, "action": f"/members/{row.id}/remove", "kind": "danger",
            "submit": _("Remove from the organisation"), "cancel": "/members", "form": form, "live": True,
            "sentence": _("The member no longer sees anything of the organisation. The account stays, as does everything in History."),
        },
    )  # fmt: skip
