"""Entries that could not be rated through our own fault: they stay Submitted and are tried again later and later, or now."""

import uuid
from typing import Any

from sqlalchemy import Select, select

from app.billing import events, states
from app.billing.model import IS_UNDECIDED, BillingEntry
from app.engagements.model import Engagement
from app.engagements.queries import Partner
from app.foundation import clock, history
from app.foundation.database import one_of, transaction
from app.foundation.failed_rows import RETRY, FailedKind
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_


def failed_entries() -> Select[*tuple[Any, ...]]:
    """Entries whose last try failed. Few of all that are undecided, which is what the index holds."""
    return (
        select(
            BillingEntry.id,
            BillingEntry.submitted_at,
            (BillingEntry.number + ", " + Engagement.name).label("about"),
            Partner.name.label("party"),
            BillingEntry.submitted_at.label("since"),
            BillingEntry.failure.label("reason"),
            BillingEntry.tries,
            BillingEntry.try_again_at.label("next_try_at"),
        )
        # outer, though there always is one: else SQLite may begin with the viewer's engagements, however many there are
        .outerjoin(Engagement, Engagement.id == BillingEntry.engagement_id)
        .join(Partner, Partner.id == BillingEntry.partner_id)
        .where(
            IS_UNDECIDED,
            one_of(BillingEntry.state, (states.SUBMITTED,)),
            BillingEntry.failure.is_not(None),
        )
    )


def retry_rating(entry_id: uuid.UUID, /, *, by: Viewer) -> BillingEntry:
    """Let the machine try again at its next tick. AlreadyDone for an entry that does not wait after a failure."""
    by.must(RETRY)
    with transaction():
        entry = one(BillingEntry, entry_id, lock=True)
        if entry.state != states.SUBMITTED or entry.failure is None:
            raise AlreadyDone(entry.state, "retry")
        entry.try_again_at = clock.now()
        history.record(entry, events.RATING_RETRIED, by=by, number=entry.number)
    return entry


KINDS = (
    FailedKind(
        "billing-entry",
        N_("Billing entries not rated"),
        "receipt",
        failed_entries,
        (BillingEntry.submitted_at, BillingEntry.id),
        retry=retry_rating,
        page="/reviews/rating/%s",
    ),
)
