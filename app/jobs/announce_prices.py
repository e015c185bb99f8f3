"""Tells customers of price changes that begin next month.

1. Looks which approved changes are due to be told: their notice goes out on the 1st of the month before.
2. Tells them one by one, each with its mark in one transaction.
3. A change that fails is left for the next run and never stops the others.
"""

import structlog

from app.engagements.price_notices import announce_prices, changes_to_announce
from app.foundation.database import db
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

log = structlog.get_logger(__name__)


def run(*, by: Viewer, stopped: Stopped) -> Done:
    told, failed, last = 0, 0, ""
    for version_id in changes_to_announce():
        if stopped():
            break
        try:
            if announce_prices(version_id, by=by) is not None:
                told += 1
        except Exception as trouble:
            log.exception("price_change_not_announced", price_version=str(version_id))
            failed, last = failed + 1, f"{type(trouble).__name__}: {trouble}"
        db.session.remove()  # each change is told from what the database holds
    return Done(told, failed, last)
