"""The catalog as customers read it: published services, their plans, and gross prices only."""

import uuid
from typing import Any

from sqlalchemy import or_, select

from app.api import product_schemas, schemas
from app.api.listing_shapes import parameter
from app.api.operations import Operations
from app.api.shapes import listed, named, tariff
from app.catalog.model import Product
from app.catalog.price_list import GrossPrice, gross_prices
from app.catalog.queries import product_with_plans
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import one
from app.parties.model import Organisation

operations = Operations("catalog", __name__, description="Published services, to be requested.")

VIEW = {"customer": "catalog:view"}
_COLUMNS = (
    Product.id,
    Product.slug,
    Product.name,
    Product.category,
    Product.summary,
    Product.partner_id,
    Organisation.name.label("partner_name"),
)


@operations.get("/catalog", query=schemas.CatalogFilters, gives=schemas.page_of(product_schemas.Service), needs=VIEW)
def list_services(query: dict[str, Any]) -> Any:
    """Published services, A to Z."""
    found = (
        select(*_COLUMNS)
        .join(Organisation, Organisation.id == Product.partner_id)
        .where(Product.state == "published")
    )  # fmt: skip
    if query.get("search"):
        search = query["search"]
        found = found.where(
            or_(
                Product.name.icontains(search, autoescape=True),
                Product.summary.icontains(search, autoescape=True),
            )
        )
    if query.get("category"):
        found = found.where(Product.category == query["category"])
    return listed(
        found, (Product.name, Product.id), query, lambda rows: [_shape(row, row.partner_name) for row in rows], oldest_first=True
    )  # fmt: skip


@operations.get("/catalog/<uuid:product_id>", gives=product_schemas.ServiceDetails, needs=VIEW)
def get_service(product_id: uuid.UUID) -> Any:
    """One service: its plans with gross prices in force this month, and what it asks when requested."""
    product = product_with_plans(product_id)
    if product.state != "published":
        raise NotVisible
    prices = gross_prices(product, BillingMonth.at(clock.now()))
    return {
        **_shape(product, one(Organisation, product.partner_id).name),
        "description": product.description,
        "support": product.support,
        "plans": [
            {
                **named(plan.id, plan.name),
                "description": plan.description,
                "prices": [_price(price) for price in prices if price.plan_id == plan.id],
            }
            for plan in product.plans
        ],
        "parameters": [parameter(asked) for asked in product.parameters],
    }


def _shape(product: Any, partner_name: str) -> dict[str, Any]:
    return {
        **named(product.id, product.name),
        "slug": product.slug,
        "category": product.category,
        "summary": product.summary,
        "partner": named(product.partner_id, partner_name),
    }


def _price(price: GrossPrice) -> dict[str, Any]:
    return {
        "metric": price.metric_name,
        "unit": price.unit,
        "price": tariff(price.gross_tariff, price.currency),
        "derived": price.derived,
    }
