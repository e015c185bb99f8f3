"""The checklist of a product on its way into the catalog, as its page shows it: lines, feedback, evidence, history."""

import json
from typing import Any

from flask_babel import gettext as _

from app.billing.testing import proven
from app.catalog import states
from app.catalog.checklist import Line, checklist
from app.catalog.evidence import SLOTS
from app.catalog.listing_queries import evidence_now, latest_events, reviews_of
from app.catalog.model import Product
from app.foundation import history, transitions
from app.web.listing_pages import Confirm, address, shown
from app.web.templating import translate

#: the newest events that the page shows
EVENTS_SHOWN = 30


def page_of_product(product: Product, *, upload_error: str = "", slot: str = "") -> dict[str, Any]:
    """What templates/listing/publish.html takes."""
    evidence = evidence_now(product.id)
    here = address(product.id)
    asks = transitions.actions_from(states.TRANSITIONS, product.state)
    by_slot = {one.slot: one for one in evidence}
    answers = reviews_of(product.id)
    return {
        "tested": _tested(product),
        "lines": [_line(line, here) for line in checklist(product, evidence)],
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


def _tested(product: Product) -> list[tuple[str, bool]]:
    """What end-to-end tests have shown so far; nothing any more once clients may request the product."""
    if product.state in states.SHOWN:
        return []
    found = proven(product.id)
    return [
        (_("Requested"), found.requested),
        (_("Approved"), found.approved),
        (_("Billing entry submitted"), found.submitted),
        (_("Rated"), found.rated),
        (_("Completed"), found.completed),
    ]


def _line(line: Line, here: str) -> dict[str, Any]:
    missing = ", ".join(translate(sentence, facts) for sentence, facts in line.missing)
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
