"""Members and roles of the organisation acted for: who belongs, with which roles, and what a role allows."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.foundation import tenancy
from app.foundation.permissions import PERMISSIONS
from app.foundation.refusals import Refused
from app.foundation.tenancy import Capacity
from app.members import actions, queries
from app.members.roles import EVERY_MEMBER, GRANTS, ROLES, Role
from app.web.fields import EmailText, PortalForm, TextField, offered
from app.web.filters import Search
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.mail_words import mail_words
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("members", __name__)

LIST = ListOf(Search("search", _l("Name or e-mail")))


def _roles_field() -> SelectMultipleField:
    return SelectMultipleField(
        _l("Roles"), validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class AddMember(PortalForm):
    email = EmailText(_l("E-mail"))
    name = TextField(_l("Name"), most=200)
    roles = _roles_field()


class ChangeRoles(PortalForm):
    roles = _roles_field()


class Remove(PortalForm):
    pass


@screen.get("/members")
@needs("member:view")
def show_list() -> Any:
    listing = LIST.read()
    by = tenancy.current()
    page = queries.members_here(by, **listing.values, after=listing.after, before=listing.before)
    labels = {key: translate(role.label) for key, role in ROLES.items()}
    return show(
        "organisation/members.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        labels=labels,
        me=by.member_id,
    )


@screen.get("/members/roles")
@needs("member:view")
def show_roles() -> Any:
    """The table that grants everything, as it is in the code."""
    by = tenancy.current()
    roles = [role for role in ROLES.values() if role.capacity == by.capacity]
    return show("organisation/roles.html", roles=roles, grants=_grants(by.capacity))


@screen.get("/members/new")
@needs("member:manage")
def show_new() -> Any:
    return _new_page(_with_roles(AddMember()))


@screen.post("/members/new")
@needs("member:manage")
def add() -> Any:
    form = _with_roles(AddMember())
    if form.validate_on_submit():
        by = tenancy.current()
        try:
            submit_once(
                form,
                lambda: actions.take_in(form.name.data, form.email.data, form.roles.data, by=by),
                action="add-member",
            )
            toast = mail_words(
                _("%(email)s is a member now and is being mailed.", email=form.email.data),
                _("%(email)s is a member now. The mail waits until a mail server is set.", email=form.email.data),
            )
            return go_to("/members", toast=toast)
        except Refused as no:
            form.refuse(no)
    return _new_page(form)


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


def _new_page(form: AddMember) -> Response:
    return show("organisation/add_member.html", block="form", status=form.status, form=form)


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


def _grants(capacity: Capacity) -> list[tuple[str, list[Role]]]:
    """(what may be done, the roles that must all be held), declared permissions only."""
    granted = {name: roles for (name, where), roles in GRANTS.items() if where == capacity}
    granted |= {name: frozenset() for name in EVERY_MEMBER.get(capacity, ())}
    return [
        (PERMISSIONS[name], [ROLES[key] for key in ROLES if key in needed])
        for name, needed in granted.items()
        if name in PERMISSIONS
    ]
