"""Reading organisations and who works for whom. The tenancy listener decides what of it is seen."""

import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, case, func, or_, select
from sqlalchemy.orm import aliased

from app.foundation.bounded import MOST_IN_A_ROW, bounded
from app.foundation.database import db
from app.foundation.words_within import holds_words
from app.parties.model import Organisation, PartnerCustomer

LIST_COLUMNS = (
    Organisation.id,
    Organisation.name,
    Organisation.is_operator,
    Organisation.is_partner,
    Organisation.is_customer,
    Organisation.created_at,
    Organisation.deactivated_at,
)
#: by name, A to Z
LIST_KEYS = (Organisation.name, Organisation.id)
_CAPACITIES = {
    "operator": Organisation.is_operator,
    "partner": Organisation.is_partner,
    "customer": Organisation.is_customer,
}


def organisations(*, search: str | None = None, capacity: str | None = None) -> Select[*tuple[Any, ...]]:
    """For exports. Adds `customers` and `partners`: how many relations stand to either side."""
    return _organisations(search or None, capacity, exact=True)


def organisations_asked(
    *, search: str | None = None, capacity: str | None = None
) -> tuple[Select[*tuple[Any, ...]], dict[str, Any]]:
    """The same for page_of(LIST_KEYS, oldest_first=True), counts as BoundedInARow reads them: built once for each choice of filters, and
    the parameters to ask it with."""
    return _kept(capacity, bool(search)), {"words": search} if search else {}


@lru_cache(maxsize=2 * len(_CAPACITIES) + 2)
def _kept(capacity: str | None, searched: bool) -> Select[*tuple[Any, ...]]:
    words = bindparam("words", type_=Organisation.name.type) if searched else None
    return _organisations(words, capacity, exact=False)


def _organisations(words: Any, capacity: str | None, *, exact: bool) -> Select[*tuple[Any, ...]]:
    """`words`: as they were typed, or a place for them."""
    found = select(
        *LIST_COLUMNS,
        _related(PartnerCustomer.partner_id, "partner", exact).label("customers"),
        _related(PartnerCustomer.customer_id, "customer", exact).label("partners"),
    )
    if words is not None:
        found = found.where(holds_words(Organisation.name, words))
    if capacity:
        found = found.where(_CAPACITIES[capacity])
    return found


def _related(side: Any, capacity: str, exact: bool) -> Any:
    """Counted only for who can be this side: PostgreSQL sees few partners with many clients each, and would look through all
    relations for every client on the page."""
    standing = select(PartnerCustomer.customer_id).where(side == Organisation.id, PartnerCustomer.ended_at.is_(None))
    standing = standing.correlate(Organisation)
    some = standing.subquery() if exact else bounded(standing, MOST_IN_A_ROW)
    counted = select(func.count()).select_from(some).scalar_subquery()
    return case((_CAPACITIES[capacity], counted), else_=0)


def related_to(organisation_id: uuid.UUID, limit: int = 200) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, name, since, ended_at, partner_id, relation_id) of the organisations at the other ends: standing ones first, by name.

    `partner_id`: which end is the partner.
    """
    other = aliased(Organisation)
    mine, theirs = PartnerCustomer.partner_id == organisation_id, PartnerCustomer.customer_id == organisation_id
    return db.session.execute(
        select(
            other.id,
            other.name,
            PartnerCustomer.since,
            PartnerCustomer.ended_at,
            PartnerCustomer.partner_id,
            PartnerCustomer.id.label("relation_id"),
        )
        .join(
            other,
            or_(mine & (other.id == PartnerCustomer.customer_id), theirs & (other.id == PartnerCustomer.partner_id)),
        )
        .where(or_(mine, theirs))
        .order_by(PartnerCustomer.ended_at.is_not(None), other.name, PartnerCustomer.since)
        .limit(limit)
    ).all()


def candidates(organisation_id: uuid.UUID, side: str, limit: int = 500) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, name) of the active organisations that could begin a relation as its `side`, "customer" or "partner", by name."""
    mine, theirs = PartnerCustomer.partner_id, PartnerCustomer.customer_id
    if side == "partner":
        mine, theirs = theirs, mine
    known = select(theirs).where(mine == organisation_id, PartnerCustomer.ended_at.is_(None))
    return db.session.execute(
        select(Organisation.id, Organisation.name)
        .where(
            _CAPACITIES[side],
            Organisation.deactivated_at.is_(None),
            Organisation.id != organisation_id,
            Organisation.id.not_in(known),
        )
        .order_by(Organisation.name)
        .limit(limit)
    ).all()
