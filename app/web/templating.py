"""What every template may use: filters, globals, the language. Everything is autoescaped, and a name that is not there raises.

Filters: money, money_with_currency, quantity, unit_price, unrounded, dash (figures.py); instant, instant_short, instant_text,
instant_utc, month, duration, ago, deadline (instants.py); initials and translate (here).
Globals: ``can("billing-entry:submit")``, ``viewer()``, ``now()``, ``_("text")``.

    {{ event.sentence | translate(event.facts) }}   a sentence marked with N_() in a room, and what stands in its places
    {{ refused | translate }}                       a Refused says both itself
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask
from flask_babel import gettext
from jinja2 import StrictUndefined

from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer
from app.web import csp_amounts, figures, instants, kept, languages, marks
from app.web.listing import view_of


def install(app: Flask) -> None:
    languages.install(app)
    env = app.jinja_env
    env.undefined = Missing
    env.trim_blocks = True
    env.add_extension("jinja2.ext.do")
    kept.install(app)
    env.filters.update(figures.FILTERS)
    env.filters.update(instants.FILTERS)
    env.filters.update(csp_amounts.FILTERS)
    env.filters.update(initials=initials, translate=translate, own=marks.own, tuple=tuple)
    env.globals.update(
        of_minor=figures.of_minor, marks=marks.MARKS, can=can, viewer=viewer, now=clock.now, view_of=view_of
    )


class Missing(StrictUndefined):
    """A name that is not there may be asked for (`{% if note %}`, `note or ""`); to print, loop over or look into it raises."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


def viewer() -> Viewer:
    """Who looks; the public where a request failed before that was known."""
    try:
        return tenancy.current()
    except tenancy.NoViewer:
        return tenancy.PUBLIC


def can(permission: str) -> bool:
    return viewer().may(permission)


def initials(name: str | None) -> str:
    """'Ada Lovelace' -> 'AL', 'Ada' -> 'A'; first and last word, never more than two letters."""
    words = [word for word in (name or "").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def translate(said: Refused | str, facts: Mapping[str, Any] | str | None = None) -> str:
    """The sentence in the viewer's language with its facts written for people. Facts may be History's JSON text."""
    if isinstance(said, Refused):
        return translate(said.sentence, said.facts)
    if not said:
        return ""
    filled = _Shown(json.loads(facts) if isinstance(facts, str) else facts)
    words = str(gettext(said))
    return words % filled if filled or "%(" in words else words


class _Shown(dict[str, Any]):
    """Facts as they are shown: Money with its currency, months by name. A fact that is not there is an em dash, not a 500."""

    def __init__(self, facts: Mapping[str, Any] | None) -> None:
        super().__init__({name: shown(value) for name, value in (facts or {}).items()})

    def __missing__(self, name: str) -> str:
        return figures.DASH


def shown(value: Any) -> Any:
    """One value as people read it inside a sentence."""
    match value:
        case None:
            return figures.DASH
        case Money():
            return figures.money_with_currency(value)
        case Decimal():
            return figures.quantity(value)
        case BillingMonth():
            return instants.month(value)
        case datetime():
            return instants.instant_utc(value)
        case timedelta():
            return instants.duration(value)
        case _:
            return value
