"""What waits for the operator's reviewer: billing entries above their programme's threshold, never one's own. Oldest first."""

import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, or_, select

from app.billing import events, rating
from app.billing.model import IS_IN_REVIEW, BillingEntry
from app.billing.review import amounts_now
from app.engagements.model import Engagement
from app.engagements.queries import Partner
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.foundation.waiting import Kind, Waiting


def in_review(viewer: Viewer, limit: int) -> Sequence[Waiting]:
    """Entries this viewer may decide, since they were submitted, at what they would be rated at now."""
    if viewer.capacity != "operator" or not viewer.may(events.DECIDE):
        return []
    rows = columns_of(_of_others(viewer.member_id, limit))
    amounts = amounts_now(row.id for row in rows)
    return [
        Waiting(
            row.id,
            row.submitted_at,
            row.engagement_name,
            row.partner_name,
            f"/reviews/rating/{row.id}",
            number=row.number,
            value=amounts.get(row.id),
        )
        for row in rows
    ]


@lru_cache(maxsize=256)
def _of_others(member_id: uuid.UUID | None, limit: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            BillingEntry.id,
            BillingEntry.number,
            BillingEntry.submitted_at,
            Engagement.name.label("engagement_name"),
            Partner.name.label("partner_name"),
        )
        # outer, though there always is one: else SQLite may begin with the viewer's engagements, however many there are
        .outerjoin(Engagement, Engagement.id == BillingEntry.engagement_id)
        .join(Partner, Partner.id == BillingEntry.partner_id)
        .where(IS_IN_REVIEW)
        .where(or_(BillingEntry.submitted_by_id.is_(None), BillingEntry.submitted_by_id != member_id))
        .order_by(BillingEntry.submitted_at, BillingEntry.id)
        .limit(limit)
    )


def approve(entry_id: uuid.UUID, *, shown: str = "", by: Viewer) -> BillingEntry:
    """A yes is to an amount: `shown` is the one the person saw, str(Waiting.value). Refused if it is another by now."""
    return rating.approve(one(BillingEntry, entry_id), shown=shown, by=by)


def reject(entry_id: uuid.UUID, *, reason: str, by: Viewer) -> BillingEntry:
    return rating.reject(one(BillingEntry, entry_id), reason=reason, by=by)


KINDS = (
    Kind(
        "billing-entry-review",
        N_("Review billing entry"),
        "receipt",
        in_review,
        approve,
        reject,
        approved=N_("is rated at the amount shown, and the client is charged for it"),
        rejected=N_("is not charged, and the partner reads your reason"),
    ),
)
