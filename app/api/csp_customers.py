"""CSP customers and their subscriptions, as discovered; mark-up, tax, budget and monitoring, as the partner sets them."""

import uuid
from collections.abc import Sequence
from typing import Any

from app.api import csp_customer_schemas as schemas
from app.api.operations import Operations, once
from app.api.schemas import page_of
from app.api.shapes import listed, minor, named
from app.csp.customers import budgets, mark_ups, monitoring, queries, rules
from app.csp.customers.model import CspCustomer, CspMarkUp, CspTaxRate
from app.foundation import tenancy
from app.foundation.tenancy import one
from app.web.csp_recipients import check_recipients

operations = Operations(
    "CSP customers",
    __name__,
    description="Tenants that buy through the partner, found by discovery. Nothing is ever written to Microsoft.",
)

VIEW, MANAGE = {"partner": "csp-customer:view"}, {"partner": "csp-customer:manage"}
ONE = "/csp/customers/<uuid:csp_customer_id>"


@operations.get("/csp/customers", query=schemas.CustomerFilters, gives=page_of(schemas.Customer), needs=VIEW)
def list_csp_customers(query: dict[str, Any]) -> Any:
    """A to Z, former ones included."""
    wanted = {name: query.get(name) for name in ("account", "search", "relationship", "incomplete")}
    return listed(queries.customers(**wanted), queries.KEYS, query, _customers, oldest_first=True)


@operations.get(
    "/csp/subscriptions", query=schemas.SubscriptionFilters, gives=page_of(schemas.Subscription), needs=VIEW
)
def list_csp_subscriptions(query: dict[str, Any]) -> Any:
    """A to Z, of one customer, one account or all of them; as Microsoft last named them."""
    wanted = {name: query.get(name) for name in ("account", "customer", "search")}
    return listed(queries.subscriptions(**wanted), queries.SUBSCRIPTION_KEYS, query, _subscriptions, oldest_first=True)


@operations.get(ONE, gives=schemas.CustomerDetails, needs=VIEW)
def get_csp_customer(csp_customer_id: uuid.UUID) -> Any:
    """One customer with its own mark-ups and tax rates, and Microsoft's newest estimate of what it costs."""
    return _details(csp_customer_id)


@operations.post(f"{ONE}/mark-up", takes=schemas.NewRate, gives=schemas.CustomerDetails, needs=MANAGE)
def set_csp_mark_up(body: dict[str, Any], csp_customer_id: uuid.UUID) -> Any:
    """From that day on, until the next row's day. The same day again replaces what was set for it. A day that lies in or before
    an issued statement is refused."""
    one(CspCustomer, csp_customer_id)
    return _details(once(body, lambda: mark_ups.set_mark_up(csp_customer_id, **body, by=tenancy.current())))


@operations.post(f"{ONE}/remove-mark-up", takes=schemas.RateToRemove, gives=schemas.CustomerDetails, needs=MANAGE)
def remove_csp_mark_up(body: dict[str, Any], csp_customer_id: uuid.UUID) -> Any:
    """Take a row away. 409 where none begins on that day."""
    one(CspCustomer, csp_customer_id)
    return _details(once(body, lambda: mark_ups.remove_mark_up(csp_customer_id, **body, by=tenancy.current())))


@operations.post(f"{ONE}/tax-rate", takes=schemas.NewRate, gives=schemas.CustomerDetails, needs=MANAGE)
def set_csp_tax_rate(body: dict[str, Any], csp_customer_id: uuid.UUID) -> Any:
    """The customer's own tax from that day on, where it differs from the account's."""
    one(CspCustomer, csp_customer_id)
    return _details(once(body, lambda: mark_ups.set_tax_rate(csp_customer_id, **body, by=tenancy.current())))


@operations.post(f"{ONE}/remove-tax-rate", takes=schemas.RateToRemove, gives=schemas.CustomerDetails, needs=MANAGE)
def remove_csp_tax_rate(body: dict[str, Any], csp_customer_id: uuid.UUID) -> Any:
    """Take a row away. 409 where none begins on that day."""
    one(CspCustomer, csp_customer_id)
    return _details(once(body, lambda: mark_ups.remove_tax_rate(csp_customer_id, **body, by=tenancy.current())))


