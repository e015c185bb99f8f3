"""CSP customers as discovered: the list, and one customer's subscriptions, invoices, history and spending report."""

import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import lazy_gettext as _l

from app.csp.customers import queries, rules
from app.csp.customers.queries import COMPLETE, INCOMPLETE, NEAR, TRENDING, WITHOUT
from app.csp.dashboard.queries import spending_of, standings
from app.documents import Column, Minor, Words, rows_of
from app.foundation import tenancy
from app.foundation.pages import page_of
from app.web import chains, csp_words
from app.web.csp_amounts import percent
from app.web.csp_customer_page import head
from app.web.exports import download
from app.web.fields import acting_as, new_key
from app.web.figures import plain
from app.web.filters import Choice, Reference, Search
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf

screen = Blueprint("csp_customers", __name__)

INCOMPLETE_FOR = {INCOMPLETE: _l("Incomplete"), COMPLETE: _l("Complete"), **csp_words.MISSING}
BUDGETS = {
    rules.OVER: _l("Over budget"),
    TRENDING: _l("Trending over"),
    NEAR: _l("80 to 100 % used"),
    WITHOUT: _l("No budget"),
}
LIST = ListOf(
    Search("search", _l("Search")),
    Reference("account", _l("Account"), queries.accounts_by_name),
    Choice("relationship", _l("Relationship"), csp_words.RELATIONSHIPS),
    Choice("incomplete", _l("Complete"), INCOMPLETE_FOR),
    Choice("budget", _l("Budget"), BUDGETS),
)
COLUMNS = (
    Column(_l("Customer"), "name"),
    Column(_l("Domain"), "domain"),
    Column(_l("Microsoft ID"), "tenant_id"),
    Column(_l("Account"), "account_name"),
    Column(_l("Relationship"), Words("relationship", csp_words.RELATIONSHIPS)),
    Column(_l("Indirect reseller (MPN)"), "reseller_mpn"),
    Column(_l("Contact"), "contact_email"),
    Column(_l("Linked to"), "linked_name"),
    Column(_l("Mark-up in force (%)"), "mark_up"),
    Column(_l("Tax rate (%)"), "tax_rate"),
    Column(_l("Monthly budget"), Minor("budget_minor", "budget_currency")),
    Column(_l("Currency"), "budget_currency"),
    Column(_l("Budget used (%, estimate)"), "used_percent"),
    Column(_l("Monitored"), "monitored"),
    Column(_l("Refusal"), "refusal"),
    Column(_l("First seen at (UTC)"), "first_seen_at"),
    Column(_l("Relationship ended at (UTC)"), "gone_at"),
)
SUBSCRIPTIONS = ListOf(Search("search", _l("Search")))
SUBSCRIPTION_COLUMNS = (
    Column(_l("Subscription"), "name"),
    Column(_l("Offer"), "offer_name"),
    Column(_l("Microsoft ID"), "subscription_id"),
    Column(_l("Quantity"), "quantity"),
    Column(_l("Unit"), "unit_type"),
    Column(_l("Status"), "status"),
    Column(_l("Auto-renew"), "auto_renew"),
    Column(_l("Billing type"), "billing_type"),
    Column(_l("Billing cycle"), "billing_cycle"),
    Column(_l("Term"), "term"),
    Column(_l("Commitment ends at (UTC)"), "ends_at"),
    Column(_l("Order"), "order_id"),
    Column(_l("Suspension reasons"), lambda row: ", ".join(map(str, row.suspension_reasons or ()))),
    Column(_l("Monitored"), "is_monitored"),
)
SPENDING_COLUMNS = (
    Column(_l("Document"), "number"),
    Column(_l("Type"), "document_type"),
    Column(_l("Amends"), "amends"),
    Column(_l("Dated (UTC)"), "invoice_date"),
    Column(_l("Period from (UTC)"), "period_start"),
    Column(_l("Period to (UTC)"), "period_end"),
    Column(_l("Currency"), "currency"),
    Column(_l("Lines"), "lines"),
    Column(_l("Cost before tax"), "cost"),
    Column(_l("Lowest mark-up (%)"), "least_mark_up"),
    Column(_l("Highest mark-up (%)"), "most_mark_up"),
    Column(_l("Sell before tax"), "sell"),
    Column(_l("Lines without mark-up"), "unpriced"),
)
HISTORY = ListOf()


@screen.get("/csp/customers")
@screen.get("/csp/customers.<any(csv, xlsx):kind>")
@needs("csp-customer:view", capacity="partner")
def show_list(kind: str = "") -> Response:
    listing = LIST.read()
    found = queries.customers(**listing.values)
    if kind:
        return download(kind, "csp-customers", COLUMNS, rows_of(found.order_by(*queries.KEYS)))
    page = page_of(found, queries.KEYS, after=listing.after, before=listing.before, oldest_first=True)
    # a list without a row explains itself: is there an account, and does a discovery run?
    accounts = standings() if not page.rows and not listing.is_filtered else []
    return show(
        "csp/customers.html", block="list", listing=listing.with_page(page),
        rows=[_line(row) for row in page.rows], accounts=accounts,
    )  # fmt: skip


