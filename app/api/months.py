"""Months: which take entries and until when, and what an engagement comes to in each. Closing them is the operator's."""

import uuid
from typing import Any

from app.api import month_schemas as schemas
from app.api.entry_shapes import check_sees, sees_all_billing
from app.api.operations import Operations
from app.api.schemas import page_of
from app.api.shapes import minor, money
from app.billing import queries
from app.billing.at_a_glance import billed_in
from app.billing.charged_months import charged_by_month
from app.billing.queries import MonthTotal
from app.catalog.queries import programme_names_by_cut_off, programme_of
from app.engagements.model import Engagement
from app.foundation import clock, tenancy
from app.foundation.money import Money
from app.months.queries import OpenMonth, taking_entries
from app.web.engagement_header import engagement_asked_for
from app.web.entry_list import months_to_bill

operations = Operations("months", __name__, description="Months that take entries, and what they come to.")

#: of one engagement; a hundred years
MOST_MONTHS = 1200


@operations.get("/months", gives=page_of(schemas.OpenMonth), needs={"partner": "engagement:view"})
def list_open_months() -> Any:
    """Months that take entries under the programmes one sells under: reopened ones, then the one that closes first."""
    viewer, takes = tenancy.current(), taking_entries(clock.now())
    names = programme_names_by_cut_off(viewer)
    counts = sees_all_billing(viewer)
    found = [(book, one) for book in names for one in takes[book]]
    now = clock.now()
    found.sort(key=lambda each: (each[1].closes_at is not None, each[1].closes_at or now, each[1].month))
    items = [_open(one, book, names[book], counts) for book, one in found]
    return {"items": items, "next_cursor": None}


@operations.get(
    "/engagements/<uuid:engagement_id>/months", gives=page_of(schemas.EngagementMonth), needs={"partner": "billing-entry:view", "customer": "engagement:view-own"}
)  # fmt: skip
def list_months_of_engagement(engagement_id: uuid.UUID) -> Any:
    """What one engagement comes to month by month, newest first; for its partner, the months that take entries as well."""
    engagement, viewer = engagement_asked_for(engagement_id).engagement, tenancy.current()
    check_sees(engagement, viewer)
    items = _charged(engagement_id) if viewer.capacity == "customer" else _billed(engagement)
    return {"items": items, "next_cursor": None}


def _open(one: OpenMonth, book: str, programmes: list[str], counts: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"month": one.month, "closes_at": one.closes_at, "programmes": programmes}
    if counts:
        told["engagements"], told["billed"] = billed_in(one.month, book)
    return told


def _charged(engagement_id: uuid.UUID) -> list[dict[str, Any]]:
    return [
        {
            "month": row.service_month,
            "entries": row.entries,
            "gross": minor(row.gross_minor, row.currency),
            "tax": minor(row.tax_minor, row.currency),
        }
        for row in charged_by_month(engagement_id, MOST_MONTHS)
    ]


def _billed(engagement: Engagement) -> list[dict[str, Any]]:
    programme = programme_of(engagement.product_id)
    nothing = Money.zero(programme.currency)
    provisional = queries.provisional_amounts(engagement)
    totals = {total.month: total for total in queries.month_totals(engagement, programme.currency, provisional)}
    takes = {one.month: one for one in months_to_bill(engagement, programme)}
    items = []
    for month in sorted({*totals, *takes}, reverse=True):
        total: MonthTotal | None = totals.get(month)
        items.append(
            {
                "month": month,
                "entries": total.entries if total else 0,
                "takes_entries": month in takes,
                "closes_at": takes[month].closes_at if month in takes else None,
                "rated": money(total.rated if total else nothing),
                "provisional": money(total.provisional if total else nothing),
            }
        )
    return items
