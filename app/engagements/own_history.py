"""An engagement's history as the customer reads it: the events that have a sentence for the customer, and nothing of the rest."""

import uuid
from functools import cache
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, select

from app.foundation.history import EVENTS, History

#: newest first
LIST_KEYS = (History.sequence,)


def own_events_asked(engagement_id: uuid.UUID) -> tuple[Select[*tuple[Any, ...]], dict[str, Any]]:
    """The same as own_events(), built once, and the parameters to ask it with."""
    return _kept(), {"engagement_id": engagement_id}


@cache
def _kept() -> Select[*tuple[Any, ...]]:
    """When every room has declared its events."""
    return events_told(bindparam("engagement_id", type_=Uuid()))


def own_events(engagement_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """(sequence, event, at, by_label, facts), for page_of(LIST_KEYS). Facts are for the customer's sentence only."""
    return events_told(engagement_id)


def events_told(engagement_id: Any) -> Select[*tuple[Any, ...]]:
    """The engagement by its id, by a place for it or by another table's column."""
    told = [name for name, event in EVENTS.items() if event.customer_sentence]
    return select(History.sequence, History.event, History.at, History.by_label, History.facts).where(
        History.subject_kind == "engagement", History.subject_id == engagement_id, History.event.in_(told)
    )
