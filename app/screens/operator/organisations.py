"""Organisations: who does business here, in which capacities, with whom, who acts for them, and what has become of them."""

import uuid
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.documents import Column, rows_of
from app.engagements.counts import current_of
from app.foundation import clock, tenancy
from app.foundation.bounded import together
from app.foundation.named import Named
from app.foundation.refusals import Refused
from app.foundation.tenancy import one
from app.foundation.text_pages import text_page_of
from app.members import directory
from app.members.directory import invited_to, members_of
from app.members.roles import ROLES
from app.members.rules import has_expired
from app.parties import queries
from app.parties.actions import add_organisation
from app.parties.model import Organisation
from app.web import chains
from app.web.exports import download
from app.web.fields import PortalForm, TextField, offered
from app.web.filters import Choice, Search
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.instants import ago
from app.web.languages import locale_name
from app.web.listing import ListOf
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("organisations", __name__)

CAPACITIES = {"partner": _l("Partner"), "customer": _l("Customer"), "operator": _l("Operator")}
COLUMNS = (
    Column(_l("Name"), "name"),
    Column(_l("Capacities"), lambda row: ", ".join(capacities_of(row))),
    Column(_l("Customers"), "customers"),
    Column(_l("Partners"), "partners"),
    Column(_l("Added at (UTC)"), "created_at"),
    Column(_l("Deactivated at (UTC)"), "deactivated_at"),
)
HISTORY = ListOf()


@lru_cache(maxsize=100)
def _list(_language: str) -> ListOf:
    """In one language, so that its words are plain text."""
    words = Named({key: str(words) for key, words in CAPACITIES.items()})
    return ListOf(Search("search", _("Search")), Choice("capacity", _("Capacity"), words))


@lru_cache(maxsize=100)
def _with_members(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Built once for each choice of filters. The index gives rows in the list's order, so people are counted of those on the page."""
    return found.add_columns(*directory.beside(Organisation))


def _ticks(label: Any) -> SelectMultipleField:
    return SelectMultipleField(
        label, validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class AddOrganisation(PortalForm):
    name = TextField(_l("Name"), most=200)
    capacities = _ticks(_l("Capacities"))


def capacities_of(row: Any) -> list[str]:
    held = {"partner": row.is_partner, "customer": row.is_customer, "operator": row.is_operator}
    return [str(CAPACITIES[key]) for key, holds in held.items() if holds]


@screen.get("/organisations")
@screen.get("/organisations.<any(csv, xlsx):kind>")
@needs("organisation:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    listing = _list(locale_name()).read()
    if kind:
        every = queries.organisations(**listing.values).order_by(*queries.LIST_KEYS)
        return download(kind, "organisations", COLUMNS, rows_of(every))
    found, values = queries.organisations_asked(**listing.values)
    page = text_page_of(
        _with_members(found),
        queries.LIST_KEYS,
        after=listing.after,
        before=listing.before,
        oldest_first=True,
        values=values,
    )
    return show(
        "operator/organisations.html",
        block="list",
        listing=listing.with_page(page),
        rows=tuple(page.rows),
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
                f"/organisations/{added}",
                toast=_("%(name)s is added. Invite its first member next.", name=form.name.data),
            )
        except Refused as no:
            form.refuse(no)
    return _new_page(form)


@screen.get("/organisations/<uuid:organisation_id>")
@needs("organisation:view", capacity="operator")
def show_organisation(organisation_id: uuid.UUID) -> Response:
    organisation = one(Organisation, organisation_id)
    related = queries.related_to(organisation_id)
    now, invited = clock.now(), invited_to(organisation_id)
    return show(
        "operator/organisation.html",
        **_head(organisation),
        members=members_of(organisation_id),
        invited=invited,
        expired={row.id for row in invited if has_expired(row.sent_at, now)},
        ages={row.id: _("%(age)s ago", age=ago(row.sent_at)) for row in invited},
        me=tenancy.current().member_id,
        labels={key: translate(role.label) for key, role in ROLES.items()},
        capacity_words=CAPACITIES,
        customers=[row for row in related if row.partner_id == organisation_id],
        partners=[row for row in related if row.partner_id != organisation_id],
        standing_count=lambda rows: sum(row.ended_at is None for row in rows),
        engagements=(counts := current_of(organisation_id)),
        all_engagements=together(counts.values()),
    )


@screen.get("/organisations/<uuid:organisation_id>/history")
@screen.get("/organisations/<uuid:organisation_id>/history.<any(csv, xlsx):kind>")
@needs("organisation:view", capacity="operator")
def show_history(organisation_id: uuid.UUID, kind: str = "") -> Response:
    organisation = one(Organisation, organisation_id)
    if kind:
        return download(
            kind, "organisation-history", chains.COLUMNS, chains.every_event("organisation", organisation_id)
        )
    listing = HISTORY.read()
    page = chains.events_page("organisation", organisation_id, after=listing.after, before=listing.before)
    return show(
        "operator/organisation_history.html",
        block="list",
        listing=listing.with_page(page),
        events=[chains.told(row) for row in page.rows],
        holds=chains.holds("organisation", organisation_id),
        **_head(organisation),
    )


def _head(organisation: Organisation) -> dict[str, Any]:
    return {
        "organisation": organisation,
        "here": f"/organisations/{organisation.id}",
        "capacities": capacities_of(organisation),
    }


def _offer_capacities(form: AddOrganisation) -> AddOrganisation:
    form.capacities.choices = offered((key, CAPACITIES[key]) for key in ("partner", "customer"))
    form.capacities.flags.required = True
    return form


def _new_page(form: AddOrganisation) -> Response:
    return show("operator/add_organisation.html", block="form", status=form.status, form=form)
