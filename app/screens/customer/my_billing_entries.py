"""Billing entries of an own engagement: what was done, what it is charged at gross, and how each amount came about."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response
from flask_babel import lazy_gettext as _l

from app.billing import own_entries
from app.billing.charged_months import Charged
from app.billing.own_entries import LIST_KEYS, GrossExplanation, charged_rows, gross_explanation
from app.billing.own_pages import OwnPage, own_entries_tab
from app.documents import Column, Minor, Words, rows_of
from app.foundation.money import Money
from app.foundation.pages import page_of, plain
from app.screens.customer import own_header, recent_months
from app.web.amounts_explained import price_head, surprise, tier_rows
from app.web.exports import download
from app.web.filters import Choice, Months, Search
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import Listing, ListOf
from app.web.tier_bars import tier_bar

screen = Blueprint("my_billing_entries", __name__)

STATES = {
    "rated": _l("Rated"),
    "being-rated": _l("Being rated"),
    "rejected": _l("Rejected"),
    "withdrawn": _l("Withdrawn"),
}
LIST = ListOf(
    Search("search", _l("Search")), Months("month", _l("Month"), recent_months), Choice("status", _l("Status"), STATES)
)
COLUMNS = (
    Column(_l("Number"), "number"),
    Column(_l("Month"), "service_month"),
    Column(_l("Booked in"), "booked_month"),
    Column(_l("Corrects"), "corrects"),
    Column(_l("Metric"), "metric_name"),
    Column(_l("Quantity"), "quantity"),
    Column(_l("Unit"), "unit"),
    Column(_l("Notes"), "notes"),
    Column(
        _l("Status"),
        Words("state", {state: STATES[shown] for shown, its in own_entries.SHOWN_AS.items() for state in its}),
    ),
    Column(_l("Amount without tax"), Minor("gross_minor")),
    Column(_l("Tax"), Minor("tax_minor")),
    Column(_l("Currency"), "currency"),
)


@screen.get("/my/engagements/<uuid:engagement_id>/billing-entries")
@screen.get("/my/engagements/<uuid:engagement_id>/billing-entries.<any(csv, xlsx):kind>")
@needs("engagement:view-own", capacity="customer")
def show_list(engagement_id: uuid.UUID, kind: str = "") -> Response:
    page, charged = own_entries_tab(engagement_id)
    listing = LIST.read()
    if kind:
        every = charged_rows(own_entries.own_entries(engagement_id, **_wanted(listing)))
        every = every.order_by(*(key.desc() for key in LIST_KEYS))
        return download(kind, f"{page.engagement.number}-billing-entries", COLUMNS, rows_of(every))
    return _entries(page, charged, listing)


@screen.get("/my/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>")
@needs("engagement:view-own", capacity="customer")
def explain(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """The list with one entry opened; that entry alone where the list's page does not hold it."""
    page, charged = own_entries_tab(engagement_id)
    listing = LIST.read(path=f"/my/engagements/{engagement_id}/billing-entries")
    return _entries(page, charged, listing, opened=own_entries.own_entry(engagement_id, entry_id))


def _entries(page: OwnPage, charged: Sequence[Charged], listing: Listing, opened: Any = None) -> Response:
    engagement_id = page.engagement.id
    asked, values = own_entries.own_entries_asked(engagement_id, **_wanted(listing))
    found = page_of(asked, LIST_KEYS, after=listing.after, before=listing.before, values=values)
    rows = found.rows if opened is None or any(row.id == opened.id for row in found.rows) else [plain(opened)]
    return show(
        "customer/billing_entries.html",
        block="entries",
        listing=listing.with_page(found),
        query=_query(listing),
        parts=_parted(tuple(rows), opened),
        shown=len(rows),
        opened=opened,
        opened_as=_shown_as(opened.state) if opened else None,
        explanation=_explained(opened, gross_explanation(opened.id)) if opened else None,
        charged=tuple(charged),
        **own_header(page, "billing-entries"),
    )


def _wanted(listing: Listing) -> dict[str, Any]:
    wanted = listing.values
    return {"month": wanted["month"], "state": wanted["status"], "search": wanted["search"]}


def _query(listing: Listing) -> str:
    """What an Explain link carries along, so that Close leads back to the same page of the same list."""
    at = {"after": listing.after} if listing.after else {"before": listing.before} if listing.before else {}
    address = listing.link(**at)
    return address[address.find("?") :] if "?" in address else ""


def _shown_as(state: str) -> str:
    return next(key for key, shown in own_entries.SHOWN_AS.items() if state in shown)


def _parted(rows: tuple[Any, ...], opened: Any) -> list[tuple[tuple[Any, ...], bool]]:
    """The rows in as many pieces as the page draws them in, each with whether its last row is the opened one."""
    end = next((place for place, row in enumerate(rows, 1) if row.id == opened.id), 0) if opened else 0
    return [(part, ends_open) for part, ends_open in ((rows[:end], True), (rows[end:], False)) if part]


def _explained(entry: Any, of: GrossExplanation | None) -> dict[str, Any] | None:
    """The opened row's inside; None while nothing is charged for the entry."""
    if of is None:
        return None
    tariff, rated, unit = of.gross_tariff, of.rated, entry.unit
    return {
        "of": of,
        "tiers": tier_rows(tariff, rated, unit),
        "price_head": price_head(tariff, unit),
        "surprise": "" if of.derived or of.is_correction else surprise(tariff, rated, unit) or "",
        "bar": tier_bar(tariff, rated.before, rated.after, unit),
        "before": Money(rated.cost_before, of.gross.currency),
        "after": Money(rated.cost_after, of.gross.currency),
        "total": of.gross + of.tax,
    }
