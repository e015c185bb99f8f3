"""An engagement's history as the customer reads it: the events that have a sentence for the customer, and nothing of the rest."""

import json
import uuid
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Label, Select, select

from app.engagements.model import Engagement
from app.foundation.database import at_most, one_of
from app.foundation.history import EVENTS, History
from app.foundation.history_shown import AT, Place, page_within
from app.foundation.pages import Page
from app.foundation.row_texts import instant_of_text, instant_text, number_text, rows_as_json

#: newest first
LIST_KEYS = (History.sequence,)


class OwnEvent(NamedTuple):
    """As a row of own_events()."""

    sequence: int
    event: str
    at: datetime
    by_label: str
    facts: str


def own_events(engagement_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """(sequence, event, at, by_label, facts), for page_of(LIST_KEYS). Facts are for the customer's sentence only."""
    return events_told(engagement_id)


def events_told(engagement_id: Any) -> Select[*tuple[Any, ...]]:
    """The engagement by its id, by a place for it or by another table's column."""
    told = [name for name, event in EVENTS.items() if event.customer_sentence]
    return select(History.sequence, History.event, History.at, History.by_label, History.facts).where(
        History.subject_kind == "engagement", History.subject_id == engagement_id, one_of(History.event, told)
    )


def events_beside(place: Place) -> Label[str]:
    """A page of them as one text beside the engagement's own row, for own_events_of(). When every room has declared its events."""
    found = events_told(Engagement.id)
    if place.at is not None:
        found = found.where(History.sequence > AT if place.backwards else History.sequence < AT)
    order = History.sequence.asc() if place.backwards else History.sequence.desc()
    rows = found.order_by(order).limit(at_most(place.size + 1)).correlate_except(History).subquery().c
    texts = (number_text(rows.sequence), rows.event, instant_text(rows.at), rows.by_label, rows.facts)
    return select(rows_as_json(*texts)).scalar_subquery().label("own_events")


@lru_cache(maxsize=64)
def own_events_of(text: str | None, place: Place) -> Page:
    events = [
        OwnEvent(int(sequence), event, instant_of_text(at), by_label, facts)
        for sequence, event, at, by_label, facts in json.loads(text or "[]")
    ]
    events.sort(key=lambda event: event.sequence, reverse=True)
    begin = max(len(events) - place.size, 0) if place.backwards else 0  # one too many stands at the far end
    return page_within(events, begin, begin + place.size, place)
