"""My products: what the partner offers, and where its engagements stand."""

import uuid
from typing import Any

from flask import Blueprint, redirect

from app.catalog.queries import product_to_run
from app.engagements.queries import MOST_ACTIVE, MOST_WAITING, products_with_counts
from app.foundation import tenancy
from app.web.fragments import show
from app.web.guard import needs

screen = Blueprint("products", __name__)


@screen.get("/products")
@needs("product:view")
def show_list() -> Any:
    viewer = tenancy.current()
    return show(
        "engagements/products.html",
        block="list",
        rows=tuple(products_with_counts()),
        most_waiting=MOST_WAITING,
        most_active=MOST_ACTIVE,
        tests=viewer.may("testing:run"),
        edits=viewer.may("product:edit"),
    )


@screen.get("/products/<uuid:product_id>")
@needs("engagement:view")
def open_product(product_id: uuid.UUID) -> Any:
    """Product instance > Current engagements is the product's first page."""
    product_to_run(product_id, tenancy.current())
    return redirect(f"/products/{product_id}/current-engagements")
