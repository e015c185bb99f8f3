"""What the own organisation is charged, by booked month: gross and tax, line by line."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing.model import BillingEntry
from app.charges.model import ChargeLine
from app.charges.queries import own_charges, own_charges_asked, own_totals_by_month, source_of
from app.documents import Column, Minor, rows_of
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import one
from app.web.exports import download
from app.web.figures import money
from app.web.filters import Months, Search
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.instants import month as month_words
from app.web.listing import ListOf

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


@screen.get("/my/charges")
@screen.get("/my/charges.<any(csv, xlsx):kind>")
@needs("charge:view-own", capacity="customer")
def show_list(kind: str = "") -> Response:
    totals = [] if kind else own_totals_by_month()
    months = list(dict.fromkeys(total.booked_month for total in totals))
    listing = ListOf(Search("search", _l("Search")), Months("month", _l("Booked"), lambda: months)).read()
    asked = listing.values["month"], listing.values["search"] or ""
    if kind:
        every = own_charges(*asked).order_by(*(key.desc() for key in ORDER))
        return download(kind, "charges", COLUMNS, rows_of(every))
    found, values = own_charges_asked(*asked)
    page = page_of(found, ORDER, after=listing.after, before=listing.before, values=values)
    return show(
        "customer/my_charges.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        cells=[_cell(total) for total in totals[:SHOWN_MONTHS]],
        total=_total(totals, listing.with_page(page)),
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


def _cell(total: Any) -> dict[str, Any]:
    """One month of the strip: gross, and the tax that comes on top."""
    gross, tax = (Money.of_minor(minor, total.currency) for minor in (total.gross_minor, total.tax_minor))
    return {
        "label": month_words(total.booked_month),
        "figure": money(gross),
        "currency": total.currency,
        "small": _("plus tax %(tax)s, together %(sum)s", tax=money(tax), sum=money(gross + tax))
        if tax
        else _("no tax"),
    }


def _total(totals: Any, listing: Any) -> Any:
    """The row under a single month, whole and in one currency: it foots with the lines above. Else None."""
    if listing.values["month"] is None or listing.values["search"] or listing.next or listing.previous:
        return None
    of_month = [total for total in totals if total.booked_month == listing.values["month"]]
    return of_month[0] if len(of_month) == 1 else None
