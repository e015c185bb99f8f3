"""The history of an organisation or of a member as people read it: a page of events, and every one for a file.

An engagement's History tab is app.web.engagement_history, which knows of amounts and notes.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select

from app.documents import Column
from app.foundation import history
from app.foundation.database import streamed
from app.foundation.history import EVENTS, History
from app.foundation.pages import Page, page_of
from app.members.roles import ROLES
from app.web import csp_history
from app.web.templating import translate

KEYS = (History.sequence,)
COLUMNS = (
    Column(_l("Number"), "sequence"),
    Column(_l("At (UTC)"), "at"),
    Column(_l("What happened"), "sentence"),
    Column(_l("Who"), "by"),
)
#: a page asks this much of a chain; the hourly job, in its turn, and `check history` verify all of it
_MOST_VERIFIED = 500
_CAPACITIES = {"partner": _l("partner"), "customer": _l("customer"), "operator": _l("operator")}


@dataclass(frozen=True)
class Told:
    """One event with its sentence in the viewer's language."""

    sequence: int
    icon: str
    sentence: str
    by: str
    at: datetime


def events_page(
    kind: str, subject_id: uuid.UUID, *, after: str | None = None, before: str | None = None, size: int = 50
) -> Page:
    """Newest first, as far as the viewer may see the chain; rows are for told()."""
    return page_of(events_found(kind, subject_id), KEYS, after=after, before=before, size=size)


def every_event(kind: str, subject_id: uuid.UUID) -> Iterator[Told]:
    """All of them, newest first, for a file."""
    found = streamed(events_found(kind, subject_id).order_by(History.sequence.desc()))
    return (told(row) for row in found)


def told(row: Any) -> Told:
    event = EVENTS[row.event]
    facts = {name: _readable(name, value) for name, value in json.loads(row.facts).items()}
    if row.event.startswith(csp_history.PREFIX):
        facts = csp_history.readable(facts)
    return Told(row.sequence, event.icon, translate(event.sentence, facts), row.by_label, row.at)


def holds(kind: str, subject_id: uuid.UUID) -> bool:
    return history.newest_hold(kind, subject_id, _MOST_VERIFIED)


def events_found(kind: str, subject_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """For page_of(KEYS); rows are for told()."""
    return select(History.sequence, History.event, History.at, History.by_label, History.facts).where(
        History.subject_kind == kind, History.subject_id == subject_id
    )


def _readable(name: str, value: Any) -> Any:
    """History keeps keys of roles and capacities and marked sentences; people read their words."""
    if name in ("roles", "before", "after") and isinstance(value, str):
        keys = value.split(", ") if value else []
        if all(key in ROLES for key in keys):
            return ", ".join(translate(ROLES[key].label) for key in keys) or _("none")
    if name == "capacity":
        return str(_CAPACITIES.get(value, value))
    if name == "setting":
        return translate(value)
    # never translate() what somebody typed: it may look like a sentence with places to fill
    return {"yes": _("yes"), "no": _("no")}.get(value, value) if name in ("old", "new") else value
