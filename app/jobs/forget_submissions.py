"""Forgets submission keys of forms sent more than 30 days ago.

1. Deletes a thousand at a time, each thousand in a transaction of its own, until none is left.
"""

from datetime import timedelta

from app.foundation import clock, idempotency
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

KEPT = timedelta(days=30)


def run(*, by: Viewer, stopped: Stopped) -> Done:
    before, forgotten = clock.now() - KEPT, 0
    while not stopped():
        count = idempotency.forget(before)
        forgotten += count
        if not count:
            break
    return Done(forgotten)
