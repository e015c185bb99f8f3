"""CSP dashboard: customers gained and lost, spend by account and month, top customers, over budget, the last run and the next."""

from typing import Any

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l

from app.csp.customers.queries import accounts_by_name, today
from app.csp.dashboard import queries
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.web import csp_words
from app.web.csp_amounts import percent
from app.web.csp_dashboard_page import MONTHS, YEARS, customers_shown, spend_shown, standing_shown, window
from app.web.filters import Choice, Months, Reference, Search
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import Listing, ListOf

screen = Blueprint("csp_dashboard", __name__)

YEAR = "year"
#: what the page is asked by; it is no list, but its address is kept like one's
ASKED = ListOf(
    Reference("account", _l("Account"), accounts_by_name),
    Choice("by", _l("Customers"), {YEAR: _l("by year")}, unset=_l("by month")),
    Months("until", _l("Until")),
    Search("currency", _l("Currency"), most=3),
    Choice("view", _l("View"), {"table": _l("As table")}),
)


@screen.get("/csp/dashboard")
@needs("csp-customer:view", capacity="partner")
def show_dashboard() -> Response:
    asked, names = ASKED.read(), accounts_by_name()
    account, by_year = asked.values["account"], asked.values["by"] == YEAR
    months = window(asked.values["until"], by_year=by_year)
    standings = queries.standings(account)
    spent = months if not by_year else months[-MONTHS:]
    spend = spend_shown(
        queries.spend(account, spent[0], spent[-1]), names, spent, (asked.values["currency"] or "").upper()
    )
    top = queries.top_customers(account, spend["newest"], spend["currency"]) if spend else []
    budgets = queries.budgets(account, today())
    return show(
        "csp/dashboard.html",
        asked=asked,
        names=names,
        by_year=by_year,
        as_table=asked.values["view"] == "table",
        customers=customers_shown(queries.churn(account, months[0]), months, by_year=by_year),
        moves=_moves(asked, months, by_year),
        spend=spend,
        top=[_top(row, spend["currency"]) for row in top] if spend else [],
        budgets=budgets,
        worst=[_worst(row) for row in budgets.worst],
        standings=[standing_shown(one) for one in standings],
        is_partial=any(one.is_partial for one in standings),
        account_query=f"account={account}" if account else "",
        here=request.path,
    )


def _moves(asked: Listing, months: list[BillingMonth], by_year: bool) -> dict[str, str | None]:
    """Earlier and later, by as much as is shown."""
    here = window(None, by_year=False)[-1]
    step = YEARS * 12 if by_year else MONTHS
    later = months[-1].shifted(step) if months[-1] < here else None
    earlier = months[0].previous
    return {
        "earlier": asked.link(until=str(earlier)) if earlier.year >= 2010 else None,
        "later": None if later is None else asked.link(until=None if later >= here else str(later)),
    }


def _top(row: Any, currency: str) -> dict[str, Any]:
    path = f"/csp/customers/{row.customer_id}" if row.customer_id else None
    return {"name": row.name or csp_words.DASH, "path": path, "cost": csp_words.amount(row.cost, currency)}


def _worst(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "path": f"/csp/customers/{row.id}/budget",
        "tag": "trending_over" if row.is_trending_over else "over_budget",
        "used": percent(row.used_percent),
        "budget": Money.of_minor(row.amount_minor, row.currency),
    }
