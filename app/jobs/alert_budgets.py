"""Measures CSP customers' budgets by Microsoft's newest estimates, and tells partners of what is reached.

1. Asks whose usage was read since, or whose pace another day may have changed.
2. Measures them one by one, each with its alerts in one transaction.
3. One that fails is noted and looked at again at the next run; it never stops the others.
"""

import structlog

from app.csp.customers.budgets import budgets_to_measure, measure_budget
from app.foundation.database import db
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

log = structlog.get_logger(__name__)


def run(*, by: Viewer, stopped: Stopped) -> Done:
    measured, failed, message = 0, 0, ""
    for customer_id in budgets_to_measure():
        if stopped():
            break
        try:
            measured += measure_budget(customer_id, by=by)
        except Exception as trouble:
            failed, message = failed + 1, f"{type(trouble).__name__}: {trouble}"
            log.exception("budget_not_measured", customer=str(customer_id))
            db.session.remove()
    return Done(measured, failed, message)
