"""What waits for a second person: the wish to reopen a month."""

import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, func, select

from app.foundation.database import at_most, one_of
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_, spell
from app.foundation.waiting import Kind, Waiting
from app.months import events, reopening, states
from app.months.model import Month, MonthReopening


def waiting_for(viewer: Viewer, limit: int) -> Sequence[Waiting]:
    """Wishes of others, oldest first; nothing for who may not confirm them."""
    if viewer.capacity != "operator" or not viewer.may(events.MANAGE):
        return []
    rows = columns_of(_wishes(viewer, limit))
    return [Waiting(row.id, row.asked_at, spell(row.month), row.asked_by_name, f"/months/{row.month}") for row in rows]


@lru_cache(maxsize=256)
def _wishes(viewer: Viewer, limit: int) -> Select[*tuple[Any, ...]]:
    """Built once a viewer."""
    return (
        select(MonthReopening.id, MonthReopening.asked_at, MonthReopening.asked_by_name, Month.month)
        .join(Month, Month.id == MonthReopening.month_id)
        .where(_of_others(viewer))
        .order_by(MonthReopening.asked_at)
        .limit(limit)
    )


def waiting_count(viewer: Viewer) -> tuple[str, Any] | None:
    """(path, bounded scalar subquery), for the line of the months in the side menu."""
    if viewer.capacity != "operator" or not viewer.may(events.MANAGE):
        return None
    some = select(MonthReopening.id).where(_of_others(viewer)).limit(at_most(100)).subquery()
    return "/months", select(func.count()).select_from(some).scalar_subquery()


def _of_others(viewer: Viewer) -> Any:
    waits = one_of(MonthReopening.state, (states.REQUESTED,))
    # a wish without a member is the machine's, and so somebody else's
    mine = MonthReopening.asked_by_id == viewer.member_id
    return waits & (MonthReopening.asked_by_id.is_(None) | ~mine) if viewer.member_id else waits


def _confirm(wish_id: uuid.UUID, *, by: Viewer) -> Month:
    return reopening.confirm(one(MonthReopening, wish_id), by=by)


KINDS = (Kind("month-reopening", N_("Confirm reopening of a month"), "unlocked", waiting_for, approve=_confirm),)
