"""What a list of engagements can be filtered by, read along with its rows: no statement of its own while there are rows.

Each kind of choice is one column holding every choice as text, given with the page's first row; NULL where there are too many.
They are counted along their index first, so that names nobody is shown are not read.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, case, func, literal, select

from app.catalog.model import Plan, Product
from app.engagements.model import Engagement
from app.foundation.database import as_text, at_most, db
from app.foundation.named import Named
from app.foundation.pages import Page
from app.foundation.text_pages import Told, rows_told
from app.parties.model import Organisation, PartnerCustomer

#: Where there are more, only those on the page are offered; the search finds the rest.
MOST = 200
#: Names hold no control characters.
_BETWEEN, _INSIDE = "\x1e", "\x1f"


@dataclass(frozen=True)
class Choices:
    """id, as addresses spell it -> name, by name."""

    client: Mapping[str, str] = field(default_factory=dict)
    product: Mapping[str, str] = field(default_factory=dict)
    plan: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Whose:
    """The partner who looks, None: the operator, whose products are everybody's. And the product whose list it is, if one's."""

    own_products_of: uuid.UUID | None = None
    product_id: uuid.UUID | None = None

    @property
    def shape(self) -> tuple[bool, bool]:
        return self.own_products_of is not None, self.product_id is not None

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of with_choices()."""
        asked = {"own_products_of": self.own_products_of, "offers_of": self.product_id}
        return {name: row_id for name, row_id in asked.items() if row_id is not None}


@lru_cache(maxsize=256)
def with_ids(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The list with the ids of what it can be filtered by, for choices_of()."""
    return found.add_columns(*(as_text(key).label(key.key) for key in (Engagement.customer_id, Engagement.product_id)))


@cache
def beside_rows(own_products: bool, of_product: bool) -> list[Any]:
    """The clients to choose from, and the product's plans, or without a product the products: for page_of(once=...).

    Of Whose.shape; to be asked with Whose.values.
    """
    return _columns(own_products, of_product)


def choices_of(page: Page, whose: Whose) -> Choices:
    """Read along with the page; where the filters left no row, one statement asks for them alone."""
    row: Any = page.once or db.session.execute(_alone(*whose.shape), whose.values).one()
    clients = _read(row.clients) if row.clients is not None else _on_page(page, _CLIENT)
    offers = _read(row.offers) if row.offers is not None else _on_page(page, _PRODUCT)
    return Choices(clients, {} if whose.product_id else offers, offers if whose.product_id else {})


def choices_told(clients: str | None, offers: str | None, rows: Told | None) -> Choices:
    """Of what beside_rows() gave, without a product; where that is None, of the page's rows."""
    return Choices(
        *(
            _read(text) if text is not None else _of_told(rows, of)
            for text, of in ((clients, _CLIENT), (offers, _PRODUCT))
        )
    )


@cache
def _alone(own_products: bool, of_product: bool) -> Select[*tuple[Any, ...]]:
    return select(*_columns(own_products, of_product))


def _columns(own_products: bool, of_product: bool) -> list[Any]:
    # Relations, not engagements: there are as many as there are clients, however often each asked.
    related = select(PartnerCustomer.customer_id).limit(at_most(MOST + 1))
    clients: Select[*tuple[Any, ...]] = select(Organisation.id, Organisation.name).where(Organisation.id.in_(related))
    if of_product:
        offers: Select[*tuple[Any, ...]] = select(Plan.id, Plan.name).where(
            Plan.product_id == bindparam("offers_of", type_=Uuid())
        )
    else:
        offers = select(Product.id, Product.name)
        if own_products:
            offers = offers.where(Product.partner_id == bindparam("own_products_of", type_=Uuid()))
    offers = offers.limit(at_most(MOST + 1))
    return [_if_few(clients, related).label("clients"), _if_few(offers, offers).label("offers")]


def _if_few(found: Select[*tuple[Any, ...]], counted: Select[Any]) -> Any:
    """As text, unless there are more than MOST to be counted."""
    some, named = counted.subquery(), found.subquery()
    one = as_text(named.c.id) + literal(_INSIDE) + named.c.name
    text = select(func.coalesce(func.aggregate_strings(one, _BETWEEN), "")).select_from(named).scalar_subquery()
    return case((select(func.count()).select_from(some).scalar_subquery() <= at_most(MOST), text))


@lru_cache(maxsize=256)
def _read(text: str) -> Named:
    return _by_name(one.split(_INSIDE, 1) for one in text.split(_BETWEEN)) if text else Named()


_CLIENT, _PRODUCT = attrgetter("customer_id", "customer_name"), attrgetter("product_id", "product_name")


def _on_page(page: Page, of: Callable[[Any], tuple[str, str]]) -> Named:
    return _of_told(page.told, of) if page.told else _of_rows(frozenset(map(of, page.rows)))


@lru_cache(maxsize=100)
def _of_told(told: Told | None, of: Callable[[Any], tuple[str, str]]) -> Named:
    return _of_rows(frozenset(map(of, rows_told(told))) if told else frozenset())


@lru_cache(maxsize=256)
def _of_rows(pairs: frozenset[tuple[str, str]]) -> Named:
    return _by_name(pairs)


def _by_name(pairs: Iterable[Sequence[str]]) -> Named:
    spelled = {(str(uuid.UUID(key)), name) for key, name in pairs}
    return Named(sorted(spelled, key=lambda pair: pair[1].casefold()))
