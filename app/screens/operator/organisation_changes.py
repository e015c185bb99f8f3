"""The operator changes what an organisation is: its name, capacities and zone, whether it is active, whom it works with."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.engagements import farewells
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import one
from app.foundation.text import N_
from app.parties import actions, queries
from app.parties.model import Organisation, PartnerCustomer
from app.parties.relations import add_relation
from app.web.fields import PortalForm, TextField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.submissions import submit_once
from app.web.zones import offer_zones

screen = Blueprint("organisation_changes", __name__, url_prefix="/organisations/<uuid:organisation_id>")

CAPACITIES = {"partner": _l("Partner"), "customer": _l("Customer")}


class EditOrganisation(PortalForm):
    name = TextField(_l("Name"), most=200)
    capacities = SelectMultipleField(
        _l("Capacities"), validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    zone = SelectField(_l("Time zone"), validate_choice=False)


class Deactivate(PortalForm):
    reason = TextField(_l("Reason"), most=500, lines=True)


class Reactivate(PortalForm):
    """Nothing to fill in."""


class AddRelation(PortalForm):
    other = SelectField(_l("Organisation"), validate_choice=False)


class EndRelation(PortalForm):
    """Nothing to fill in; what is refused is said of the relation."""


@screen.get("/edit")
@needs("organisation:manage", capacity="operator")
def show_form(organisation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    form = EditOrganisation(
        version=organisation.version,
        name=organisation.name,
        capacities=[key for key in CAPACITIES if getattr(organisation, f"is_{key}")],
        zone=organisation.zone,
    )
    return _edit_page(form, organisation)


@screen.post("/edit")
@needs("organisation:manage", capacity="operator")
def change(organisation_id: uuid.UUID) -> Response:
    organisation, form = one(Organisation, organisation_id), EditOrganisation()
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: _change(organisation_id, form), action="change-organisation")
            return go_to(_path(organisation_id), toast=_("Saved."))
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            db.session.expire_all()
            organisation = one(Organisation, organisation_id)
            form.version.data = str(organisation.version)
            return _edit_page(form, organisation, status=409, stale=True)
    return _edit_page(form, organisation)


@screen.get("/deactivate")
@needs("organisation:manage", capacity="operator")
def ask_deactivate(organisation_id: uuid.UUID) -> Response:
    return _deactivate_page(Deactivate(), one(Organisation, organisation_id))


@screen.post("/deactivate")
@needs("organisation:manage", capacity="operator")
def deactivate(organisation_id: uuid.UUID) -> Response:
    organisation, form = one(Organisation, organisation_id), Deactivate()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: farewells.deactivate(organisation_id, reason=form.reason.data, by=tenancy.current()),
                action="deactivate-organisation",
            )
            return go_to(_path(organisation_id), toast=_("%(name)s is deactivated.", name=organisation.name))
        except Refused as no:
            form.refuse(no)
    return _deactivate_page(form, organisation)


@screen.get("/reactivate")
@needs("organisation:manage", capacity="operator")
def ask_reactivate(organisation_id: uuid.UUID) -> Response:
    return _reactivate_page(Reactivate(), one(Organisation, organisation_id))


@screen.post("/reactivate")
@needs("organisation:manage", capacity="operator")
def reactivate(organisation_id: uuid.UUID) -> Response:
    organisation, form = one(Organisation, organisation_id), Reactivate()
    if form.validate_on_submit():
        submit_once(
            form,
            lambda: actions.reactivate(organisation_id, by=tenancy.current()),
            action="reactivate-organisation",
        )
        return go_to(_path(organisation_id), toast=_("%(name)s is active again.", name=organisation.name))
    return _reactivate_page(form, organisation)


@screen.get("/relations/new-<any(customer, partner):side>")
@needs("organisation:manage", capacity="operator")
def show_new_relation(organisation_id: uuid.UUID, side: str) -> Response:
    return _relation_page(AddRelation(), one(Organisation, organisation_id), side)


@screen.post("/relations/new-<any(customer, partner):side>")
@needs("organisation:manage", capacity="operator")
def add(organisation_id: uuid.UUID, side: str) -> Response:
    """`side` is what the other organisation is to this one."""
    organisation, form = one(Organisation, organisation_id), AddRelation()
    if form.validate_on_submit():
        try:
            other = _chosen(form)
            ends = (organisation_id, other) if side == "customer" else (other, organisation_id)
            submit_once(form, lambda: add_relation(*ends, by=tenancy.current()), action="add-relation")
            return go_to(_path(organisation_id), toast=_("They work together from now on."))
        except Refused as no:
            form.refuse(no)
    return _relation_page(form, organisation, side)


@screen.get("/relations/<uuid:relation_id>/end")
@needs("organisation:manage", capacity="operator")
def ask_end(organisation_id: uuid.UUID, relation_id: uuid.UUID) -> Response:
    return _end_page(EndRelation(), organisation_id, relation_id)


@screen.post("/relations/<uuid:relation_id>/end")
@needs("organisation:manage", capacity="operator")
def end(organisation_id: uuid.UUID, relation_id: uuid.UUID) -> Response:
    _relation_of(organisation_id, relation_id)
    form = EndRelation()
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: farewells.end_relation(relation_id, by=tenancy.current()), action="end-relation")
            return go_to(_path(organisation_id), toast=_("The relation has ended; its history stays."))
        except Refused as no:
            form.refuse(no)
    return _end_page(form, organisation_id, relation_id)


def _path(organisation_id: uuid.UUID) -> str:
    return f"/organisations/{organisation_id}"


def _change(organisation_id: uuid.UUID, form: EditOrganisation) -> Organisation:
    chosen = set(form.capacities.data or ())
    return farewells.change_organisation(
        organisation_id,
        version=form.seen_version or 0,
        name=form.name.data,
        partner="partner" in chosen,
        customer="customer" in chosen,
        zone=form.zone.data or "",
        by=tenancy.current(),
    )


def _chosen(form: AddRelation) -> uuid.UUID:
    try:
        other = uuid.UUID(form.other.data or "")
        return one(Organisation, other).id
    except (ValueError, NotVisible) as wrong:
        raise Refused("other", N_("Choose an organisation from the list.")) from wrong


def _relation_of(organisation_id: uuid.UUID, relation_id: uuid.UUID) -> tuple[PartnerCustomer, Organisation]:
    """The relation, if this organisation is one of its ends, and the organisation at the other."""
    relation = one(PartnerCustomer, relation_id)
    ends = {relation.partner_id, relation.customer_id}
    if organisation_id not in ends:
        raise NotVisible
    return relation, one(Organisation, (ends - {organisation_id}).pop())


def _edit_page(
    form: EditOrganisation, organisation: Organisation, *, status: int | None = None, stale: bool = False
) -> Response:
    form.capacities.choices = offered(CAPACITIES.items())
    offer_zones(form.zone)
    held = {"partner": organisation.is_partner, "customer": organisation.is_customer}
    return show(
        "operator/edit_organisation.html", block="form", status=status or form.status, form=form, stale=stale,
        organisation=organisation, here=_path(organisation.id),
        held=[str(CAPACITIES[key]) for key, holds in held.items() if holds],
    )  # fmt: skip


def _deactivate_page(form: Deactivate, organisation: Organisation) -> Response:
    return _decision(
        form, organisation, "deactivate", danger=True, fields=[form.reason],
        title=_("Deactivate %(name)s", name=organisation.name), submit=_("Deactivate the organisation"),
        sentence=_("Nobody can act for it any more, and nobody is told anything for it. Its history and its past engagements stay, and it can be made active again."),
    )  # fmt: skip


def _reactivate_page(form: Reactivate, organisation: Organisation) -> Response:
    return _decision(
        form, organisation, "reactivate", danger=False, fields=[],
        title=_("Make %(name)s active again", name=organisation.name), submit=_("Make it active again"),
        sentence=_("Its members act for it again, with the roles they had."),
    )  # fmt: skip


def _relation_page(form: AddRelation, organisation: Organisation, side: str) -> Response:
    rows = queries.candidates(organisation.id, side)
    form.other.choices = offered((str(row.id), row.name) for row in rows)
    form.other.flags.required = True
    title = (
        _("Add a customer of %(name)s", name=organisation.name)
        if side == "customer"
        else _("Add a partner of %(name)s", name=organisation.name)
    )
    return _decision(
        form, organisation, f"relations/new-{side}", danger=False, fields=[form.other],
        title=title, submit=_("Add the relation"), sentence=_("Each of the two may see the other's name from now on."),
    )  # fmt: skip


def _end_page(form: EndRelation, organisation_id: uuid.UUID, relation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    _relation, other = _relation_of(organisation_id, relation_id)
    return _decision(
        form, organisation, f"relations/{relation_id}/end", danger=True, fields=[],
        title=_("End the relation with %(name)s", name=other.name), submit=_("End the relation"),
        sentence=_("It is kept with its dates, and a new request of the customer begins another. It cannot end while an engagement between the two is current."),
    )  # fmt: skip


def _decision(form: Any, organisation: Organisation, verb: str, *, danger: bool, **words: Any) -> Response:
    back = _path(organisation.id)
    kind = {"kind": "danger"} if danger else {}
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "eyebrow": organisation.name, "action": f"{back}/{verb}", "cancel": back, "form": form, "live": True, **kind, **words,
        },
    )  # fmt: skip
