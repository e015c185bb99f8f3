"""Engagements as bulk entry needs them: what a row of the grid or of the file says, how it is billed, in one statement."""

import uuid
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import Select

from app.catalog.model import Product, Programme
from app.engagements import queries, states
from app.engagements.model import Engagement
from app.foundation.database import db

LIST_KEYS = queries.LIST_KEYS


def billable(**filters: Any) -> Select[*tuple[Any, ...]]:
    """The filtered list (queries.engagements) of those that take entries, with plan_id and cut_off."""
    return _with_plan(queries.engagements(states_wanted=states.BILLABLE, **filters))


def billable_asked(**filters: Any) -> tuple[Select[*tuple[Any, ...]], dict[str, Any]]:
    """The same list, built once for each choice of filters, and the parameters to ask it with (queries.engagements_asked)."""
    found, values = queries.engagements_asked(states_wanted=states.BILLABLE, **filters)
    return _kept(found), values


@lru_cache(maxsize=64)
def _kept(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return _with_plan(found)


def by_id(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Those of the ids that this viewer may see, in whatever state they are by now."""
    wanted = set(ids)
    found = _with_plan(queries.engagements()).where(Engagement.id.in_(wanted))
    return {row.id: row for row in db.session.execute(found)} if wanted else {}


def by_number(numbers: Iterable[str]) -> dict[str, Any]:
    """The same by what people call them: ENG-2041."""
    wanted = set(numbers)
    found = _with_plan(queries.engagements()).where(Engagement.number.in_(wanted))
    return {row.number: row for row in db.session.execute(found)} if wanted else {}


def _with_plan(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return found.join(Programme, Programme.id == Product.programme_id).add_columns(
        Engagement.plan_id, Programme.cut_off
    )
