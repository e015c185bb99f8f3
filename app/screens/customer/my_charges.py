"""What the own organisation is charged, by booked month: gross and tax, line by line."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing.model import BillingEntry
from app.charges.model import ChargeLine
from app.charges.queries import TOTALS, own_charges, own_charges_asked, own_totals_by_month, source_of
from app.documents import Column, Minor, rows_of
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import one
from app.foundation.text_pages import text_page_of
from app.web.exports import download
from app.web.filters import Months, Search
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.languages import locale_name
from app.web.listing import Listing, ListOf

screen = Blueprint("my_charges", __name__)

ORDER = [ChargeLine.booked_month, ChargeLine.id]
#: the strip shows so many months
SHOWN_MONTHS = 4
COLUMNS = (
    Column(_l("Booked month"), "booked_month"),
    Column(_l("Service month"), "service_month"),
    Column(_l("Description"), "description"),
    Column(_l("Provider"), "partner_name"),
    Column(_l("Amount without tax"), Minor("gross_minor")),
    Column(_l("Tax"), Minor("tax_minor")),
    Column(_l("Currency"), "currency"),
)


@lru_cache(maxsize=100)
def _list(_language: str) -> ListOf:
    """In one language, so that its words are plain text; the months to choose from are read with the page."""
    return ListOf(Search("search", _("Search")), Months("month", _("Booked")))


@screen.get("/my/charges")
@screen.get("/my/charges.<any(csv, xlsx):kind>")
@needs("charge:view-own", capacity="customer")
def show_list(kind: str = "") -> Response:
    listing = _list(locale_name()).read()
    asked = listing.values["month"], listing.values["search"] or ""
    if kind:
        every = own_charges(*asked).order_by(*(key.desc() for key in ORDER))
        return download(kind, "charges", COLUMNS, rows_of(every))
    found, values, within = own_charges_asked(*asked)
    page = text_page_of(
        found, ORDER, after=listing.after, before=listing.before, values=values, once=(TOTALS,), within=within
    )
    totals = own_totals_by_month(page.once)
    listing = listing.with_page(page, month=tuple(dict.fromkeys(total.booked_month for total in totals)))
    return show(
        "customer/my_charges.html",
        block="list",
        listing=listing,
        rows=tuple(page.rows),
        looked_through=page.looked_through,
        totals=totals[:SHOWN_MONTHS],
        total=_total(totals, listing),
    )


@screen.get("/my/charges/<uuid:line_id>")
@needs("charge:view-own", capacity="customer")
def explain(line_id: UUID) -> Response:
    """Every amount has Explain: the line leads to the one of the entry it was booked for."""
    kind, source_id = source_of(line_id)
    if kind != "billing-entry":
        raise NotVisible
    entry = one(BillingEntry, source_id)
    return go_to(f"/my/engagements/{entry.engagement_id}/billing-entries/{entry.id}")


def _total(totals: Any, listing: Listing) -> Any:
    """The row under a single month, whole and in one currency: it foots with the lines above. Else None."""
    if listing.values["month"] is None or listing.values["search"] or listing.next or listing.previous:
        return None
    of_month = [total for total in totals if total.booked_month == listing.values["month"]]
    return of_month[0] if len(of_month) == 1 else None
