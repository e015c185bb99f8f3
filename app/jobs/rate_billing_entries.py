"""Rates what partners submitted.

1. Asks which entries are due: submitted, not in their programme's quiet window, not put off after a failure.
2. Rates them in one transaction where they are many; where they are few, or somebody has to hear of it, each in one of its
   own. One that is rated, rejected or in review already is left as it is.
3. Notes an unexpected failure on the entry, which waits for its next try, and goes on with the others.

Where many machines rate, each takes shares of the engagements; which shares have something due is asked at each tick.
"""

import uuid
from collections.abc import Collection

import structlog

from app.billing.queries import DueEntry, engagements_due_for_rating, many_due_for_rating
from app.billing.rating import note_failure, rate_entry
from app.billing.rating_in_bulk import rate_many
from app.foundation.collecting import without_collecting
from app.foundation.database import db
from app.foundation.refusals import AlreadyDone
from app.foundation.shares import WHOLE, Share, share_of
from app.foundation.tenancy import Viewer
from app.jobs.work import SHARES_AT_ONCE, Done, Stopped

log = structlog.get_logger(__name__)

#: in one transaction, and so in memory at once; of a share, of which a process works on several, only its part
MOST = 20_000
#: below it one by one is quicker
FEW = 20
#: in one run; the next one goes on
AT_MOST_ONE_BY_ONE = 500
#: at most so many runners rate at once, over all machines
SHARES = 8
#: from so many entries due on, every share is held to have some
MANY = 200


def shares_due() -> Collection[int]:
    """The shares with something to rate."""
    engagements = engagements_due_for_rating(MANY)
    return range(SHARES) if len(engagements) == MANY else {share_of(one, SHARES) for one in engagements}


def run(*, by: Viewer, stopped: Stopped, share: Share = WHOLE) -> Done:
    with without_collecting():
        due = many_due_for_rating(MOST if share == WHOLE else MOST // SHARES_AT_ONCE, share=share)
        left = [entry.id for entry in due] if len(due) < FEW else _many(due, by=by)
        rated, failed, message = len(due) - len(left), 0, ""
        del due  # thousands of rows less that a search for rings goes through
    for entry_id in left[:AT_MOST_ONE_BY_ONE]:
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


def _many(due: list[DueEntry], *, by: Viewer) -> list[uuid.UUID]:
    """Rate them in one transaction; gives back those that are to be rated one by one, which is all of them if it failed."""
    left = [entry.id for entry in due]
    try:
        left = rate_many(due, by=by)
    except AlreadyDone:
        log.info("rating_overtaken")  # one was withdrawn or decided meanwhile: the next run looks again
    except Exception:
        log.exception("rating_many_failed")  # one by one, the entry at fault will say so itself
    db.session.remove()
    return left
