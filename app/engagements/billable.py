"""Engagements as bulk entry needs them: what a row of the grid or of the file says, how it is billed, in one statement."""

import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Select, String, cast, func, literal, select

from app.catalog.model import Metric, Product, Programme
from app.engagements import queries, states
from app.engagements.model import Engagement
from app.foundation.database import as_text, db

LIST_KEYS = queries.LIST_KEYS
COLUMNS = (
    *LIST_KEYS, Engagement.number, Engagement.name, Engagement.active_from, Engagement.ended_at, Engagement.plan_id,
    queries.Customer.name.label("customer_name"), Product.name.label("product_name"), Programme.cut_off,
)  # fmt: skip
#: Names hold no control characters.
_BETWEEN, _INSIDE = "\x1e", "\x1f"


def billable(**filters: Any) -> Select[*tuple[Any, ...]]:
    """The filtered list (queries.engagements) of those that take entries: COLUMNS."""
    return _with_plan(queries.engagements(states_wanted=states.BILLABLE, **filters))


def billable_asked(**filters: Any) -> tuple[Select[*tuple[Any, ...]], dict[str, Any]]:
    """The same list, built once for each choice of filters, and the parameters to ask it with (queries.engagements_asked)."""
    found, values = queries.engagements_asked(states_wanted=states.BILLABLE, all_names=False, **filters)
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
    """Names of partner and plan are not read. Joined outer as the names are: what chooses the page's rows then needs no other table."""
    joined = found.outerjoin(Programme, Programme.id == Product.programme_id)
    return joined.with_only_columns(*COLUMNS, maintain_column_froms=True)


class Billed(NamedTuple):
    """A metric that may be billed, as a row of the grid offers it."""

    id: str
    name: str
    unit: str


def metrics_beside(page: Any) -> Any:
    """Given a page's columns, all metrics that may be billed on its rows' plans, as one text; for page_of(once=...)."""
    its_ids = as_text(Metric.plan_id) + literal(_INSIDE) + as_text(Metric.id)
    one = its_ids + literal(_INSIDE) + cast(Metric.position, String) + literal(_INSIDE) + Metric.name
    text = func.aggregate_strings(one + literal(_INSIDE) + Metric.unit, _BETWEEN)
    found = select(text).where(Metric.approved, Metric.plan_id.in_(select(page.plan_id)))
    return found.scalar_subquery().label("metrics")


@lru_cache(maxsize=256)
def metrics_read(text: str | None) -> Mapping[uuid.UUID, tuple[Billed, ...]]:
    """Of what metrics_beside() gave: plan id -> its metrics in their order."""
    parts = sorted((_parts_of(one) for one in text.split(_BETWEEN)), key=itemgetter(0, 1)) if text else ()
    return {plan_id: tuple(metric for *_place, metric in of_plan) for plan_id, of_plan in groupby(parts, itemgetter(0))}


def _parts_of(text: str) -> tuple[uuid.UUID, int, Billed]:
    plan_id, metric_id, position, name, unit = text.split(_INSIDE)
    return uuid.UUID(plan_id), int(position), Billed(str(uuid.UUID(metric_id)), name, unit)
