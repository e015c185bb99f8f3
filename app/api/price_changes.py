"""A change of approved prices: begun as a copy, written, sent for a month to come, or thrown away before it is approved."""

import uuid
from typing import Any

from app.api import pricing_schemas as schemas
from app.api.listing_shapes import change, named_as_sent
from app.api.operations import Operations
from app.api.pricing_shapes import as_sent, draft_of, priced_plan
from app.catalog import price_changes
from app.catalog.requests import request_price_change
from app.foundation import tenancy

operations = Operations(
    "price changes",
    __name__,
    description="Approved prices change by a new version alone, from a month to come on. Where it stands is told by the plan: open, coming, in force. Customers with current engagements are told on the 1st of the month before.",
)

EDIT = {"partner": "product:edit"}


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/change-prices", takes=schemas.Seen, gives=schemas.PricedPlan, status=201, needs=EDIT
)  # fmt: skip
def begin_price_change(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID) -> Any:
    """A new version, to begin with a copy of the newest approved prices. One is open at a time."""
    change(
        product_id,
        body,
        lambda product, version: price_changes.start_price_change(
            product, version=version, plan_id=plan_id, by=tenancy.current()
        ),
    )
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/metrics/<uuid:metric_id>/prices", takes=schemas.Prices, gives=schemas.PricedPlan, needs=EDIT
)  # fmt: skip
def change_prices(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID, metric_id: uuid.UUID) -> Any:
    """One metric's prices in the open version. What is counted, and in what, is not for a price change to say."""
    with named_as_sent(as_sent):
        change(
            product_id,
            body,
            lambda product, version: price_changes.change_prices(
                product,
                version=version,
                plan_id=plan_id,
                metric_id=metric_id,
                prices=draft_of(body["price"]),
                by=tenancy.current(),
            ),
        )
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/request-pricing", takes=schemas.PriceRequest, gives=schemas.PricedPlan, needs=EDIT
)  # fmt: skip
def request_pricing_of_plan(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID) -> Any:
    """Send the open version for approval: a price change, or the first prices of a plan that joins an approved product.

    The operator decides. Approved too late for one month's notice, it counts from the next one on.
    """
    change(
        product_id,
        body,
        lambda product, version: request_price_change(
            product, version=version, plan_id=plan_id, effective_from=body["effective_from"], by=tenancy.current()
        ),
    )
    return priced_plan(product_id, plan_id)


@operations.post(
    "/products/<uuid:product_id>/plans/<uuid:plan_id>/discard-prices", takes=schemas.Seen, gives=schemas.PricedPlan, needs=EDIT
)  # fmt: skip
def discard_price_change(body: dict[str, Any], product_id: uuid.UUID, plan_id: uuid.UUID) -> Any:
    """Throw the open version away. What is in force stays."""
    change(
        product_id,
        body,
        lambda product, version: price_changes.discard_price_change(
            product, version=version, plan_id=plan_id, by=tenancy.current()
        ),
    )
    return priced_plan(product_id, plan_id)
