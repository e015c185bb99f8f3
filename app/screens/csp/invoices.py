"""CSP invoices: every document that Microsoft issued to the partner's accounts, newest first."""

from typing import Any

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l

from app.csp.accounts.states import INDIRECT_RESELLER
from app.csp.invoices import queries
from app.documents import Column, rows_of
from app.foundation.pages import page_of
from app.web.csp_invoice_page import KINDS, TYPES, kind_of, recent_months
from app.web.exports import download
from app.web.filters import Choice, Months, Reference
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.ui import TAGS

screen = Blueprint("csp_invoices", __name__)

STATUSES = {
    one: TAGS[one].label for one in (queries.RECONCILED, queries.DIFFERENT, queries.OVERRIDDEN, queries.UNREAD)
}  # fmt: skip
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "JPY", "AUD", "CAD", "NZD", "INR", "KWD")

COLUMNS = (
    Column(_l("Document"), "number"),
    Column(_l("Account"), "account_name"),
    Column(_l("Kind"), kind_of),
    Column(_l("Type"), lambda row: str(TYPES.get(row.invoice_type, row.invoice_type))),
    Column(_l("Amends"), "amends"),
    Column(_l("Dated (UTC)"), "invoice_date"),
    Column(_l("Period from (UTC)"), "period_start"),
    Column(_l("Period to (UTC)"), "period_end"),
    Column(_l("Currency"), "currency"),
    Column(_l("Total from Microsoft"), "total"),
    Column(_l("Sum of lines"), "lines_total"),
    Column(_l("Difference"), "difference"),
    Column(_l("Paid"), "paid"),
    Column(_l("Status"), lambda row: str(STATUSES[queries.status_of(row)])),
)


@screen.get("/csp/invoices")
@screen.get("/csp/invoices.<any(csv, xlsx):kind>")
@needs("csp-billing:view", capacity="partner")
def show_list(kind: str = "") -> Response:
    accounts = [] if kind else queries.accounts()
    listing = _list(accounts).read("/csp/invoices")
    found = queries.documents(**listing.values)
    if kind:
        keys = [key.desc() for key in queries.LIST_KEYS]
        return download(kind, "csp-invoices", COLUMNS, rows_of(found.order_by(*keys)))
    page = page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before)
    meant = [one for one in accounts if listing.values["account"] in (None, one.id)]
    return show(
        "csp/invoices.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        status_of=queries.status_of,
        kinds=KINDS,
        types=TYPES,
        has_accounts=bool(accounts),
        only_indirect=bool(meant) and all(one.model == INDIRECT_RESELLER for one in meant),
    )


def _list(accounts: Any) -> ListOf:
    names = {one.id: one.name for one in accounts}
    return ListOf(
        Reference("account", _l("Account"), names),
        Choice("status", _l("Status"), STATUSES),
        Choice("currency", _l("Currency"), {code: code for code in CURRENCIES}),
        Months("month", _l("Dated in"), recent_months),
        Reference("customer", _l("Customer"), queries.name_of_customer(request.args.get("customer", ""))),
    )
