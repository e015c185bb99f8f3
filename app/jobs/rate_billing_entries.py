"""Rates what partners submitted.

1. Asks which entries are due: submitted, not in their programme's quiet window, not put off after a failure.
2. Rates each in a transaction of its own; one that is rated, rejected or in review already is left as it is.
3. Notes an unexpected failure on the entry, which waits for its next try, and goes on with the others.

Where many machines rate, each takes shares of the engagements; which shares have something due is asked at each tick.
"""

from collections.abc import Collection

import structlog

from app.billing.queries import due_for_rating, engagements_due_for_rating
from app.billing.rating import note_failure, rate_entry
from app.foundation.database import db
from app.foundation.shares import WHOLE, Share, share_of
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

log = structlog.get_logger(__name__)

#: at most so many runners rate at once, over all machines
SHARES = 8
#: from so many entries due on, every share is held to have some
MANY = 200


def shares_due() -> Collection[int]:
    """The shares with something to rate."""
    engagements = engagements_due_for_rating(MANY)
    return range(SHARES) if len(engagements) == MANY else {share_of(one, SHARES) for one in engagements}


def run(*, by: Viewer, stopped: Stopped, share: Share = WHOLE) -> Done:
    rated, failed, message = 0, 0, ""
    for entry_id in due_for_rating(share=share):
        if stopped():
            break
        try:
            rate_entry(entry_id, by=by)
            rated += 1
        except Exception as trouble:
            failed, message = failed + 1, f"{type(trouble).__name__}: {trouble}"
            log.exception("rating_failed", entry_id=str(entry_id))
            db.session.remove()
            note_failure(entry_id, message)
        db.session.remove()  # each entry is rated from what the database holds, not from what the one before had read
    return Done(rated, failed, message)
