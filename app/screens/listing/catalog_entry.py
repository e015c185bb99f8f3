"""Product listing > Catalog entry: what clients read, and the request form as they will fill it in."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.catalog import queries
from app.catalog.entries import change_catalog_entry
from app.catalog.model import Product
from app.foundation import tenancy
from app.web.custom_parameters import fields_to_look_at
from app.web.fields import EmailText, PortalForm, TextField
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing_pages import Confirm, address, listing, saved, shown

screen = Blueprint("catalog_entry", __name__)

KINDS = {
    "short_text": _l("Short text"),
    "paragraph": _l("Paragraph"),
    "selection": _l("Selection"),
    "checkbox": _l("Checkbox"),
}


class Entry(PortalForm):
    name = TextField(_l("Name"), most=120)
    summary = TextField(_l("Summary"), most=200)
    category = TextField(_l("Category"), most=60)
    description = TextField(_l("Description"), most=10_000, lines=True)
    request_email = EmailText(_l("Request e-mail"))


@screen.get("/products/<uuid:product_id>/catalog-entry")
@needs("product:edit", capacity="partner")
def show_entry(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return _page(Entry(obj=product), product)


@screen.post("/products/<uuid:product_id>/catalog-entry")
@needs("product:edit", capacity="partner")
def change(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    form = Entry()
    return saved(
        form,
        lambda: change_catalog_entry(
            product,
            version=form.seen_version or 0,
            name=form.name.data,
            category=form.category.data,
            summary=form.summary.data,
            description=form.description.data,
            request_email=form.request_email.data,
            by=tenancy.current(),
        ),
        lambda **more: _page(form, listing(product_id), **more),
        product_id=product_id,
        action="change-catalog-entry",
        then=address(product_id, "catalog-entry"),
        toast=_("Saved. Clients read the new edition.") if product.state == "published" else _("Saved."),
    )


def _page(form: Entry, product: Product, *, status: int = 200, stale: bool = False) -> Response:
    here = address(product.id, "catalog-entry")
    last = len(product.parameters) - 1
    parameters: list[dict[str, Any]] = [
        {
            "row": parameter,
            "kind": KINDS.get(parameter.kind, parameter.kind),
            "here": f"{here}/parameters/{parameter.id}",
            "up": place > 0,
            "down": place < last,
        }
        for place, parameter in enumerate(product.parameters)
    ]
    return show(
        "listing/catalog_entry.html",
        status=status,
        form=form,
        mover=Confirm(version=product.version),
        stale=stale,
        parameters=parameters,
        preview=fields_to_look_at(product.parameters),
        categories=queries.categories(),
        **shown(product, "catalog-entry"),
    )
