"""Reminds partners of engagements without an entry, on a month's last day and on the first after it.

1. Asks which months are about to close for entries, by their books.
2. Tells each partner once a day, in a transaction of its own that also writes down that it was told.
3. Notes an unexpected failure and goes on with the others; the partner is told at the next look.
"""

import structlog

from app.billing.month_reminders import months_to_remind_of, partners_to_remind, remind
from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

log = structlog.get_logger(__name__)


def run(*, by: Viewer, stopped: Stopped) -> Done:
    told, failed, message = 0, 0, ""
    now = clock.now()
    for book, month, closes_at in months_to_remind_of(now):
        for partner_id in partners_to_remind(book, month, now):
            if stopped():
                return Done(told, failed, message)
            try:
                told += remind(partner_id, book, month, closes_at)
            except Exception as trouble:
                failed, message = failed + 1, f"{type(trouble).__name__}: {trouble}"
                log.exception("reminder_failed", partner_id=str(partner_id), month=str(month))
                db.session.remove()
    return Done(told, failed, message)
