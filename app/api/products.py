"""A partner's own products, with the plans and metrics that billing entries name; and how a new one begins."""

import uuid
from typing import Any

from sqlalchemy import select

from app.api import listing_schemas, product_schemas, schemas
from app.api.listing_shapes import entry, named_as_sent
from app.api.operations import Operations, once
from app.api.shapes import listed, named, tariff
from app.catalog.entries import create_product as create
from app.catalog.model import Plan, Product, Programme
from app.catalog.queries import PlanPrices, product_to_run, product_with_plans
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth

operations = Operations("products", __name__, description="A partner's own products, plans and metrics.")

EDIT = {"partner": "product:edit"}
_COLUMNS = (Product.id, Product.name, Product.slug, Product.category, Product.summary, Product.state)


@operations.get(
    "/products", query=schemas.Paging, gives=schemas.page_of(product_schemas.Product), needs={"partner": "product:view"}
)
def list_products(query: dict[str, Any]) -> Any:
    """The own products, A to Z."""
    found = select(*_COLUMNS).where(Product.partner_id == tenancy.current().organisation_id)
    return listed(
        found, (Product.name, Product.id), query, lambda rows: [_shape(row) for row in rows], oldest_first=True
    )


@operations.get(
    "/products/<uuid:product_id>", gives=product_schemas.ProductDetails, needs={"partner": "product:view"}
)  # fmt: skip
def get_product(product_id: uuid.UUID) -> Any:
    """One product, with the prices in force this month in its programme's own terms."""
    product_to_run(product_id, tenancy.current())
    product = product_with_plans(product_id)
    month = BillingMonth.at(clock.now())
    return {**_shape(product), "plans": [_plan(plan, month) for plan in product.plans]}


@operations.get("/programmes", query=schemas.Paging, gives=schemas.page_of(listing_schemas.Programme), needs=EDIT)
def list_programmes(query: dict[str, Any]) -> Any:
    """The programmes that a product can be sold under, A to Z."""
    found = select(
        Programme.id, Programme.name, Programme.currency, Programme.remuneration, Programme.remuneration_percent
    )
    return listed(
        found, (Programme.name, Programme.id), query, lambda rows: [_programme(row) for row in rows], oldest_first=True
    )


@operations.post(
    "/products", takes=listing_schemas.NewProduct, gives=listing_schemas.CatalogEntry, status=201, needs=EDIT
)
def create_product(body: dict[str, Any]) -> Any:
    """A draft under one of the programmes. Nobody else sees it before it is published."""
    with named_as_sent({"programme": "programme_id"}):
        return entry(once(body, lambda: create(**body, by=tenancy.current())))


def _shape(product: Any) -> dict[str, Any]:
    return {
        **named(product.id, product.name),
        "slug": product.slug,
        "category": product.category,
        "summary": product.summary,
        "status": product.state,
    }


def _programme(row: Any) -> dict[str, Any]:
    return {
        **named(row.id, row.name),
        "currency": row.currency,
        "remuneration": row.remuneration,
        "percent": row.remuneration_percent,
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
