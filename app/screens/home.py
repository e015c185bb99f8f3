"""Home: what closes soon, what waits for me, how things stand. Each capacity has its own."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from babel.dates import format_date
from flask import Blueprint, Response, current_app
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from app.billing.at_a_glance import WaitingToBeRated, billed_in, waiting_to_be_rated
from app.billing.charged_months import charged_beside, charged_so_far
from app.billing.review import queue_figures
from app.billing.rules import is_overdue
from app.catalog.queries import policies_in_use, programme_names_by_cut_off
from app.charges import month_sums
from app.engagements import queries, states
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.bounded import Bounded, together
from app.foundation.money import Money
from app.foundation.tenancy import Viewer
from app.months.queries import OpenMonth, taking_entries
from app.notices import portal
from app.notices.inbox import inbox_of
from app.notices.inbox import totals as totals_of
from app.web import csp_home
from app.web.engagement_list import EVERY, WAITING
from app.web.figures import money
from app.web.fragments import show
from app.web.guard import signed_in
from app.web.instants import deadline, viewer_zone
from app.web.instants import month as month_words
from app.web.revenue_chart import first_of_year, year_of

screen = Blueprint("home", __name__)

#: rows of Home's tiles; the rest is one link away
SHOWN = 5
#: of each kind of decision; beyond it the count says "50+"
COUNTED = 50
BAR_CLASSES = {states.PENDING: "fill-decision", states.ACTIVE: "s1", states.COMPLETION_REQUESTED: "fill-decision"}


@screen.get("/")
@signed_in
def show_home() -> Response:
    viewer = tenancy.current()
    tiles = {"customer": _customer, "operator": _operator}.get(viewer.capacity, _partner)(viewer)
    return show(
        "home.html",
        today=_today(),
        zone=str(viewer_zone()),
        capacity=viewer.capacity,
        **_waiting(viewer),
        latest_notices=_latest_notices(),
        **tiles,
    )


def _partner(viewer: Viewer) -> dict[str, Any]:
    policies, takes = policies_in_use(viewer), taking_entries(clock.now())
    closing = _named(_closing(policies, takes), viewer)
    strict = any(row.takes_all_three for row in policies)
    sees_billing = viewer.may("billing-entry:view-with-all-three" if strict else "billing-entry:view")
    strip, revenue = [*map(_closing_cell, closing[:1]), *_reopened_cells(policies, takes)], None
    if sees_billing:
        waits = waiting_to_be_rated()
        strip += _billing_cells(closing, waits, one_policy=len({row.cut_off for row in policies}) == 1)
        last = closing[0]["month"] if closing else BillingMonth.at(clock.now())
        rows = month_sums.due_by_month(first_of_year(last), last)
        revenue = year_of(rows, last, label=_("Rated revenue by month, what you are due"), waiting=waits.due)
    csp = csp_home.tiles(viewer)
    return {"strip": strip, "closing": closing[1:], "revenue": revenue, **_by_status("/engagements"), **csp}


def _operator(viewer: Viewer) -> dict[str, Any]:
    closing = _named(_closing(policies_in_use(viewer), taking_entries(clock.now())), viewer)
    figures = queue_figures()
    last = closing[0]["month"] if closing else BillingMonth.at(clock.now())
    rows = month_sums.gross_by_month(first_of_year(last), last)
    label = _("Rated revenue by month, gross, of all partners")
    return {
        "strip": [
            *map(_closing_cell, closing[:1]),
            _count_cell(_("In review"), figures.in_review, figures.oldest_in_review),
            _count_cell(_("Submitted, waiting to be rated"), figures.submitted, figures.oldest_submitted),
        ],
        "closing": closing[1:],
        "revenue": year_of(rows, last, label=label, waiting=waiting_to_be_rated().gross),
        **_by_status("/engagements"),
    }


def _customer(viewer: Viewer) -> dict[str, Any]:
    last = BillingMonth.at(clock.now())
    totals = month_sums.gross_by_month(first_of_year(last).previous, last)
    if not any(total.booked_month == last for total in totals):
        last = last.previous  # nothing is charged in the first days of a month: the answer is the month before
    latest = queries.newest_current(SHOWN, charged_beside)
    return {
        "strip": [_charged_cell(total) for total in totals[:-4:-1]],
        "latest": list(zip(latest, charged_so_far(latest), strict=True)),
        "closing": [],
        "revenue": year_of(totals, last, label=_("Charges by month, without tax")),
        **_by_status("/my/engagements"),
    }


def _waiting(viewer: Viewer) -> dict[str, Any]:
    """The oldest of what waits for this member, and how much more there is."""
    inbox = inbox_of(viewer, most=COUNTED, told_who_passed=False)
    lines, rest = inbox.lines[:SHOWN], inbox.lines[SHOWN:]
    now = clock.now()
    return {
        "waiting": lines,
        "late": {line.key for line in lines if line.overdue(now)},
        "waiting_count": f"{len(inbox.lines)}{'+' if inbox.full else ''}",
        "more_waiting": len(rest),
        "more_worth": totals_of(rest),
        "shows_values": any(line.waiting.value for line in lines),
    }


def _latest_notices() -> list[dict[str, Any]]:
    settings = current_app.config["SETTINGS"]
    return [
        {"id": row.id, "at": row.at, "new": row.read_at is None, "said": portal.said(row, settings).subject}
        for row in portal.latest(SHOWN)
    ]


def _closing(policies: Sequence[Any], takes: Mapping[str, Sequence[OpenMonth]]) -> list[dict[str, Any]]:
    """The month that closes next under each policy in use, the nearest first."""
    found = []
    for key in dict.fromkeys(row.cut_off for row in policies):
        first = next((one for one in takes[key] if one.closes_at), None)
        if first is not None:  # a clock that came back may have left none
            name, at = month_words(first.month), first.closes_at
            found.append({"cut_off": key, "month": first.month, "name": name, "closes": deadline(at), "at": at})
    return sorted(found, key=lambda one: one["at"])


def _named(closing: list[dict[str, Any]], viewer: Viewer) -> list[dict[str, Any]]:
    """Where two policies close their months apart, each says for which programmes it does."""
    names = programme_names_by_cut_off(viewer) if len(closing) > 1 else {}
    return [{**one, "programmes": ", ".join(names.get(one["cut_off"], ()))} for one in closing]


def _reopened_cells(policies: Sequence[Any], takes: Mapping[str, Sequence[OpenMonth]]) -> list[dict[str, Any]]:
    """Months that take entries again, though their time was over: the partner may still bill for them."""
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
    small = closes.local or _("no entry is taken for it afterwards")
    return {
        "label": _("%(month)s closes %(when)s", month=one["name"], when=closes.utc),
        "figure": _("in %(left)s", left=closes.left),
        "small": _("%(programmes)s; %(when)s", programmes=one["programmes"], when=small)
        if one["programmes"]
        else small,
        "icon": "timer",
        "big": True,
        "wide": True,
    }


def _count_cell(label: str, entries: Bounded, oldest: datetime | None) -> dict[str, Any]:
    late = oldest is not None and is_overdue(oldest, clock.now())
    return {
        "label": label,
        "figure": str(entries),
        "since": oldest,
        "late": late,
        "path": "/reviews/rating" if entries else None,
    }


def _billing_cells(
    closing: list[dict[str, Any]], waiting: WaitingToBeRated, *, one_policy: bool
) -> list[dict[str, Any]]:
    cells = []
    if closing:
        month: BillingMonth = closing[0]["month"]
        could, billed = billed_in(month, None if one_policy else closing[0]["cut_off"])
        missing = could - billed
        not_yet = ngettext("%(num)s has no entry yet", "%(num)s have no entry yet", missing)
        if could.full:
            not_yet = _("%(missing)s of the newest %(all)s have no entry yet", missing=f"{missing:,}", all=f"{could:,}")
        cells.append(
            {
                "label": _("Engagements billed for %(month)s", month=closing[0]["name"]),
                "figure": _("%(billed)s of %(all)s", billed=billed, all=could),
                "progress": (billed, int(could)),
                "small": not_yet if missing else _("every engagement has an entry") if could else _("none is active"),
                "path": f"/engagements?entries={closing[0]['cut_off']}" if missing else None,
            }
        )
    due = _by_currency(waiting.due.values())
    return [
        *cells,
        {
            "label": _("Submitted, waiting to be rated"),
            "figure": money(due[0]) if due else "—" if not waiting.entries else str(waiting.entries),
            "currency": due[0].currency if due else None,
            "of": _("due to you") if due else "",
            "entries": waiting.entries,
            "since": waiting.oldest,
            "late": waiting.oldest is not None and is_overdue(waiting.oldest, clock.now()),
            "path": f"/engagements?status={EVERY}&entries={WAITING}" if waiting.entries else None,
        },
    ]


def _by_currency(amounts: Iterable[Money]) -> list[Money]:
    """One sum a currency, in the order of their codes."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
    return [sums[currency] for currency in sorted(sums)]


def _charged_cell(total: Any) -> dict[str, Any]:
    gross, tax = (Money.of_minor(minor, total.currency) for minor in (total.minor, total.tax_minor))
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
    whole = not any(count.full for count in counts.values())
    return {
        "statuses": [(state, counts[state], f"{path}?status={state}") for state in order],
        "total": together(counts.values()),
        # counts that end at a bound have no shares
        "shares": [(counts[state] / total, BAR_CLASSES[state]) for state in order] if whole else [],
    }


def _today() -> str:
    return str(
        format_date(clock.now().astimezone(viewer_zone()).date(), "EEEE d MMMM y", locale=str(get_locale() or "en"))
    )
