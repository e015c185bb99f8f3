"""What a list of engagements can be filtered by, read along with its rows: no statement of its own while there are rows.

Each kind of choice is one column holding every choice as text, the same in each row; a database works it out once a statement.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, String, Uuid, bindparam, cast, func, literal, select

from app.catalog.model import Plan, Product
from app.engagements.model import Engagement
from app.foundation.database import db
from app.parties.model import Organisation, PartnerCustomer

#: Where there are more, only those on the page are offered; the search finds the rest.
MOST = 200
#: Names hold no control characters.
_BETWEEN, _INSIDE = "\x1e", "\x1f"


@dataclass(frozen=True)
class Choices:
    """id -> name, by name."""

    client: Mapping[uuid.UUID, str] = field(default_factory=dict)
    product: Mapping[uuid.UUID, str] = field(default_factory=dict)
    plan: Mapping[uuid.UUID, str] = field(default_factory=dict)


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


def with_choices(found: Select[*tuple[Any, ...]], shape: tuple[bool, bool]) -> Select[*tuple[Any, ...]]:
    """The list with its clients to choose from, and the product's plans, or without a product the products.

    `shape`: Whose.shape; to be asked with Whose.values.
    """
    return found.add_columns(Engagement.customer_id, Engagement.product_id, *_columns(*shape))


def choices_of(rows: Sequence[Any], whose: Whose) -> Choices:
    """Out of the first row of the list; where the filters left none, one statement asks for them alone."""
    row = rows[0] if rows else db.session.execute(select(*_columns(*whose.shape)), whose.values).one()
    clients, offers = _read(row.clients), _read(row.offers)
    if len(clients) > MOST:
        clients = _by_name((row.customer_id, row.customer_name) for row in rows)
    if len(offers) > MOST:
        offers = _by_name((row.product_id, row.product_name) for row in rows)
    return Choices(clients, {} if whose.product_id else offers, offers if whose.product_id else {})


def _columns(own_products: bool, of_product: bool) -> list[Any]:
    # Relations, not engagements: there are as many as there are clients, however often each asked. None is put in order
    # here: that would read them all, to show some.
    related = select(PartnerCustomer.customer_id).limit(MOST + 1)
    clients: Select[*tuple[Any, ...]] = select(Organisation.id, Organisation.name).where(Organisation.id.in_(related))
    if of_product:
        offers: Select[*tuple[Any, ...]] = (
            select(Plan.id, Plan.name).where(Plan.product_id == bindparam("offers_of", type_=Uuid())).limit(MOST + 1)
        )
    else:
        offers = select(Product.id, Product.name).limit(MOST + 1)
        if own_products:
            offers = offers.where(Product.partner_id == bindparam("own_products_of", type_=Uuid()))
    return [_as_text(clients).label("clients"), _as_text(offers).label("offers")]


def _as_text(found: Select[*tuple[Any, ...]]) -> Any:
    few = found.subquery()
    one = cast(few.c.id, String) + literal(_INSIDE) + few.c.name
    return select(func.aggregate_strings(one, _BETWEEN)).select_from(few).scalar_subquery()


def _read(text: str | None) -> dict[uuid.UUID, str]:
    pairs = (one.split(_INSIDE, 1) for one in text.split(_BETWEEN)) if text else ()
    return _by_name((uuid.UUID(key), name) for key, name in pairs)


def _by_name(pairs: Iterable[tuple[uuid.UUID, str]]) -> dict[uuid.UUID, str]:
    return dict(sorted(set(pairs), key=lambda pair: pair[1].casefold()))