@operations.post(f"{ONE}/budget", takes=schemas.NewBudget, gives=schemas.CustomerDetails, needs=MANAGE)
def set_csp_budget(body: dict[str, Any], csp_customer_id: uuid.UUID) -> Any:
    """A monthly budget in place of the one before. It never stops consumption; it tells as the estimate nears it."""
    one(CspCustomer, csp_customer_id)
    return _details(once(_as_sent(body), lambda: _set_budget(body, csp_customer_id)))


@operations.post(f"{ONE}/monitoring", takes=schemas.Monitoring, gives=schemas.CustomerDetails, needs=MANAGE)
def set_csp_monitoring(body: dict[str, Any], csp_customer_id: uuid.UUID) -> Any:
    """Whether the customer sees a subscription in its own view: one of them, or all there are now."""
    one(CspCustomer, csp_customer_id)
    on, subscription_id, by = body["monitored"], body.get("subscription_id"), tenancy.current()

    def do() -> CspCustomer:
        if subscription_id is None:
            return monitoring.monitor_all(csp_customer_id, on=on, by=by)
        return monitoring.monitor(csp_customer_id, subscription_id, on=on, by=by)

    return _details(once(body, do))


def _set_budget(body: dict[str, Any], customer_id: uuid.UUID) -> CspCustomer:
    by = tenancy.current()
    if body["amount"] is None:
        return budgets.remove_budget(customer_id, by=by)
    told = check_recipients(map(str, body["recipients"]), by=by)
    return budgets.set_budget(customer_id, amount=body["amount"], currency=body["currency"], recipients=told, by=by)


def _as_sent(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "recipients": [str(one) for one in body["recipients"]]}


def _customers(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [_customer(row) for row in rows]


def _customer(row: Any) -> dict[str, Any]:
    linked = row.linked_organisation_id
    return {
        "id": row.id,
        "account": named(row.account_id, row.account_name),
        "tenant_id": row.tenant_id,
        "name": row.name,
        "domain": row.domain,
        "relationship": row.relationship,
        "reseller_mpn": row.reseller_mpn,
        "organisation": named(linked, row.linked_name or "") if linked else None,
        "managed": row.managed,
        "mark_up": row.mark_up,
        "tax_rate": row.tax_rate,
        "budget": _budget(row),
        "incomplete": queries.missing_of(row),
        "refusal": row.refusal,
        "first_seen_at": row.first_seen_at,
        "gone_at": row.gone_at,
    }


def _budget(row: Any) -> dict[str, Any] | None:
    if row.budget_minor is None:
        return None
    measured = row.measured_until is not None and row.measured_until >= queries.today()
    return {
        "amount": minor(row.budget_minor, row.budget_currency),
        "used_percent": row.used_percent if measured else None,
        "over": measured and row.level == rules.OVER,
        "trending_over": measured and row.is_trending_over,
    }


def _details(customer_id: uuid.UUID) -> dict[str, Any]:
    row = queries.customer_of(customer_id)
    found = budgets.estimates_of([customer_id]).get(customer_id)
    return {
        **_customer(row),
        "version": row.version,
        "mark_ups": [_rate(one) for one in mark_ups.rates_of(CspMarkUp, customer_id)],
        "tax_rates": [_rate(one) for one in mark_ups.rates_of(CspTaxRate, customer_id)],
        "estimate": found
        and {
            "cost": {"amount": f"{found.cost:f}", "currency": found.currency},
            "period_start": found.begins,
            "period_end": found.ends,
            "as_of": found.as_of,
        },
    }


def _rate(row: Any) -> dict[str, Any]:
    return {"percent": row.percent, "valid_from": row.valid_from, "set_at": row.set_at, "set_by": row.set_by_name}


def _subscriptions(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "account_id": row.account_id,
            "customer_id": row.customer_id,
            "subscription_id": row.subscription_id,
            "name": row.name,
            "offer_id": row.offer_id,
            "offer": row.offer_name,
            "quantity": f"{row.quantity:f}",
            "unit": row.unit_type,
            "status": row.status,
            "auto_renew": row.auto_renew,
            "trial": row.is_trial,
            "billing_type": row.billing_type,
            "billing_cycle": row.billing_cycle,
            "term": row.term,
            "commitment_ends_at": row.ends_at,
            "order_id": row.order_id,
            "suspension_reasons": [str(one) for one in row.suspension_reasons or ()],
            "monitored": row.is_monitored,
            "gone_at": row.gone_at,
        }
        for row in rows
    ]
