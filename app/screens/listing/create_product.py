"""My products > Create a product: name, programmatic name, programme."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField

from app.catalog import queries
from app.catalog.entries import CHOOSE_PROGRAMME, create_product
from app.catalog.listing_rules import programmatic_name
from app.catalog.model import Product, Programme
from app.foundation import tenancy
from app.foundation.refusals import Refused
from app.web.fields import PortalForm, TextField, offered
from app.web.figures import plain
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing_pages import address
from app.web.submissions import submit_once

screen = Blueprint("create_product", __name__)


class NewProduct(PortalForm):
    name = TextField(_l("Name"), most=120)
    slug = TextField(_l("Programmatic name"), most=60)
    programme = RadioField(_l("Programme"), choices=[], validate_choice=False)

    def validate(self, extra_validators: Any = None) -> bool:
        """What can be said at once is said at once: all three fields, before the action stops at the first of them."""
        fine = super().validate(extra_validators=extra_validators)
        if not self.slug.errors:
            try:
                programmatic_name("slug", self.slug.data)
            except Refused as no:
                self.refuse(no)
                fine = False
        if not self.programme.data:
            self.refuse(Refused("programme", CHOOSE_PROGRAMME))
            fine = False
        return fine


@screen.get("/products/new")
@needs("product:edit", capacity="partner")
def show_form() -> Response:
    programmes = queries.programmes()
    return _page(NewProduct(programme=str(programmes[0].id) if len(programmes) == 1 else None))


@screen.post("/products/new")
@needs("product:edit", capacity="partner")
def create() -> Response:
    form = NewProduct()
    if form.validate_on_submit():
        try:
            product_id, _first = submit_once(form, lambda: _create(form), action="create-product")
            return go_to(address(product_id, "catalog-entry"), toast=_("Created as a draft. Nobody else sees it yet."))
        except Refused as no:
            form.refuse(no)
    return _page(form)


def _create(form: NewProduct) -> Product:
    try:
        programme_id = uuid.UUID(form.programme.data or "")
    except ValueError:
        programme_id = None
    return create_product(name=form.name.data, slug=form.slug.data, programme_id=programme_id, by=tenancy.current())


def _page(form: NewProduct) -> Response:
    programmes = queries.programmes()
    form.programme.choices = offered((str(programme.id), programme.name) for programme in programmes)
    form.programme.flags.required = True
    return show(
        "listing/create_product.html",
        status=form.status,
        form=form,
        programmes=[
            {"value": str(programme.id), "label": programme.name, "small": _terms(programme), "end": programme.currency}
            for programme in programmes
        ],
    )


def _terms(programme: Programme) -> str:
    percent = plain(programme.remuneration_percent, 0, 6)
    if programme.remuneration == "revenue_share":
        return _("You state gross prices and are due %(percent)s %% of what clients are charged.", percent=percent)
    return _("You state net prices and are due them; clients are charged %(percent)s %% more.", percent=percent)
