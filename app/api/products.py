"""A partner's own products, with the plans and metrics that billing entries name."""

import uuid
from typing import Any

from sqlalchemy import select

from app.api import schemas
from app.api.operations import Operations
from app.api.shapes import listed, named, tariff
from app.catalog.model import Plan, Product
from app.catalog.queries import PlanPrices, product_to_run, product_with_plans
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth

operations = Operations("products", __name__, description="A partner's own products, plans and metrics.")

_COLUMNS = (Product.id, Product.name, Product.slug, Product.category, Product.summary, Product.state)


@operations.get(
    "/products", query=schemas.Paging, gives=schemas.page_of(schemas.Product), needs={"partner": "product:view"}
)
def list_products(query: dict[str, Any]) -> Any:
    """The own products, A to Z."""
    found = select(*_COLUMNS).where(Product.partner_id == tenancy.current().organisation_id)
    return listed(
        found, (Product.name, Product.id), query, lambda rows: [_shape(row) for row in rows], oldest_first=True
    )


@operations.get("/products/<uuid:product_id>", gives=schemas.ProductDetails, needs={"partner": "product:view"})
def get_product(product_id: uuid.UUID) -> Any:
    """One product, with the prices in force this month in its programme's own terms."""
    product_to_run(product_id, tenancy.current())
    product = product_with_plans(product_id)
    month = BillingMonth.at(clock.now())
    return {**_shape(product), "plans": [_plan(plan, month) for plan in product.plans]}


def _shape(product: Any) -> dict[str, Any]:
    return {
        **named(product.id, product.name),
        "slug": product.slug,
        "category": product.category,
        "summary": product.summary,
        "status": product.state,
    }


def _plan(plan: Plan, month: BillingMonth) -> dict[str, Any]:
    metrics = [
        {
            **named(priced.metric.id, priced.metric.name),
            "code": priced.metric.code,
            "kind": priced.metric.kind,
            "unit": priced.metric.unit,
            "step": priced.metric.step,
            "approved": priced.metric.approved,
            "price": None
            if priced.tariff is None or priced.version is None
            else tariff(priced.tariff, priced.version.currency),
        }
        for priced in PlanPrices(plan.metrics, plan.price_versions).in_month(month)
    ]
    return {**named(plan.id, plan.name), "code": plan.code, "metrics": metrics}
