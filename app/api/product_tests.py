"""End-to-end tests of a product before its publication: what there is, and beginning one.

From there on a test is an engagement like any other: approved, billed, rated and completed at its own addresses.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from app.api import listing_schemas as schemas
from app.api.engagement_shapes import details
from app.api.listing_shapes import named_as_sent
from app.api.operations import Operations, once
from app.api.schemas import EngagementDetails, Paging, page_of
from app.api.shapes import listed, named
from app.billing.testing import entries_by_state
from app.catalog.listing_queries import own_product
from app.engagements import testing
from app.engagements.queries import LIST_KEYS
from app.foundation import tenancy

operations = Operations(
    "testing",
    __name__,
    description="End-to-end tests before publication: your own organisation stands as the client, and nobody is charged. A key with testing:run also reads, decides and bills them, each by its id, at the addresses of engagements and billing entries; no list and no total holds them.",
)

RUN = {"partner": "testing:run"}


@operations.get(
    "/products/<uuid:product_id>/tests", query=Paging, gives=page_of(schemas.ProductTest), needs=RUN
)  # fmt: skip
def list_tests(query: dict[str, Any], product_id: uuid.UUID) -> Any:
    """The product's test engagements, the one requested last first, and where their entries stand."""
    viewer = tenancy.current()
    own_product(product_id, by=viewer)
    with tenancy.viewing(tenancy.as_tester(viewer)):
        return listed(testing.tests_found(product_id), LIST_KEYS, query, _listed)


@operations.post(
    "/products/<uuid:product_id>/tests", takes=schemas.NewTest, gives=EngagementDetails, status=201, needs=RUN
)  # fmt: skip
def start_test(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """A Pending test engagement on one of the plans, at the prices that it holds so far, approved or not."""
    by = tenancy.current()
    product = own_product(product_id, by=by)
    with named_as_sent({"plan": "plan_id"}):
        started = once(
            body,
            lambda: testing.start_test(
                product, plan_id=body["plan_id"], name=body["name"], given=body["parameters"], by=by
            ),
        )
    return details(started)


def _listed(rows: Sequence[Any]) -> list[dict[str, Any]]:
    entries = entries_by_state([row.id for row in rows])
    return [
        {
            "id": row.id,
            "number": row.number,
            "name": row.name,
            "status": row.state,
            "plan": named(row.plan_id, row.plan_name),
            "requested_at": row.requested_at,
            "requested_by": row.requested_by_name,
            "entries": [{"status": status, "entries": count} for status, count in entries.get(row.id, ())],
        }
        for row in rows
    ]
