"""Statements as the partner keeps them: every version ever issued, one with its lines, and its files."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l

from app.csp.invoices import queries as invoices
from app.csp.statements import queries
from app.documents import Column, Minor, rows_of
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.web.csp_invoice_page import PAGE, recent_months
from app.web.csp_statement_files import COST_COLUMNS, facts_of, statement_file, totals_of
from app.web.exports import download
from app.web.filters import Choice, Months, Reference
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf

screen = Blueprint("csp_statements", __name__)

STATUSES = {"in_force": _l("In force"), "superseded": _l("Superseded")}
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "JPY", "AUD", "CAD", "NZD", "INR", "KWD")
COLUMNS = (
    Column(_l("Statement"), "number"),
    Column(_l("Version"), "version"),
    Column(_l("Status"), lambda row: str(STATUSES["superseded" if row.is_superseded else "in_force"])),
    Column(_l("Customer"), "customer_name"),
    Column(_l("Microsoft's invoice"), "document_number"),
    Column(_l("Month"), "month"),
    Column(_l("Currency"), "currency"),
    Column(_l("Amount without tax"), Minor("subtotal_minor")),
    Column(_l("Tax rate, %"), "tax_rate"),
    Column(_l("Tax"), Minor("tax_minor")),
    Column(_l("Total"), Minor("total_minor")),
    Column(_l("Issued at (UTC)"), "issued_at"),
    Column(_l("Issued by"), "issued_by_name"),
)
LINES = ListOf()


@screen.get("/csp/statements")
@screen.get("/csp/statements.<any(csv, xlsx):kind>")
@needs("csp-billing:view", capacity="partner")
def show_list(kind: str = "") -> Response:
    accounts = {} if kind else {one.id: one.name for one in invoices.accounts()}
    listing = ListOf(
        Reference("account", _l("Account"), accounts),
        Choice("status", _l("Status"), STATUSES),
        Choice("currency", _l("Currency"), {code: code for code in CURRENCIES}),
        Months("month", _l("Month"), recent_months),
        Reference("customer", _l("Customer"), invoices.name_of_customer(request.args.get("customer", ""))),
    ).read("/csp/statements")
    found = queries.statements(**listing.values)
    if kind:
        keys = [key.desc() for key in queries.LIST_KEYS]
        return download(kind, "csp-statements", COLUMNS, rows_of(found.order_by(*keys)))
    page = page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before)
    return show(
        "csp/statements.html", block="list", listing=listing.with_page(page), rows=page.rows, amount=Money.of_minor
    )


@screen.get("/csp/statements/<uuid:statement_id>")
@needs("csp-billing:view", capacity="partner")
def show_statement(statement_id: uuid.UUID) -> Response:
    statement = queries.statement_of(statement_id)
    listing = LINES.read(f"/csp/statements/{statement_id}")
    lines = page_of(
        queries.lines_with_cost(statement_id),
        queries.LINE_KEYS,
        after=listing.after,
        before=listing.before,
        size=PAGE,
        oldest_first=True,
    )
    return show(
        "csp/statement.html",
        block="list",
        **told(statement),
        costs=queries.costs_of(statement_id),
        listing=listing.with_page(lines),
        rows=lines.rows,
        amount=Money.of_minor,
    )


def told(statement: Any) -> dict[str, Any]:
    versions = queries.versions_of(statement)
    return {
        "statement": statement,
        "versions": versions,
        "is_superseded": versions[0].version > statement.version,
        "statement_facts": facts_of(statement),
        "totals": totals_of(statement),
    }


@screen.get("/csp/statements/<uuid:statement_id>/<any(statement, lines, focus):file>.<any(pdf, csv, xlsx):kind>")
@needs("csp-billing:view", capacity="partner")
def download_file(statement_id: uuid.UUID, file: str, kind: str) -> Response:
    """What the customer is given, to the byte."""
    return statement_file(queries.statement_of(statement_id), f"{file}.{kind}")


@screen.get("/csp/statements/<uuid:statement_id>/cost.<any(csv, xlsx):kind>")
@needs("csp-billing:view", capacity="partner")
def export_cost(statement_id: uuid.UUID, kind: str) -> Response:
    """The partner's own: the frozen lines with what they cost."""
    statement = queries.statement_of(statement_id)
    lines = rows_of(queries.lines_with_cost(statement_id).order_by(*queries.LINE_KEYS))
    return download(kind, f"{statement.number}-v{statement.version}-cost", COST_COLUMNS, lines)
