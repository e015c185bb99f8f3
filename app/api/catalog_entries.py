"""A product's catalog entry: what clients read, how they reach support, and what the request form asks them."""

import uuid
from typing import Any

from app.api import listing_schemas as schemas
from app.api.listing_shapes import change, entry
from app.api.operations import Operations
from app.catalog import entries
from app.catalog.listing_rules import ParameterDraft
from app.foundation import tenancy

operations = Operations(
    "catalog entries",
    __name__,
    description="What clients read of a product. Once published, each change is a new edition; while the operator reads it for publication, it stays as it is.",
)

EDIT = {"partner": "product:edit"}


@operations.get("/products/<uuid:product_id>/catalog-entry", gives=schemas.CatalogEntry, needs=EDIT)
def get_catalog_entry(product_id: uuid.UUID) -> Any:
    """The entry as it stands, in any state of the product."""
    return entry(product_id)


@operations.post(
    "/products/<uuid:product_id>/catalog-entry", takes=schemas.EntryText, gives=schemas.CatalogEntry, needs=EDIT
)
def change_catalog_entry(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """Write the entry anew, all of its texts at once."""
    texts = {name: body[name] for name in ("name", "category", "summary", "description", "request_email")}
    change(
        product_id,
        body,
        lambda product, version: entries.change_catalog_entry(product, version=version, **texts, by=tenancy.current()),
    )
    return entry(product_id)


@operations.post("/products/<uuid:product_id>/support", takes=schemas.Support, gives=schemas.CatalogEntry, needs=EDIT)
def change_support(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """Hours and ways to reach support."""
    change(
        product_id,
        body,
        lambda product, version: entries.change_support(
            product, version=version, support=body["support"], by=tenancy.current()
        ),
    )
    return entry(product_id)


@operations.post(
    "/products/<uuid:product_id>/custom-parameters", takes=schemas.NewParameter, gives=schemas.CatalogEntry, status=201, needs=EDIT
)  # fmt: skip
def add_custom_parameter(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """One more question of the request form, at its end."""
    change(
        product_id,
        body,
        lambda product, version: entries.add_parameter(
            product, version=version, draft=_draft(body), by=tenancy.current()
        ),
    )
    return entry(product_id)


@operations.post(
    "/products/<uuid:product_id>/custom-parameters/<uuid:parameter_id>", takes=schemas.NewParameter, gives=schemas.CatalogEntry, needs=EDIT
)  # fmt: skip
def change_custom_parameter(body: dict[str, Any], product_id: uuid.UUID, parameter_id: uuid.UUID) -> Any:
    """Ask it otherwise. Its key stays, and so does what clients have answered."""
    change(
        product_id,
        body,
        lambda product, version: entries.change_parameter(
            product, version=version, parameter_id=parameter_id, draft=_draft(body), by=tenancy.current()
        ),
    )
    return entry(product_id)


@operations.post(
    "/products/<uuid:product_id>/custom-parameters/<uuid:parameter_id>/move", takes=schemas.Move, gives=schemas.CatalogEntry, needs=EDIT
)  # fmt: skip
def move_custom_parameter(body: dict[str, Any], product_id: uuid.UUID, parameter_id: uuid.UUID) -> Any:
    """One place up or down; at the end it stays where it is."""
    upwards = body["direction"] == "up"
    change(
        product_id,
        body,
        lambda product, version: entries.move_parameter(
            product, version=version, parameter_id=parameter_id, upwards=upwards, by=tenancy.current()
        ),
    )
    return entry(product_id)


@operations.post(
    "/products/<uuid:product_id>/custom-parameters/<uuid:parameter_id>/remove", takes=schemas.Seen, gives=schemas.CatalogEntry, needs=EDIT
)  # fmt: skip
def remove_custom_parameter(body: dict[str, Any], product_id: uuid.UUID, parameter_id: uuid.UUID) -> Any:
    """Ask it no more. What clients have answered stays with their engagements."""
    change(
        product_id,
        body,
        lambda product, version: entries.remove_parameter(
            product, version=version, parameter_id=parameter_id, by=tenancy.current()
        ),
    )
    return entry(product_id)


def _draft(body: dict[str, Any]) -> ParameterDraft:
    return ParameterDraft(body["label"], body["kind"], body["options"], body["required"])
