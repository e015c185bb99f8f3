"""Plans, metrics and prices, while they are the partner's own, and what they would cost."""

import uuid
from typing import Any

from app.api import pricing_schemas as schemas
from app.api.listing_shapes import change, listing, named_as_sent
from app.api.operations import Operations, sent_key
from app.api.pricing_shapes import as_sent, cost_of, draft_of, price_list, priced_plan
from app.catalog import plans
from app.catalog.listing_queries import metric_in, plan_in, price_in, standing_of
from app.catalog.listing_rules import MetricDraft
from app.catalog.price_table import tariff_of
from app.catalog.queries import programme_of
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import NotVisible, Refused
from app.foundation.text import N_

operations = Operations(
    "pricing",
    __name__,
    description="What a product's plans count and cost, in the terms of its programme. Until the first prices of a plan are approved they are written here; afterwards by price changes.",
)

EDIT = {"partner": "product:edit"}


@operations.get("/products/<uuid:product_id>/pricing", gives=schemas.Pricing, needs=EDIT)
def get_pricing(product_id: uuid.UUID) -> Any:
    """Every plan with what it counts, the prices in force, those that are coming, and those that are being written."""
    return price_list(product_id)


@operations.post("/products/<uuid:product_id>/pricing/preview", takes=schemas.Sample, gives=schemas.Cost, needs=EDIT)
def preview_price(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """What a month of so many units would cost by a price table that is not saved. Nothing is written."""
    sent_key()  # looked at as everywhere, and not spent
    listing(product_id)
    programme = programme_of(product_id)
    with named_as_sent(as_sent):
        tariff = tariff_of(
            draft_of(body["price"]), allows_block=programme.allows_block, month_limit=body["month_limit"]
        )
    return cost_of(tariff, body["quantity"], body["unit"], programme.currency)


@operations.get("/products/<uuid:product_id>/plans/<uuid:plan_id>", gives=schemas.PricedPlan, needs=EDIT)
def get_plan(product_id: uuid.UUID, plan_id: uuid.UUID) -> Any:
    """One plan, as it stands in the price list."""
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans", takes=schemas.PlanWords, gives=schemas.PricedPlan, status=201, needs=EDIT
)
def add_plan(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """A plan without a metric yet. In a product whose pricing is approved it waits for an approval of its own."""
    plan_id = change(
        product_id,
        body,
        lambda product, version: plans.add_plan(product, version=version, **_words(body), by=tenancy.current()),
    )
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>", takes=schemas.PlanWords, gives=schemas.PricedPlan, needs=EDIT
)
def change_plan(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID) -> Any:
    """What it is called, until its first prices are approved."""
    change(
        product_id,
        body,
        lambda product, version: plans.change_plan(
            product, version=version, plan_id=plan_id, **_words(body), by=tenancy.current()
        ),
    )
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/remove", takes=schemas.Seen, gives=schemas.Pricing, needs=EDIT
)
def remove_plan(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID) -> Any:
    """With its metrics and prices, until its first prices are approved. What end-to-end tests have used stays."""
    change(
        product_id,
        body,
        lambda product, version: plans.remove_plan(product, version=version, plan_id=plan_id, by=tenancy.current()),
    )
    return price_list(product_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/metrics", takes=schemas.MetricWithPrice, gives=schemas.PricedPlan, status=201, needs=EDIT
)  # fmt: skip
def add_metric(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID) -> Any:
    """What the plan counts, and what it costs; it stands last among the plan's metrics."""
    with named_as_sent(as_sent):
        change(
            product_id,
            body,
            lambda product, version: plans.add_metric(
                product, version=version, plan_id=plan_id, **_counted(body), by=tenancy.current()
            ),
        )
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/metrics/<uuid:metric_id>", takes=schemas.MetricWithPrice, gives=schemas.PricedPlan, needs=EDIT
)  # fmt: skip
def change_metric(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID, metric_id: uuid.UUID) -> Any:
    """What is counted, in what, and what it costs, until the plan's first prices are approved."""
    with named_as_sent(as_sent):
        change(
            product_id,
            body,
            lambda product, version: plans.change_metric(
                product,
                version=version,
                plan_id=plan_id,
                metric_id=metric_id,
                **_counted(body),
                by=tenancy.current(),
            ),
        )
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/metrics/<uuid:metric_id>/remove", takes=schemas.Seen, gives=schemas.PricedPlan, needs=EDIT
)  # fmt: skip
def remove_metric(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID, metric_id: uuid.UUID) -> Any:
    """The plan counts it no more, until its first prices are approved. What end-to-end tests have used stays."""
    change(
        product_id,
        body,
        lambda product, version: plans.remove_metric(
            product, version=version, plan_id=plan_id, metric_id=metric_id, by=tenancy.current()
        ),
    )
    return priced_plan(product_id, plan_id)


@operations.get(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/metrics/<uuid:metric_id>/cost", query=schemas.CostOf, gives=schemas.Cost, needs=EDIT
)  # fmt: skip
def get_cost(query: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID, metric_id: uuid.UUID) -> Any:
    """What a month of so many units costs by one of the plan's price versions."""
    plan = plan_in(listing(product_id), plan_id)
    metric = metric_in(plan, metric_id)
    standing = standing_of(plan, BillingMonth.at(clock.now()))
    version = standing.in_force or standing.open
    if "price_version" in query:
        version = next((found for found in plan.price_versions if found.id == query["price_version"]), None)
        if version is None:
            raise NotVisible
    price = price_in(version, metric)
    if version is None or price is None:
        raise Refused("price_version", N_("It has no price in this version."))
    return cost_of(price.tariff, query["quantity"], metric.unit, version.currency)


def _words(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("name", "code", "description")}


def _counted(body: dict[str, Any]) -> dict[str, Any]:
    draft = MetricDraft(*(body[name] for name in ("kind", "name", "unit", "step", "month_limit", "unit_one")))
    return {"draft": draft, "prices": draft_of(body["price"])}
