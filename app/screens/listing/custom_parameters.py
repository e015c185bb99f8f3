"""Custom parameters of the request form: add, change, order, remove."""

import uuid

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import BadRequest
from wtforms import BooleanField, RadioField

from app.catalog.entries import add_parameter, change_parameter, move_parameter, remove_parameter
from app.catalog.listing_queries import parameter_in
from app.catalog.listing_rules import ParameterDraft
from app.catalog.model import Product
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone
from app.web.fields import PortalForm, TextField, offered
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.listing_pages import Confirm, address, decided, listing, saved, shown
from app.web.submissions import submit_once

screen = Blueprint("custom_parameters", __name__)

KINDS = {
    "short_text": (_l("Short text"), _l("one line, at most 200 characters")),
    "paragraph": (_l("Paragraph"), _l("several lines, at most 2,000 characters")),
    "selection": (_l("Selection"), _l("one of the options below")),
    "checkbox": (_l("Checkbox"), _l("yes or no; required means that it must be ticked")),
}


class Parameter(PortalForm):
    label = TextField(_l("Label"), most=80)
    kind = RadioField(
        _l("Kind"), choices=offered((key, words[0]) for key, words in KINDS.items()), validate_choice=False
    )
    options = TextField(_l("Options"), most=6000, lines=True, optional=True)
    required = BooleanField(_l("Required"))

    @property
    def draft(self) -> ParameterDraft:
        return ParameterDraft(
            self.label.data, self.kind.data or "", (self.options.data or "").splitlines(), bool(self.required.data)
        )


@screen.get("/products/<uuid:product_id>/catalog-entry/parameters/new", endpoint="show_new")
@needs("product:edit", capacity="partner")
def show_new(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return _page(Parameter(version=product.version, kind="short_text"), product, None)


@screen.post("/products/<uuid:product_id>/catalog-entry/parameters/new")
@needs("product:edit", capacity="partner")
def add(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    form = Parameter()
    return saved(
        form,
        lambda: add_parameter(product, version=form.seen_version or 0, draft=form.draft, by=tenancy.current()),
        lambda **more: _page(form, listing(product_id), None, **more),
        product_id=product_id,
        action="add-parameter",
        then=address(product_id, "catalog-entry"),
        toast=_("Added at the end of the request form."),
    )


@screen.get("/products/<uuid:product_id>/catalog-entry/parameters/<uuid:parameter_id>")
@needs("product:edit", capacity="partner")
def show_one(product_id: uuid.UUID, parameter_id: uuid.UUID) -> Response:
    product = listing(product_id)
    parameter = parameter_in(product, parameter_id)
    form = Parameter(
        version=product.version,
        label=parameter.label,
        kind=parameter.kind,
        options="\n".join(parameter.options),
        required=parameter.required,
    )
    return _page(form, product, parameter_id)


@screen.post("/products/<uuid:product_id>/catalog-entry/parameters/<uuid:parameter_id>")
@needs("product:edit", capacity="partner")
def change(product_id: uuid.UUID, parameter_id: uuid.UUID) -> Response:
    product = listing(product_id)
    parameter_in(product, parameter_id)
    form = Parameter()
    return saved(
        form,
        lambda: change_parameter(
            product, version=form.seen_version or 0, parameter_id=parameter_id, draft=form.draft, by=tenancy.current()
        ),
        lambda **more: _page(form, listing(product_id), parameter_id, **more),
        product_id=product_id,
        action="change-parameter",
        then=address(product_id, "catalog-entry"),
        toast=_("Saved."),
    )


@screen.post("/products/<uuid:product_id>/catalog-entry/parameters/<uuid:parameter_id>/move")
@needs("product:edit", capacity="partner")
def move(product_id: uuid.UUID, parameter_id: uuid.UUID) -> Response:
    """One place up or down. A stale tab moves nothing and shows the order as it is."""
    product = listing(product_id)
    parameter_in(product, parameter_id)
    form, upwards = Confirm(), request.form.get("direction") == "up"
    there = address(product_id, "catalog-entry")
    if not form.validate_on_submit() or request.form.get("direction") not in ("up", "down"):
        raise BadRequest  # the page's own buttons say nothing else
    try:
        submit_once(
            form,
            lambda: move_parameter(
                product,
                version=form.seen_version or 0,
                parameter_id=parameter_id,
                upwards=upwards,
                by=tenancy.current(),
            ),
            action="move-up" if upwards else "move-down",
        )
    except AlreadyDone:
        return go_to(there, toast=_("Somebody changed the entry meanwhile; this is how it stands now."), kind="blocked")
    return go_to(there)


@screen.get("/products/<uuid:product_id>/catalog-entry/parameters/<uuid:parameter_id>/remove", endpoint="ask_remove")
@screen.post("/products/<uuid:product_id>/catalog-entry/parameters/<uuid:parameter_id>/remove")
@needs("product:edit", capacity="partner")
def remove(product_id: uuid.UUID, parameter_id: uuid.UUID) -> Response:
    product = listing(product_id)
    parameter = parameter_in(product, parameter_id)
    form, there = Confirm(version=product.version), address(product_id, "catalog-entry")
    return decided(
        form,
        lambda: remove_parameter(
            product, version=form.seen_version or 0, parameter_id=parameter_id, by=tenancy.current()
        ),
        lambda: _fresh(product_id),
        action="remove-parameter",
        then=there,
        toast=_("Removed from the request form."),
        decision={
            "title": _("Remove custom parameter"),
            "eyebrow": product.name,
            "sentence": _(
                "The request form asks for %(label)s no more. What clients have answered stays with their engagements.",
                label=parameter.label,
            ),
            "submit": _("Remove parameter"),
            "kind": "danger",
            "action": request.path,
            "cancel": there,
        },
    )


def _fresh(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return show_fresh(address(product_id, "catalog-entry"), "listing/changed.html", **shown(product, "catalog-entry"))


def _page(
    form: Parameter, product: Product, parameter_id: uuid.UUID | None, *, status: int = 200, stale: bool = False
) -> Response:
    return show(
        "listing/parameter.html",
        status=status,
        form=form,
        stale=stale,
        kinds=[{"value": key, "label": label, "small": small} for key, (label, small) in KINDS.items()],
        parameter_path=address(product.id, "catalog-entry", "parameters", parameter_id or "new"),
        is_new=parameter_id is None,
        **shown(product, "catalog-entry"),
    )
