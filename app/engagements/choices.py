"""What a list of engagements can be filtered by, read along with its rows: no statement of its own while there are rows.

Each kind of choice is one column holding every choice as text, the same in each row; a database works it out once a statement.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, String, cast, func, literal, select

from app.catalog.model import Plan, Product
from app.foundation.database import db
from app.parties.model import Organisation, PartnerCustomer

#: More are not offered; the search finds the rest.
MOST = 200
#: Names hold no control characters.
_BETWEEN, _INSIDE = "\x1e", "\x1f"


@dataclass(frozen=True)
class Choices:
    """id -> name, by name."""

    client: Mapping[uuid.UUID, str] = field(default_factory=dict)
    product: Mapping[uuid.UUID, str] = field(default_factory=dict)
    plan: Mapping[uuid.UUID, str] = field(default_factory=dict)


def with_choices(
    found: Select[*tuple[Any, ...]], *, own_products_of: uuid.UUID | None = None, product_id: uuid.UUID | None = None
) -> Select[*tuple[Any, ...]]:
    """The list with its clients to choose from, and the product's plans, or without a product the products.

    `own_products_of`: the partner who looks; None: the operator, whose products are everybody's.
    """
    return found.add_columns(*_columns(own_products_of, product_id))


def choices_of(
    rows: Sequence[Any], *, own_products_of: uuid.UUID | None = None, product_id: uuid.UUID | None = None
) -> Choices:
    """Out of the first row of the list; where the filters left none, one statement asks for them alone."""
    row = rows[0] if rows else db.session.execute(select(*_columns(own_products_of, product_id))).one()
    return Choices(_read(row.clients), {} if product_id else _read(row.offers), _read(row.offers) if product_id else {})


def _columns(own_products_of: uuid.UUID | None, product_id: uuid.UUID | None) -> list[Any]:
    # Relations, not engagements: there are as many as there are clients, however often each asked.
    clients: Select[*tuple[Any, ...]] = (
        select(Organisation.id, Organisation.name)
        .where(Organisation.id.in_(select(PartnerCustomer.customer_id)))
        .order_by(Organisation.name)
        .limit(MOST)
    )
    if product_id:
        offers: Select[*tuple[Any, ...]] = (
            select(Plan.id, Plan.name).where(Plan.product_id == product_id).order_by(Plan.name).limit(MOST)
        )
    else:
        offers = select(Product.id, Product.name).order_by(Product.name).limit(MOST)
        if own_products_of:
            offers = offers.where(Product.partner_id == own_products_of)
    return [_as_text(clients).label("clients"), _as_text(offers).label("offers")]


def _as_text(found: Select[*tuple[Any, ...]]) -> Any:
    few = found.subquery()
    one = cast(few.c.id, String) + literal(_INSIDE) + few.c.name
    return select(func.aggregate_strings(one, _BETWEEN)).select_from(few).scalar_subquery()


def _read(text: str | None) -> dict[uuid.UUID, str]:
    pairs = [tuple(one.split(_INSIDE, 1)) for one in text.split(_BETWEEN)] if text else []
    return {uuid.UUID(key): name for key, name in sorted(pairs, key=lambda pair: pair[1].casefold())}
