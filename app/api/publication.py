"""A product's way into the catalog: what is missing and who has the ball, what was asked for and answered, and asking."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from app.api import listing_schemas as schemas
from app.api.listing_shapes import change, review, to_do
from app.api.operations import Operations
from app.api.schemas import Event, Paging, page_of
from app.api.shapes import listed
from app.catalog import requests
from app.catalog.listing_queries import events_found, own_product
from app.catalog.model import ListingReview, Product
from app.catalog.reviews import LIST_KEYS, QUEUES, reviews
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.history import EVENTS, History
from app.web.templating import translate

operations = Operations(
    "publication",
    __name__,
    description="Pricing, metering evidence and publication are each asked for, and answered by the operator; what comes back does so with feedback, and is sent again. Endpoints are told of each answer.",
)

EDIT = {"partner": "product:edit"}
_KINDS = tuple(kind for kinds in QUEUES.values() for kind in kinds)


@operations.get("/products/<uuid:product_id>/checklist", gives=schemas.Checklist, needs=EDIT)
def get_checklist(product_id: uuid.UUID) -> Any:
    """What is done, what is missing, who moves next, and what may be asked for now."""
    return _checklist(product_id)


@operations.get(
    "/products/<uuid:product_id>/reviews", query=Paging, gives=page_of(schemas.Review), needs=EDIT
)  # fmt: skip
def list_reviews(query: dict[str, Any], product_id: uuid.UUID) -> Any:
    """Everything that was asked for, with its answer, the latest first."""
    own_product(product_id, by=tenancy.current())
    return listed(_asked(product_id), LIST_KEYS, query, lambda rows: [review(row) for row in rows])


@operations.get(
    "/products/<uuid:product_id>/history", query=Paging, gives=page_of(Event), needs=EDIT
)  # fmt: skip
def list_history_of_product(query: dict[str, Any], product_id: uuid.UUID) -> Any:
    """What happened to the listing, newest first."""
    own_product(product_id, by=tenancy.current())
    return listed(events_found(product_id), (History.sequence,), query, lambda rows: [_event(row) for row in rows])


@operations.post(
    "/products/<uuid:product_id>/request-pricing", takes=schemas.Seen, gives=schemas.Checklist, needs=EDIT
)  # fmt: skip
def request_pricing(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """Send plans, metrics and first prices for approval. Until that is decided they stay as they are."""
    return _ask(product_id, body, requests.request_pricing)


@operations.post(
    "/products/<uuid:product_id>/submit-evidence", takes=schemas.Seen, gives=schemas.Checklist, needs=EDIT
)  # fmt: skip
def submit_evidence(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """Send the files that are uploaded now for review."""
    return _ask(product_id, body, requests.submit_evidence)


@operations.post(
    "/products/<uuid:product_id>/request-publication", takes=schemas.Seen, gives=schemas.Checklist, needs=EDIT
)  # fmt: skip
def request_publication(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """Send the catalog entry to be read; approved, it is published at once. A withdrawn product is asked for again."""
    return _ask(product_id, body, requests.request_publication)


@operations.post(
    "/products/<uuid:product_id>/withdraw", takes=schemas.Seen, gives=schemas.Checklist, needs=EDIT
)  # fmt: skip
def withdraw_product(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """Take it out of the catalog. Engagements that exist go on and are billed as before."""
    return _ask(product_id, body, requests.withdraw_product)


def _ask(product_id: uuid.UUID, body: dict[str, Any], do: Callable[..., Product]) -> dict[str, Any]:
    change(product_id, body, lambda product, version: do(product, version=version, by=tenancy.current()))
    return _checklist(product_id)


def _checklist(product_id: uuid.UUID) -> dict[str, Any]:
    own_product(product_id, by=tenancy.current())
    latest = _asked(product_id).order_by(*(key.desc() for key in LIST_KEYS)).limit(1)
    return to_do(product_id, db.session.execute(latest).one_or_none())


def _asked(product_id: uuid.UUID) -> Any:
    return reviews(_KINDS).where(ListingReview.product_id == product_id)


def _event(row: Any) -> dict[str, Any]:
    return {
        "sequence": row.sequence,
        "event": row.event,
        "sentence": translate(EVENTS[row.event].sentence, json.loads(row.facts)),
        "at": row.at,
        "by": row.by_label,
        "from_status": row.from_state,
        "to_status": row.to_state,
    }
