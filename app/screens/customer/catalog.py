"""The catalog of published services: what they are, what they cost. Every price is gross, without tax."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from flask import Blueprint, Response
from flask_babel import lazy_gettext as _l

from app.catalog import queries
from app.catalog.price_list import from_prices
from app.catalog.queries import CatalogTile
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.tenancy import one
from app.parties.model import Organisation
from app.web.filters import Choice, Search
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.price_lines import from_words, service_prices

screen = Blueprint("catalog", __name__)


@screen.get("/catalog")
@needs("catalog:view", capacity="customer")
def show_list() -> Response:
    categories = {name: name for name in queries.categories()}
    listing = ListOf(Search("search", _l("Search")), Choice("category", _l("Category"), categories)).read()
    found = queries.published_services(listing.values["search"] or "", listing.values["category"] or "")
    prices = from_prices([tile.slug for tile in found], _this_month())
    return show(
        "customer/catalog.html",
        block="list",
        listing=listing,
        shelves=_shelves(found),
        count=len(found),
        from_words={slug: from_words(price) for slug, price in prices.items()},
    )


@screen.get("/catalog/<string:slug>")
@needs("catalog:view", capacity="customer")
def show_service(slug: str) -> Response:
    product = queries.published_by_slug(slug)
    month = _this_month()
    return show(
        "customer/service.html",
        product=product,
        partner=one(Organisation, product.partner_id),
        **service_prices(product, month),
    )


def _this_month() -> BillingMonth:
    return BillingMonth.at(clock.now())


def _shelves(found: Sequence[CatalogTile]) -> list[tuple[str, list[Any]]]:
    """(category, its services) in the list's own order, which is by category."""
    return [(category, list(tiles)) for category, tiles in groupby(found, key=lambda tile: tile.category)]
