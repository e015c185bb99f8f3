"""Takes away invoice lines that nobody reads any more: those of versions whose place a newer reading has taken.

Some thousand lines a transaction, so that nobody waits for it.
"""

import time

from app.csp.invoices.line_arrivals import purge
from app.foundation.database import db
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

#: in one run; the next one goes on
MOST_SECONDS = 20.0


def run(*, by: Viewer, stopped: Stopped) -> Done:
    gone, until = 0, time.monotonic() + MOST_SECONDS
    while not stopped() and time.monotonic() < until:
        bite = purge()
        db.session.remove()
        if not bite:
            break
        gone += bite
    return Done(gone)
