"""How many engagements there are, by state, for pages that are about something else."""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, union

from app.engagements import states
from app.engagements.model import Engagement
from app.engagements.queries import LIST_KEYS
from app.foundation.bounded import Bounded, bounded
from app.foundation.database import db


def current_of(organisation_id: uuid.UUID) -> dict[str, Bounded]:
    """Current engagements that the organisation delivers or receives, by state, in the order of an engagement's life."""
    sides = (Engagement.partner_id == organisation_id, Engagement.customer_id == organisation_id)
    few = [bounded(_either(state, sides)) for state in states.CURRENT]
    row = db.session.execute(select(*(select(func.count()).select_from(some).scalar_subquery() for some in few))).one()
    return {state: Bounded(number) for state, number in zip(states.CURRENT, row, strict=True) if number}


def _either(state: str, sides: tuple[ColumnElement[bool], ...]) -> Select[*tuple[Any, ...]]:
    """Each side is read along its own index, and no further than the bound; what is on both counts once."""
    found = [
        bounded(select(Engagement.id).where(Engagement.state == state, side).order_by(*LIST_KEYS)) for side in sides
    ]
    return select(union(*(select(one) for one in found)).subquery())
