"""What waits of corrections: for a second person of the partner, and for the operator's rating reviewers."""

import uuid
from collections.abc import Sequence
from typing import Any

from app.billing import corrections, corrections_queries
from app.billing.model import Correction
from app.foundation.money import Money
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.foundation.waiting import Kind, Waiting


def waiting_for(viewer: Viewer, limit: int) -> Sequence[Waiting]:
    return [
        Waiting(
            id=row.id,
            since=row.asked_at,
            about=f"{row.engagement_name}, {row.entry_number}",
            sender=row.asked_by_name if viewer.capacity == "partner" else f"{row.asked_by_name}, {row.partner_name}",
            path=f"/engagements/{row.engagement_id}/corrections/{row.id}",
            number=row.number,
            value=Money.of_minor(row.reversal_minor + row.rebill_minor, row.currency),
        )
        for row in corrections_queries.waiting_for(viewer, limit)
    ]


def waiting_count(viewer: Viewer) -> tuple[str, Any] | None:
    """For the line of the side menu below which they are found: the rating queue, or the engagements."""
    number = corrections_queries.waiting_number(viewer)
    if number is None:
        return None
    return ("/reviews/rating" if viewer.capacity == "operator" else "/engagements"), number


def _approve(correction_id: uuid.UUID, *, by: Viewer) -> Correction:
    """In bulk: refused where it no longer comes to what was asked for; its own page shows what it comes to."""
    return corrections.approve(one(Correction, correction_id), by=by)


def _reject(correction_id: uuid.UUID, *, reason: str, by: Viewer) -> Correction:
    return corrections.reject(one(Correction, correction_id), reason=reason, by=by)


KINDS = (
    Kind(
        "correction",
        N_("Approve correction"),
        "edit",
        waiting_for,
        approve=_approve,
        reject=_reject,
        approved=N_("is booked as it was asked for, and the client's bill changes by its value"),
        rejected=N_("is not booked, the bill stays as it is, and who asked reads your reason"),
    ),
)
