"""Product listing > Support: hours and ways to reach support, as the catalog shows them."""

import uuid

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.catalog.entries import change_support
from app.catalog.model import Product
from app.foundation import tenancy
from app.web.fields import PortalForm, TextField
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing_pages import address, listing, saved, shown

screen = Blueprint("listing_support", __name__)


class Support(PortalForm):
    support = TextField(_l("Support details"), most=4000, lines=True)


@screen.get("/products/<uuid:product_id>/support")
@needs("product:edit", capacity="partner")
def show_support(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return _page(Support(version=product.version, support=product.support), product)


@screen.post("/products/<uuid:product_id>/support")
@needs("product:edit", capacity="partner")
def change(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    form = Support()
    return saved(
        form,
        lambda: change_support(
            product, version=form.seen_version or 0, support=form.support.data, by=tenancy.current()
        ),
        lambda **more: _page(form, listing(product_id), **more),
        product_id=product_id,
        action="change-support",
        then=address(product_id, "support"),
        toast=_("Saved."),
    )


def _page(form: Support, product: Product, *, status: int = 200, stale: bool = False) -> Response:
    return show("listing/support.html", status=status, form=form, stale=stale, **shown(product, "support"))
