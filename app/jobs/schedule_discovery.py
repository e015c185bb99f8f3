"""Makes the system's own discovery runs: twice a day for each connected CSP account, each at a minute of its own.

1. Asks for connected accounts; most have had their run of these twelve hours.
2. Makes what is due, each in its own transaction; two machines that look at once make one.
"""

import structlog

from app.csp.discovery.actions import trigger_by_schedule
from app.csp.discovery.queries import accounts_due
from app.foundation.database import db
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

log = structlog.get_logger(__name__)


def run(*, by: Viewer, stopped: Stopped) -> Done:
    made, failed, message = 0, 0, ""
    for account_id in accounts_due():
        if stopped():
            break
        try:
            made += trigger_by_schedule(account_id, by=by) is not None
        except Exception as trouble:
            failed, message = failed + 1, f"{type(trouble).__name__}: {trouble}"
            log.exception("discovery_not_scheduled", account=str(account_id))
        db.session.remove()
    return Done(made, failed, message)
