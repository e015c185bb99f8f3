"""CSP invoices with what they come to for each customer, and statements: listed, read, issued."""

import uuid
from decimal import Decimal
from typing import Any

from app.api import csp_billing_schemas as schemas
from app.api.operations import Operations, once_answered
from app.api.schemas import page_of
from app.api.shapes import exact, listed, minor, named
from app.csp.invoices import queries
from app.csp.invoices.bundles import totals_of
from app.csp.statements import actions, own
from app.csp.statements import queries as statements
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.text import N_
from app.web.csp_invoice_page import invoice_page

operations = Operations(
    "CSP billing", __name__, description="Microsoft's invoices, priced for each customer, and the statements issued."
)

VIEW = {"partner": "csp-billing:view"}
READ = {"partner": "csp-billing:view", "customer": "cloud:view-own"}


@operations.get("/csp/invoices", query=schemas.InvoiceFilters, gives=page_of(schemas.Invoice), needs=VIEW)
def list_csp_invoices(query: dict[str, Any]) -> Any:
    """Every document Microsoft issued, amendments beside what they amend, newest first."""
    asked = {name: query.get(name) for name in ("account", "customer", "status", "month")}
    return listed(queries.documents(**asked), queries.LIST_KEYS, query, lambda rows: [_invoice(row) for row in rows])


@operations.get("/csp/invoices/<string:number>", query=schemas.OfAccount, gives=schemas.Invoice, needs=VIEW)
def show_csp_invoice(query: dict[str, Any], number: str) -> Any:
    """One document by Microsoft's number; an amendment answers under its own."""
    return _invoice(_document(number, query.get("account")))


@operations.get(
    "/csp/invoices/<string:number>/customers", query=schemas.OfAccount, gives=page_of(schemas.InvoiceCustomer), needs=VIEW
)  # fmt: skip
def list_csp_invoice_customers(query: dict[str, Any], number: str) -> Any:
    """What this document alone comes to: one row a customer and currency, and what names no known customer."""
    document = _document(number, query.get("account"))
    return {"items": [_customer(total) for total in totals_of(document.version_id)], "next_cursor": None}


@operations.post(
    "/csp/invoices/<string:number>/statements", takes=schemas.Issue, gives=schemas.Issued,
    needs={"partner": "csp-statement:issue"},
)  # fmt: skip
def issue_csp_statements(body: dict[str, Any], number: str) -> Any:
    """Issue the statements of an invoice and its amendments: of one customer, or of all that are ready."""
    document = _document(number, body.get("account"))
    told = {name: str(value) for name, value in body.items()}
    return once_answered(told, schemas.Issued, lambda: {"items": _issue(document.id, body.get("customer"))})


@operations.get("/csp/statements", query=schemas.StatementFilters, gives=page_of(schemas.Statement), needs=READ)
def list_csp_statements(query: dict[str, Any]) -> Any:
    """Every version ever issued, newest first; for a customer its own, once its view is open."""
    viewer = tenancy.current()
    asked = {name: query.get(name) for name in ("account", "customer", "month", "status")}
    found = statements.statements(**asked)
    if viewer.capacity == "customer":
        found = own.only(found, own.opening(viewer).customer_ids)
    return listed(found, statements.LIST_KEYS, query, lambda rows: [_statement(row) for row in rows])


@operations.get("/csp/statements/<uuid:statement_id>", gives=schemas.Statement, needs=READ)
def show_csp_statement(statement_id: uuid.UUID) -> Any:
    """One version of a statement."""
    statement = statements.statement_of(statement_id)
    row = next(one for one in statements.versions_of(statement) if one.id == statement_id)
    return _statement(row)


def _document(number: str, account: uuid.UUID | None) -> Any:
    if not number.isprintable():
        raise NotVisible
    found = queries.by_number(number, account)
    if not found:
        raise NotVisible
    if len(found) > 1:
        raise Refused("account", N_("This number stands in several accounts: say which."))
    return found[0]


def _issue(document_id: uuid.UUID, customer: uuid.UUID | None) -> list[dict[str, Any]]:
    page, by = invoice_page(document_id), tenancy.current()
    names = {row.part.customer_id: row.part.name for row in page.rows}
    if customer is not None and customer not in names:
        raise NotVisible
    told = []
    for customer_id in [customer] if customer is not None else page.ready_customers:
        outcome: dict[str, Any] = {
            "customer": named(customer_id, names[customer_id]),
            "statement_id": None,
            "message": None,
        }
        try:
            outcome |= {"statement_id": actions.issue(document_id, customer_id, by=by).id, "outcome": "issued"}
        except AlreadyDone:
            outcome["outcome"] = "unchanged"
        except Refused as no:
            outcome |= {"outcome": "refused", "message": str(no)}
        told.append(outcome)
    return told


def _money(amount: Decimal | None, currency: str) -> dict[str, str] | None:
    """Every digit as it came: Microsoft's amounts are not rounded, and its currencies are its own."""
    return None if amount is None else {"amount": f"{amount:f}", "currency": currency}


def _invoice(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "account": named(row.account_id, row.account_name),
        "document_type": row.document_type,
        "invoice_type": row.invoice_type,
        "amends": row.amends,
        "invoice_date": row.invoice_date,
        "period_start": row.period_start,
        "period_end": row.period_end,
        "total": _money(row.total, row.currency),
        "lines_total": _money(row.lines_total, row.currency),
        "reconciled": row.version_id is not None and row.difference is not None and row.difference == 0,
        "difference": _money(row.difference, row.currency),
        "status": queries.status_of(row),
    }


def _customer(total: Any) -> dict[str, Any]:
    return {
        "customer": named(total.customer_id, total.name) if total.customer_id else None,
        "tenant_id": total.customer_tenant_id,
        "currency": total.currency,
        "lines": total.lines,
        "cost_total": _money(total.cost, total.currency),
        "microsoft_tax": _money(total.microsoft_tax, total.currency),
        "sell_total": _money(total.sell, total.currency),
    }


def _statement(row: Any) -> dict[str, Any]:
    partner = tenancy.current().capacity == "partner"
    return {
        "id": row.id,
        "number": row.number,
        "version": row.version,
        "status": "superseded" if row.is_superseded else "in_force",
        "partner": row.partner_name,
        "customer": row.customer_name,
        **({"customer_id": row.csp_customer_id} if partner else {}),
        "invoice": row.document_number,
        "month": row.month,
        "subtotal": minor(row.subtotal_minor, row.currency),
        "tax_rate": None if row.tax_rate is None else exact(row.tax_rate),
        "tax": minor(row.tax_minor, row.currency),
        "total": minor(row.total_minor, row.currency),
        "lines": row.lines,
        "issued_at": row.issued_at,
    }
