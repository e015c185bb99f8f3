"""The own organisation's cloud: statements, spending by month and by subscription, and files. Never a supplier's cost."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.csp.statements import own, queries
from app.documents import Column, Minor, rows_of
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.web.csp_statement_files import facts_of, statement_file, totals_of
from app.web.exports import download
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.revenue_chart import first_of_year, year_of

screen = Blueprint("my_cloud", __name__)

LIST = ListOf()
STATUSES = {"in_force": _l("In force"), "superseded": _l("Superseded")}
COLUMNS = (
    Column(_l("Statement"), "number"),
    Column(_l("Version"), "version"),
    Column(_l("Status"), lambda row: str(STATUSES["superseded" if row.is_superseded else "in_force"])),
    Column(_l("Supplier"), "partner_name"),
    Column(_l("Month"), "month"),
    Column(_l("Currency"), "currency"),
    Column(_l("Amount without tax"), Minor("subtotal_minor")),
    Column(_l("Tax rate, %"), "tax_rate"),
    Column(_l("Tax"), Minor("tax_minor")),
    Column(_l("Total"), Minor("total_minor")),
    Column(_l("Issued at (UTC)"), "issued_at"),
)


@screen.get("/my/cloud")
@screen.get("/my/cloud.<any(csv, xlsx):kind>")
@needs("cloud:view-own", capacity="customer")
def show_cloud(kind: str = "") -> Response:
    opened = own.opening(tenancy.current())
    listing = LIST.read("/my/cloud")
    found = own.own_statements(opened.customer_ids)
    if kind:
        keys = [key.desc() for key in queries.LIST_KEYS]
        return download(kind, "cloud-statements", COLUMNS, rows_of(found.order_by(*keys)))
    page = page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before)
    return show(
        "customer/my_cloud.html",
        block="list",
        is_open=bool(opened.customer_ids),
        missing=[_missing(one) for one in opened.missing],
        spending=_spending(opened.customer_ids) if opened.customer_ids else None,
        listing=listing.with_page(page),
        rows=page.rows,
        amount=Money.of_minor,
    )


@screen.get("/my/cloud/statements/<uuid:statement_id>")
@needs("cloud:view-own", capacity="customer")
def show_statement(statement_id: uuid.UUID) -> Response:
    statement = queries.statement_of(statement_id)
    listing = LIST.read(f"/my/cloud/statements/{statement_id}")
    lines = page_of(
        queries.lines_of(statement_id), queries.LINE_KEYS, after=listing.after, before=listing.before, oldest_first=True
    )
    versions = queries.versions_of(statement)
    return show(
        "customer/my_statement.html",
        block="list",
        statement=statement,
        versions=versions,
        is_superseded=versions[0].version > statement.version,
        statement_facts=facts_of(statement),
        totals=totals_of(statement),
        listing=listing.with_page(lines),
        rows=lines.rows,
        amount=Money.of_minor,
    )


@screen.get("/my/cloud/statements/<uuid:statement_id>/<any(statement, lines, focus):file>.<any(pdf, csv, xlsx):kind>")
@needs("cloud:view-own", capacity="customer")
def download_file(statement_id: uuid.UUID, file: str, kind: str) -> Response:
    return statement_file(queries.statement_of(statement_id), f"{file}.{kind}")


@screen.get("/my/cloud/subscriptions.<any(csv, xlsx):kind>")
@needs("cloud:view-own", capacity="customer")
def export_subscriptions(kind: str) -> Response:
    opened = own.opening(tenancy.current())
    spending = _spending(opened.customer_ids) if opened.customer_ids else None
    columns = (
        Column(_l("Subscription"), lambda row: row["name"]),
        Column(_l("Amount without tax"), lambda row: row["amount"]),
        Column(_l("Currency"), lambda row: row["amount"].currency),
    )
    return download(kind, "cloud-subscriptions", columns, iter(spending["subscriptions"] if spending else ()))


def _spending(customer_ids: tuple[uuid.UUID, ...]) -> dict[str, Any] | None:
    """A year by month, and the same year by subscription, in one currency; the others are a link away."""
    last = BillingMonth.at(clock.now())
    first = first_of_year(last)
    year = year_of(own.spent_by_month(customer_ids, first, last), last, label=_("Cloud spending by month, before tax"))
    if year is None:
        return None
    currency = year["currency"]
    rows = own.spent_by_subscription(customer_ids, first, last, currency)
    most = max((abs(minor) for _name, minor in rows), default=0)
    subscriptions = [
        {
            "name": name or _("Other charges"),
            "amount": Money.of_minor(minor, currency),
            "share": min(1.0, abs(minor) / most) if most else 0.0,
        }
        for name, minor in rows
    ]
    total = Money.of_minor(sum(minor for _name, minor in rows), currency)
    return {**year, "subscriptions": subscriptions, "total": total, "asked": request.args.get("currency", "")}


def _missing(one: own.Missing) -> dict[str, str]:
    """In the customer's words; whose decision it is, never on what terms."""
    match one.why:
        case own.NOT_LINKED:
            return {
                "title": _("No supplier has linked your organisation yet"),
                "text": _("Ask the company that sells you Microsoft's cloud services to link you in this portal."),
            }
        case own.NO_PRICE:
            return {
                "title": _("%(partner)s has not set your prices yet", partner=one.partner),
                "text": _("Your statements appear here as soon as it has."),
            }
        case _:
            return {
                "title": _("%(partner)s shows none of your subscriptions yet", partner=one.partner),
                "text": _("Ask it to switch monitoring on for at least one of them."),
            }
