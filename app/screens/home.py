"""Home: what closes soon, what waits for me, how things stand. Each capacity has its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from babel.dates import format_date
from flask import Blueprint, Response
from flask_babel import get_locale
from flask_babel import gettext as _

from app.billing.at_a_glance import billed_in, waiting_to_be_rated
from app.billing.own_entries import charged_by_engagement
from app.billing.queries import LIST_KEYS as QUEUE_KEYS
from app.billing.queries import rating_queue
from app.billing.review import amounts_now, queue_figures
from app.billing.rules import is_overdue
from app.catalog.queries import policies_in_use
from app.charges.queries import own_totals_by_month
from app.engagements import queries, states
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.foundation.tenancy import Viewer
from app.months.queries import taking_entries
from app.web.figures import money
from app.web.fragments import show
from app.web.guard import signed_in
from app.web.instants import deadline, viewer_zone
from app.web.instants import month as month_words

screen = Blueprint("home", __name__)

#: rows of Home's tiles; the rest is one link away
SHOWN = 5
BAR_CLASSES = {states.PENDING: "fill-decision", states.ACTIVE: "s1", states.COMPLETION_REQUESTED: "fill-decision"}


@screen.get("/")
@signed_in
def show_home() -> Response:
    viewer = tenancy.current()
    tiles = {"customer": _customer, "operator": _operator}.get(viewer.capacity, _partner)(viewer)
    return show("home.html", today=_today(), zone=str(viewer_zone()), capacity=viewer.capacity, **tiles)


def _partner(viewer: Viewer) -> dict[str, Any]:
    policies = policies_in_use(viewer)
    closing = _closing(policies)
    strict = any(row.takes_all_three for row in policies)
    sees_billing = viewer.may("billing-entry:view-with-all-three" if strict else "billing-entry:view")
    waiting = [
        {
            "what": _("Approve engagement") if row.state == states.PENDING else _("Completion requested"),
            "about": row.name,
            "from": row.customer_name,
            "since": row.since,
            "path": f"/engagements/{row.id}",
            "value": None,
        }
        for row in queries.waiting_for(viewer)
    ]
    return {
        "strip": [
            *map(_closing_cell, closing[:1]),
            *_reopened_cells(policies),
            *(_billing_cells(closing) if sees_billing else []),
        ],
        "waiting": _overdue_marked(waiting[:SHOWN]),
        "all_waiting": "/engagements",
        "more_waiting": len(waiting) > SHOWN,
        **_by_status("/engagements"),
    }


def _operator(viewer: Viewer) -> dict[str, Any]:
    closing = _closing(policies_in_use(viewer))
    rows = page_of(rating_queue(), QUEUE_KEYS, size=SHOWN, oldest_first=True)
    amounts = amounts_now(row.id for row in rows.rows)
    waiting = [
        {
            "what": _("Review %(entry)s", entry=row.number)
            if row.state == "in_review"
            else _("Not rated yet: %(entry)s", entry=row.number),
            "about": f"{row.engagement_name}, {row.customer_name}",
            "from": row.partner_name,
            "since": row.submitted_at,
            "path": f"/reviews/rating/{row.id}",
            "value": amounts.get(row.id),
        }
        for row in rows.rows
    ]
    figures = queue_figures()
    return {
        "strip": [
            *map(_closing_cell, closing[:1]),
            _count_cell(_("In review"), figures.in_review, figures.oldest_in_review),
            _count_cell(_("Submitted, waiting to be rated"), figures.submitted, figures.oldest_submitted),
        ],
        "waiting": _overdue_marked(waiting),
        "all_waiting": "/reviews/rating",
        "more_waiting": rows.next is not None,
        "closing": closing[1:],
        **_by_status("/engagements"),
    }  # fmt: skip


def _customer(viewer: Viewer) -> dict[str, Any]:
    totals = own_totals_by_month(4)
    rows = page_of(queries.engagements(states_wanted=states.CURRENT), queries.LIST_KEYS, size=SHOWN).rows
    return {
        "strip": [_charged_cell(total) for total in totals[:3]],
        "latest": rows,
        "charged": charged_by_engagement([row.id for row in rows]),
        **_by_status("/my/engagements"),
    }


def _closing(policies: Sequence[Any]) -> list[dict[str, Any]]:
    """The month that closes next under each policy in use, the nearest first."""
    takes = taking_entries(clock.now())
    found = []
    for key in dict.fromkeys(row.cut_off for row in policies):
        first = next((one for one in takes[key] if one.closes_at), None)
        if first is not None:  # a clock that came back may have left none
            name, at = month_words(first.month), first.closes_at
            found.append({"cut_off": key, "month": first.month, "name": name, "closes": deadline(at), "at": at})
    return sorted(found, key=lambda one: one["at"])


def _reopened_cells(policies: Sequence[Any]) -> list[dict[str, Any]]:
    """Months that take entries again, though their time was over: the partner may still bill for them."""
    takes = taking_entries(clock.now())
    months = {one.month for row in policies for one in takes[row.cut_off] if one.closes_at is None}
    return [
        {
            "label": _("%(month)s was reopened", month=month_words(month)),
            "figure": _("takes entries"),
            "small": _("until the operator closes it again"),
        }
        for month in sorted(months)
    ]


def _closing_cell(one: dict[str, Any]) -> dict[str, Any]:
    closes = one["closes"]
    return {
        "label": _("%(month)s closes %(when)s", month=one["name"], when=closes.utc),
        "figure": _("in %(left)s", left=closes.left),
        "small": closes.local or _("no entry is taken for it afterwards"),
        "icon": "timer",
        "big": True,
        "wide": True,
    }


def _count_cell(label: str, entries: int, oldest: datetime | None) -> dict[str, Any]:
    late = oldest is not None and is_overdue(oldest, clock.now())
    return {
        "label": label,
        "figure": str(entries),
        "since": oldest,
        "late": late,
        "path": "/reviews/rating" if entries else None,
    }


def _billing_cells(closing: list[dict[str, Any]]) -> list[dict[str, Any]]:
    cells = []
    if closing:
        month: BillingMonth = closing[0]["month"]
        could, billed = billed_in(month, closing[0]["cut_off"])
        missing = could - billed
        cells.append(
            {
                "label": _("Engagements billed for %(month)s", month=closing[0]["name"]),
                "figure": _("%(billed)s of %(all)s", billed=billed, all=could),
                "progress": (billed, could),
                "small": _("%(n)s have no entry yet", n=missing)
                if missing
                else _("every engagement has an entry")
                if could
                else _("none is active"),
                "path": "/engagements?status=active" if missing else None,
            }
        )
    waiting = waiting_to_be_rated()
    first = waiting.amounts[0] if waiting.amounts else None
    return [
        *cells,
        {
            "label": _("Submitted, waiting to be rated"),
            "figure": money(first) if first else "—" if not waiting.entries else str(waiting.entries),
            "currency": first.currency if first else None,
            "entries": waiting.entries,
            "since": waiting.oldest,
            "late": waiting.oldest is not None and is_overdue(waiting.oldest, clock.now()),
        },
    ]


def _charged_cell(total: Any) -> dict[str, Any]:
    gross, tax = (Money.of_minor(minor, total.currency) for minor in (total.gross_minor, total.tax_minor))
    return {
        "label": _("Charged for %(month)s", month=month_words(total.booked_month)),
        "figure": money(gross),
        "currency": total.currency,
        "small": _("plus tax %(tax)s", tax=money(tax)) if tax else _("no tax"),
        "path": f"/my/charges?month={total.booked_month}",
    }


def _by_status(path: str) -> dict[str, Any]:
    """Current engagements by state, with the share of each for the bar."""
    counts = queries.counts_by_state()
    total = sum(counts.values())
    order = [state for state in (states.ACTIVE, states.PENDING, states.COMPLETION_REQUESTED) if counts.get(state)]
    return {
        "statuses": [(state, counts[state], f"{path}?status={state}") for state in order],
        "total": total,
        "shares": [(counts[state] / total, BAR_CLASSES[state]) for state in order],
    }


def _overdue_marked(waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    now: datetime = clock.now()
    return [{**one, "late": is_overdue(one["since"], now)} for one in waiting]


def _today() -> str:
    return str(
        format_date(clock.now().astimezone(viewer_zone()).date(), "EEEE d MMMM y", locale=str(get_locale() or "en"))
    )
