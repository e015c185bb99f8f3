"""An engagement's history as the customer reads it: the events that have a sentence for the customer, and nothing of the rest."""

import uuid
from typing import Any

from sqlalchemy import Select, select

from app.foundation.history import EVENTS, History

#: newest first
LIST_KEYS = (History.sequence,)


def own_events(engagement_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """(sequence, event, at, by_label, facts), for page_of(LIST_KEYS). Facts are for the customer's sentence only."""
    told = [name for name, event in EVENTS.items() if event.customer_sentence]
    return select(History.sequence, History.event, History.at, History.by_label, History.facts).where(
        History.subject_kind == "engagement", History.subject_id == engagement_id, History.event.in_(told)
    )