@screen.get("/csp/customers/<uuid:csp_customer_id>")
@needs("csp-customer:view", capacity="partner")
def show_customer(csp_customer_id: uuid.UUID) -> Response:
    """The Subscriptions tab."""
    around = head(csp_customer_id, "subscriptions")
    listing = SUBSCRIPTIONS.read()
    page = page_of(
        queries.subscriptions(customer=csp_customer_id, **listing.values), queries.SUBSCRIPTION_KEYS,
        after=listing.after, before=listing.before, oldest_first=True,
    )  # fmt: skip
    return show(
        "csp/customer_subscriptions.html", block="list", listing=listing.with_page(page),
        rows=[_subscription(row) for row in page.rows], all_key=new_key(), none_key=new_key(),
        acting=acting_as(tenancy.current()), **around,
    )  # fmt: skip


@screen.get("/csp/customers/<uuid:csp_customer_id>.<any(csv, xlsx):kind>")
@needs("csp-customer:view", capacity="partner")
def download_subscriptions(csp_customer_id: uuid.UUID, kind: str) -> Response:
    queries.customer_of(csp_customer_id)
    listing = SUBSCRIPTIONS.read()
    found = queries.subscriptions(customer=csp_customer_id, **listing.values).order_by(*queries.SUBSCRIPTION_KEYS)
    return download(kind, "csp-subscriptions", SUBSCRIPTION_COLUMNS, rows_of(found))


@screen.get("/csp/customers/<uuid:csp_customer_id>/invoices")
@needs("csp-customer:view", capacity="partner")
def show_invoices(csp_customer_id: uuid.UUID) -> Response:
    """What stands here is the invoices' own list, filtered by the customer."""
    return show("csp/customer_invoices.html", **head(csp_customer_id, "invoices"))


@screen.get("/csp/customers/<uuid:csp_customer_id>/spending.<any(csv, xlsx):kind>")
@needs("csp-customer:view", capacity="partner")
def download_spending(csp_customer_id: uuid.UUID, kind: str) -> Response:
    """The spending report: one row a document and currency."""
    queries.customer_of(csp_customer_id)
    return download(kind, "csp-spending", SPENDING_COLUMNS, rows_of(spending_of(csp_customer_id)))


@screen.get("/csp/customers/<uuid:csp_customer_id>/history")
@screen.get("/csp/customers/<uuid:csp_customer_id>/history.<any(csv, xlsx):kind>")
@needs("csp-customer:view", capacity="partner")
def show_history(csp_customer_id: uuid.UUID, kind: str = "") -> Response:
    around = head(csp_customer_id, "history")
    if kind:
        return download(
            kind, "csp-customer-history", chains.COLUMNS, chains.every_event("csp_customer", csp_customer_id)
        )
    listing = HISTORY.read()
    page = chains.events_page("csp_customer", csp_customer_id, after=listing.after, before=listing.before)
    return show(
        "csp/customer_history.html", block="list", listing=listing.with_page(page),
        events=[chains.told(row) for row in page.rows], holds=chains.holds("csp_customer", csp_customer_id), **around,
    )  # fmt: skip


def _line(row: Any) -> dict[str, Any]:
    budget = csp_words.budget(row)
    measured = budget is not None and row.used_percent is not None and row.measured_until >= queries.today()
    return {
        "id": row.id,
        "name": row.name,
        "domain": row.domain,
        "tenant_id": row.tenant_id,
        "account": row.account_name,
        "former": row.relationship == rules.FORMER,
        "relationship": csp_words.RELATIONSHIPS.get(row.relationship, row.relationship),
        "reseller_mpn": row.reseller_mpn,
        "linked": row.linked_name,
        "mark_up": percent(row.mark_up),
        "own_mark_up": row.own_mark_up is not None,
        "budget": budget,
        "used": percent(row.used_percent) if measured else None,
        "over": measured and row.level == rules.OVER,
        "trending": measured and row.is_trending_over,
        "missing": [str(csp_words.MISSING[one]) for one in queries.missing_of(row)],
    }


def _subscription(row: Any) -> dict[str, Any]:
    never = row.ends_at is None or row.ends_at.year >= csp_words.NEVER
    return {
        "id": row.id,
        "name": row.name or row.offer_name or row.subscription_id,
        "offer": row.offer_name if row.offer_name != row.name else "",
        "quantity": plain(row.quantity, 0, 6),
        "unit": row.unit_type,
        "status": row.status,
        "status_words": csp_words.status(row.status),
        "reasons": ", ".join(map(str, row.suspension_reasons or ())),
        "is_trial": row.is_trial,
        "term": csp_words.term(row),
        "auto_renew": row.auto_renew,
        "ends_at": None if never else row.ends_at,
        "order": row.order_id,
        "monitored": row.is_monitored,
        "gone": row.gone_at,
        "key": new_key(),
    }
