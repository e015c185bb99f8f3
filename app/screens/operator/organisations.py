"""Organisations: who does business here, in which capacities, with whom, and which members act for them."""

import uuid
from typing import Any, cast

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.documents import Column, rows_of
from app.engagements.counts import current_of
from app.foundation import tenancy
from app.foundation.pages import page_of
from app.foundation.refusals import Refused
from app.foundation.tenancy import Capacity, one
from app.members.actions import take_in
from app.members.directory import counts_of, members_of
from app.members.roles import ROLES
from app.parties import queries
from app.parties.actions import add_organisation
from app.parties.model import Organisation
from app.web.exports import download
from app.web.fields import EmailText, PortalForm, TextField, offered
from app.web.filters import Choice, Search
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.mail_words import mail_words
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("organisations", __name__)

CAPACITIES = {"partner": _l("Partner"), "customer": _l("Customer"), "operator": _l("Operator")}
LIST = ListOf(Search("search", _l("Search")), Choice("capacity", _l("Capacity"), CAPACITIES))
COLUMNS = (
    Column(_l("Name"), "name"),
    Column(_l("Capacities"), lambda row: ", ".join(capacities_of(row))),
    Column(_l("Customers"), "customers"),
    Column(_l("Partners"), "partners"),
    Column(_l("Added at (UTC)"), "created_at"),
)


def _ticks(label: Any) -> SelectMultipleField:
    return SelectMultipleField(
        label, validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class AddOrganisation(PortalForm):
    name = TextField(_l("Name"), most=200)
    capacities = _ticks(_l("Capacities"))


class AddMember(PortalForm):
    email = EmailText(_l("E-mail"))
    name = TextField(_l("Name"), most=200)
    capacity = SelectField(_l("Acts as"), validate_choice=False)
    roles = _ticks(_l("Roles"))


def capacities_of(row: Any) -> list[str]:
    held = {"partner": row.is_partner, "customer": row.is_customer, "operator": row.is_operator}
    return [str(CAPACITIES[key]) for key, holds in held.items() if holds]


@screen.get("/organisations")
@screen.get("/organisations.<any(csv, xlsx):kind>")
@needs("organisation:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    listing = LIST.read()
    found = queries.organisations(**listing.values)
    if kind:
        return download(kind, "organisations", COLUMNS, rows_of(found.order_by(*queries.LIST_KEYS)))
    page = page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before, oldest_first=True)
    return show(
        "operator/organisations.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        capacities={row.id: capacities_of(row) for row in page.rows},
        relations={row.id: _relations(row) for row in page.rows},
        members=counts_of(row.id for row in page.rows),
    )


@screen.get("/organisations/new")
@needs("organisation:manage", capacity="operator")
def show_new() -> Response:
    return _new_page(_offer_capacities(AddOrganisation()))


@screen.post("/organisations/new")
@needs("organisation:manage", capacity="operator")
def add() -> Response:
    form = _offer_capacities(AddOrganisation())
    if form.validate_on_submit():
        chosen = set(form.capacities.data or ())
        try:
            added, _first = submit_once(
                form,
                lambda: add_organisation(
                    form.name.data, by=tenancy.current(), partner="partner" in chosen, customer="customer" in chosen
                ),
                action="add-organisation",
            )
            return go_to(
                f"/organisations/{added}", toast=_("%(name)s is added. Add its first member next.", name=form.name.data)
            )
        except Refused as no:
            form.refuse(no)
    return _new_page(form)


@screen.get("/organisations/<uuid:organisation_id>")
@needs("organisation:view", capacity="operator")
def show_organisation(organisation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    related = queries.related_to(organisation_id)
    return show(
        "operator/organisation.html",
        organisation=organisation,
        here=f"/organisations/{organisation_id}",
        capacities=capacities_of(organisation),
        members=members_of(organisation_id),
        labels={key: translate(role.label) for key, role in ROLES.items()},
        capacity_words=CAPACITIES,
        customers=[row for row in related if row.partner_id == organisation_id],
        partners=[row for row in related if row.partner_id != organisation_id],
        engagements=current_of(organisation_id),
    )


@screen.get("/organisations/<uuid:organisation_id>/members/new")
@needs("member:manage", capacity="operator")
def show_new_member(organisation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    form = _offer_roles(AddMember(capacity=request.args.get("capacity")), organisation)
    return _member_page(form, organisation)


@screen.post("/organisations/<uuid:organisation_id>/members/new")
@needs("member:manage", capacity="operator")
def add_member(organisation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    form = _offer_roles(AddMember(), organisation)
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: _take_in(form, organisation_id), action="add-member")
            facts = {"email": form.email.data, "name": organisation.name}
            toast = mail_words(
                _("%(email)s is a member of %(name)s now and is being mailed.", **facts),
                _("%(email)s is a member of %(name)s now. The mail waits until a mail server is set.", **facts),
            )
            return go_to(f"/organisations/{organisation_id}", toast=toast)
        except Refused as no:
            form.refuse(no)
    return _member_page(form, organisation)


def _take_in(form: AddMember, organisation_id: uuid.UUID) -> Any:
    return take_in(
        form.name.data,
        form.email.data,
        form.roles.data or (),
        by=tenancy.current(),
        organisation_id=organisation_id,
        capacity=cast(Capacity, form.capacity.data or ""),
    )


def _relations(row: Any) -> str:
    """'3 customers, 1 partner'; nothing where there is none."""
    said = []
    if row.customers:
        said.append(ngettext("%(num)s customer", "%(num)s customers", row.customers))
    if row.partners:
        said.append(ngettext("%(num)s partner", "%(num)s partners", row.partners))
    return ", ".join(said)


def _offer_capacities(form: AddOrganisation) -> AddOrganisation:
    form.capacities.choices = offered((key, CAPACITIES[key]) for key in ("partner", "customer"))
    form.capacities.flags.required = True
    return form


def _offer_roles(form: AddMember, organisation: Organisation) -> AddMember:
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


def _new_page(form: AddOrganisation) -> Response:
    return show("operator/add_organisation.html", block="form", status=form.status, form=form)


def _member_page(form: AddMember, organisation: Organisation) -> Response:
    return show(
        "operator/add_member.html", block="form", status=form.status, form=form, organisation=organisation,
        here=f"/organisations/{organisation.id}",
    )  # fmt: skip
