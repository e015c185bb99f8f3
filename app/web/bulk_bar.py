"""The bar above the grid of bulk entry: what its list can be filtered by, in the plain values by which the bar is kept.

listing = listed(PATH)           the list as the address asks for it
bar = bar_of(listing, page)      its menus and their links are made where it is not kept: bar.listing
"""

import uuid
from functools import lru_cache
from typing import NamedTuple

from flask_babel import gettext as _

from app.engagements.choices import choices_told
from app.foundation.pages import Page
from app.foundation.text_pages import Told
from app.web.filters import Reference, Search
from app.web.languages import locale_name
from app.web.listing import Listing, ListOf, view_of


class Bar(NamedTuple):
    path: str
    #: as the saved views take it, which are a part of the bar
    view: str
    search: str | None
    client: uuid.UUID | None
    product: uuid.UUID | None
    #: what may be chosen, as choices.beside_rows() gives it; None: what the rows have
    clients: str | None
    offers: str | None
    rows: Told | None

    @property
    def listing(self) -> Listing:
        here = choices_told(self.clients, self.offers, self.rows)
        search, client, product = _filters(locale_name())
        return Listing(
            path=self.path,
            filters=(search, client.offering(here.client), product.offering(here.product)),
            values={"search": self.search, "client": self.client, "product": self.product},
        )


def listed(path: str) -> Listing:
    return _list_of(locale_name()).read(path)


def bar_of(listing: Listing, page: Page) -> Bar:
    """Of a page that was read as text, with the choices beside it. Where there is nothing at all, nothing may be chosen."""
    once = page.once
    clients, offers = (once.clients, once.offers) if page.rows or listing.is_filtered else ("", "")
    rows = page.told if clients is None or offers is None else None
    return Bar(listing.path, view_of(listing.path), **listing.values, clients=clients, offers=offers, rows=rows)


@lru_cache(maxsize=100)
def _list_of(language: str) -> ListOf:
    return ListOf(*_filters(language))


@lru_cache(maxsize=100)
def _filters(_language: str) -> tuple[Search, Reference, Reference]:
    """What client and product may be is read with the rows. In one language, so that its words are plain text."""
    return Search("search", _("Search")), Reference("client", _("Client")), Reference("product", _("Product"))
