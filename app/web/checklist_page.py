"""The checklist of a product on its way into the catalog, as its page shows it: lines, feedback, evidence, history."""

import json
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _

from app.catalog import states
from app.catalog.checklist import Line, checklist
from app.catalog.evidence import SLOTS
from app.catalog.listing_queries import evidence_now, latest_events, reviews_of
from app.catalog.model import Product
from app.foundation import history, transitions
from app.web.listing_pages import Confirm, address, shown
from app.web.templating import translate
from app.web.test_results import results_of

#: the newest events that the page shows
EVENTS_SHOWN = 30
#: what may be asked for -> the lines of the checklist that must be whole for it
WAITS_FOR = {
    states.REQUEST_PRICING: ("pricing",),
    states.SUBMIT_EVIDENCE: ("evidence",),
    states.REQUEST_PUBLICATION: ("entry", "support"),
}


def page_of_product(product: Product, *, upload_error: str = "", slot: str = "") -> dict[str, Any]:
    """What templates/listing/publish.html takes."""
    evidence = evidence_now(product.id)
    here = address(product.id)
    asks = transitions.actions_from(states.TRANSITIONS, product.state)
    by_slot = {one.slot: one for one in evidence}
    answers = reviews_of(product.id)
    lines = checklist(product, evidence)
    return {
        "blocked": {action: key for action in WAITS_FOR for key in _blocking(lines, action)[:1]},
        "tested": results_of(product.id),
        "lines": [_line(line, here) for line in lines],
        "asks": asks,
        "feedback": next((answer for answer in answers[:1] if answer.outcome == "returned"), None),
        "answers": answers,
        "slots": [{"key": key, "label": _(label), "file": by_slot.get(key)} for key, label in SLOTS.items()],
        "evidence_open": product.state == states.PRICING_APPROVED,
        "upload": Confirm(version=product.version),
        "upload_error": upload_error,
        "upload_slot": slot,
        "events": _events(product),
        **shown(product, "publish"),
    }


def missing_for(product: Product, action: str) -> str:
    """What is in the way of asking for it, in words; "" where nothing is."""
    lines = {line.key: line for line in checklist(product, evidence_now(product.id))}
    return ", ".join(_missing(lines[key]) for key in _blocking(list(lines.values()), action))


def _blocking(lines: Sequence[Line], action: str) -> list[str]:
    return [line.key for line in lines if line.key in WAITS_FOR.get(action, ()) and line.missing]


def _missing(line: Line) -> str:
    return ", ".join(translate(sentence, facts) for sentence, facts in line.missing)


def _line(line: Line, here: str) -> dict[str, Any]:
    missing = _missing(line)
    words = {
        "partner": _("yours, missing: %(missing)s", missing=missing)
        if missing
        else _("yours: ask for it as soon as the lines above are done"),
        "operator": _("the operator's"),
        "nobody": "" if line.done else _("not yet"),
    }
    return {
        "text": translate(line.text),
        "done": line.done,
        "ball": line.ball,
        "small": "" if line.done else words[line.ball],
        "path": f"{here}/{line.cure}" if line.cure else "",
        "icon": "checkmark--filled" if line.done else "hourglass" if line.ball == "operator" else "circle-dash",
        "key": line.key,
    }


def _events(product: Product) -> list[dict[str, Any]]:
    told = []
    for row in latest_events(product.id, EVENTS_SHOWN):
        event = history.EVENTS[row.event]
        told.append(
            {
                "icon": event.icon,
                "text": translate(event.sentence, json.loads(row.facts)),
                "at": row.at,
                "by": row.by_label,
            }
        )
    return told
