"""Plans and their prices as rows become JSON, and price tables as JSON becomes what the rules take."""

import re
import uuid
from decimal import Decimal
from typing import Any

from app.api.listing_shapes import head, listing
from app.api.shapes import exact, money, tariff
from app.catalog import states
from app.catalog.listing_queries import plan_in, standing_of
from app.catalog.model import Metric, Plan, PriceVersion, Product
from app.catalog.price_changes import earliest_month
from app.catalog.price_table import PriceDraft
from app.catalog.queries import programme_of
from app.catalog.tariff import MODELS, Band, OverLimit, Tariff, cost, limit_of, split
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.refusals import Refused
from app.foundation.text import N_

_OF_A_BAND = re.compile(r"(price|up_to)_([0-9]+)")


def price_list(product_id: uuid.UUID) -> dict[str, Any]:
    """Pricing."""
    product, programme = listing(product_id), programme_of(product_id)
    return {
        **head(product),
        "currency": programme.currency,
        "models": [model for model in MODELS if model != "block" or programme.allows_block],
        "earliest_change": earliest_month(product),
        "locked": product.state == states.PRICING_REQUESTED,
        "plans": [_plan(plan) for plan in product.plans],
    }


def priced_plan(product_id: uuid.UUID, plan_id: uuid.UUID) -> dict[str, Any]:
    """PricedPlan."""
    product: Product = listing(product_id)
    return {**_plan(plan_in(product, plan_id)), "product": head(product)}


def draft_of(said: dict[str, Any]) -> PriceDraft:
    """NewTariff as the price table's rules take it."""
    bands = tuple(Band(band["up_to"], band["price"]) for band in said["bands"])
    return PriceDraft(said["model"], said["charge_unit"], bands)


def as_sent(field: str) -> str:
    """The price table's field in the body: price_2 -> price.bands.1.price, counted from 0 as bodies are."""
    found = _OF_A_BAND.fullmatch(field)
    if found:
        return f"price.bands.{int(found[2]) - 1}.{found[1]}"
    return f"price.{field}" if field in ("model", "charge_unit") else field


def cost_of(of: Tariff, quantity: Decimal, unit: str, currency: str) -> dict[str, Any]:
    """Cost. Refused beyond the last band."""
    try:
        amount = Money(cost(of, quantity), currency).rounded()
        steps = split(of, quantity)
    except OverLimit as beyond:
        raise Refused(
            "quantity", N_("The bands end at %(limit)s %(unit)s a month."), limit=limit_of(of), unit=unit
        ) from beyond
    return {
        "quantity": quantity,
        "unit": unit,
        "amount": money(amount),
        "tiers": [
            {
                "above": step.start,
                "up_to": step.end,
                "quantity": exact(step.quantity),
                "unit_price": exact(step.price),
                "amount": exact(step.amount),
            }
            for step in steps
        ],
    }


def _plan(plan: Plan) -> dict[str, Any]:
    standing = standing_of(plan, BillingMonth.at(clock.now()))
    return {
        "id": plan.id,
        "code": plan.code,
        "name": plan.name,
        "description": plan.description,
        "is_new": standing.is_new,
        "metrics": [_metric(metric) for metric in plan.metrics],
        "in_force": _version(standing.in_force),
        "coming": [_version(version) for version in standing.coming],
        "open": _version(standing.open),
    }


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "id": metric.id,
        "code": metric.code,
        "kind": metric.kind,
        "name": metric.name,
        "unit": metric.unit,
        "unit_one": metric.unit_one,
        "step": metric.step,
        "month_limit": metric.month_limit,
        "approved": metric.approved,
    }


def _version(version: PriceVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    follows = version.number == 1 and version.state != states.APPROVED
    return {
        "id": version.id,
        "number": version.number,
        "status": version.state,
        "effective_from": None if follows else version.effective_from,
        "approved_at": version.approved_at,
        "announced_at": version.announced_at,
        "prices": [
            {"metric_id": price.metric_id, "price": tariff(price.tariff, version.currency)} for price in version.prices
        ],
    }
