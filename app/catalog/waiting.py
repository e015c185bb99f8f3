"""What waits for the operator in this room: pricing, metering evidence, publication."""

import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, or_

from app.catalog import reviews
from app.catalog.listing_events import DECIDE_REVIEWS
from app.catalog.model import ListingReview
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import Viewer
from app.foundation.text import N_
from app.foundation.waiting import Kind, Waiting


def _waiting_in(queue: str) -> Callable[[Viewer, int], Sequence[Waiting]]:
    def waiting_for(viewer: Viewer, limit: int) -> Sequence[Waiting]:
        if viewer.capacity != "operator" or not viewer.may(DECIDE_REVIEWS):
            return []
        return [
            Waiting(
                id=row.id,
                since=row.submitted_at,
                about=f"{row.product_name}, {row.plan_name}" if row.plan_name else row.product_name,
                sender=row.partner_name,
                path=f"/reviews/{queue}/{row.id}",
            )
            for row in columns_of(_of_others(queue, viewer.member_id, limit))
        ]

    return waiting_for


@lru_cache(maxsize=256)
def _of_others(queue: str, member_id: uuid.UUID | None, limit: int) -> Select[*tuple[Any, ...]]:
    return (
        reviews.waiting_reviews(queue)
        .where(or_(ListingReview.submitted_by_id.is_(None), ListingReview.submitted_by_id != member_id))
        .order_by(ListingReview.submitted_at, ListingReview.id)
        .limit(limit)
    )


def _count_of(queue: str) -> Callable[[Viewer], tuple[str, Any] | None]:
    def waiting_count(viewer: Viewer) -> tuple[str, Any] | None:
        if viewer.capacity != "operator" or not viewer.may(DECIDE_REVIEWS):
            return None
        return f"/reviews/{queue}", reviews.waiting_number(queue, viewer)

    return waiting_count


#: what a no does in each of these queues
RETURNED = N_("goes back to the partner, who reads your reason, mends it and asks again")

KINDS = (
    Kind(
        "product-pricing",
        N_("Approve pricing"),
        "pricing--traditional",
        _waiting_in("pricing"),
        approve=reviews.approve,
        reject=reviews.reject,
        approved=N_(
            "counts as the partner entered it, and customers of a published product are told of changed prices"
        ),
        rejected=RETURNED,
        returns=True,
    ),
    Kind(
        "product-evidence",
        N_("Approve metering evidence"),
        "attachment",
        _waiting_in("evidence"),
        approve=reviews.approve,
        reject=reviews.reject,
        approved=N_("ticks this step of the partner's checklist"),
        rejected=RETURNED,
        returns=True,
    ),
    Kind(
        "product-publication",
        N_("Approve publication"),
        "catalog",
        _waiting_in("publication"),
        approve=reviews.approve,
        reject=reviews.reject,
        approved=N_("puts the product into the catalog at once"),
        rejected=RETURNED,
        returns=True,
    ),
)

COUNTS = tuple(_count_of(queue) for queue in reviews.QUEUES)
