"""An engagement's events as people read them: for its Details, its History tab, and the notice after a lost race."""

import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import Select, select

from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.history import EVENTS, History
from app.foundation.money import Money
from app.foundation.text import N_
from app.web.languages import locale_name
from app.web.templating import translate

_COLUMNS = (
    History.sequence, History.event, History.at, History.by_label, History.from_state, History.to_state, History.about_id, History.facts,
)  # fmt: skip
#: What somebody else's decision is called when it came first, by event.
_FASTER = {
    "request_approved": N_("This engagement was already approved"),
    "request_rejected": N_("This engagement was already rejected"),
    "request_withdrawn": N_("The client has withdrawn this request"),
    "completion_requested": N_("The client has asked for completion in the meantime"),
    "completion_request_withdrawn": N_("The client has taken the completion request back"),
    "marked_complete": N_("This engagement was already marked as complete"),
    "completion_declined": N_("The completion request was already declined; the engagement stays active"),
    "completion_rejected": N_("The completion request was already rejected and the engagement deleted"),
}


class Told(NamedTuple):
    """One event with its sentence in the viewer's language."""

    sequence: int
    icon: str
    sentence: str
    #: a closing note, for those who decide
    note: str
    by: str
    at: datetime
    from_state: str | None
    to_state: str | None
    #: it ends in somebody's own words, after a colon
    free_words: bool
    #: it is about a billing entry, and so are its states
    about_entry: bool


def events_found(engagement_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """For page_of((History.sequence,)); rows are for told()."""
    return select(*_COLUMNS).where(History.subject_kind == "engagement", History.subject_id == engagement_id)


def told(rows: Sequence[Any], *, amounts: bool) -> tuple[Told, ...]:
    """`amounts`: whether this viewer may see billing; else a dash stands where a sentence names an amount."""
    return _all_told(tuple(rows), amounts, locale_name())


@lru_cache(maxsize=64)
def _all_told(rows: tuple[Any, ...], amounts: bool, language: str) -> tuple[Told, ...]:
    """Whoever comes back to a page finds it told."""
    return tuple(_told(row, amounts, language) for row in rows)


class ToldToCustomer(NamedTuple):
    """One event with its sentence for the customer."""

    icon: str
    text: str
    at: datetime
    by: str


def told_to_customer(rows: Sequence[Any]) -> tuple[ToldToCustomer, ...]:
    """Rows of own_events() in the viewer's language."""
    return _all_told_to_customer(tuple(rows), locale_name())


@lru_cache(maxsize=64)
def _all_told_to_customer(rows: tuple[Any, ...], language: str) -> tuple[ToldToCustomer, ...]:
    return tuple(
        ToldToCustomer(EVENTS[row.event].icon, _said_to_customer(row.event, row.facts, language), row.at, row.by_label)
        for row in rows
    )


@lru_cache(maxsize=4096)
def _said_to_customer(event: str, facts: str, _language: str) -> str:
    return translate(EVENTS[event].customer_sentence or "", _readable(json.loads(facts), False))


def who_was_faster(engagement_id: uuid.UUID) -> dict[str, Any]:
    """Title and text of the notice on the fresh panel: what was decided, by whom and when."""
    last = db.session.execute(
        select(*_COLUMNS)
        .where(History.subject_kind == "engagement", History.subject_id == engagement_id, History.about_id.is_(None))
        .order_by(History.sequence.desc())
        .limit(1)
    ).one()
    return {
        "title": _(_FASTER.get(last.event, N_("This engagement has changed since the page was opened"))),
        "by": last.by_label,
        "at": last.at,
    }


@lru_cache(maxsize=4096)
def _told(row: Any, amounts: bool, _language: str) -> Told:
    """An event never changes, so that what it says in a language is worked out once."""
    event = EVENTS[row.event]
    facts = _readable(json.loads(row.facts), amounts)
    return Told(
        sequence=row.sequence,
        icon=event.icon,
        sentence=translate(event.sentence, facts),
        note=str(facts.get("note") or ""),
        by=row.by_label,
        at=row.at,
        from_state=row.from_state,
        to_state=row.to_state,
        free_words=bool(facts.keys() & {"reason", "wish"}),
        about_entry=row.about_id is not None,
    )


def _readable(facts: dict[str, Any], amounts: bool) -> dict[str, Any]:
    """History keeps months as 2026-10 and amounts as 1875.00 USD; people read October 2026 and USD 1,875.00."""
    readable = dict(facts)
    with suppress(KeyError, ValueError, TypeError):
        readable["month"] = BillingMonth.parse(facts["month"])
    if "amount" in facts:
        readable["amount"] = _money(str(facts["amount"])) if amounts else None
    return readable


def _money(text: str) -> Money | str:
    number, _space, currency = text.partition(" ")
    try:
        return Money(Decimal(number), currency)
    except (ValueError, ArithmeticError, LookupError):
        return text
