"""Closes months whose cut-off has passed.

1. Makes the rows of this month and the last, so that a month in which nobody billed closes like the others.
2. Freezes each open month that is over, waiting for the submits that still hold it.
3. A month that another process froze in between is left as it is.
"""

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.months.actions import ensure_rows, freeze, months_to_freeze


def run(*, by: Viewer, stopped: Stopped) -> Done:
    here = BillingMonth.at(clock.now())
    for month in (here.previous, here):
        ensure_rows(month)
    frozen = []
    for row in months_to_freeze():
        if stopped():
            break
        try:
            freeze(row, by=by)
        except AlreadyDone:
            continue
        frozen.append(f"{row.month} of {row.book}")
    return Done(len(frozen), message=f"frozen: {', '.join(frozen)}" if frozen else "")
