"""Forgets webhook messages and announcements once they are too old to be sent again.

1. Deletes a thousand of each at a time, each thousand in a transaction of its own, until none is left.
"""

from app.foundation import clock
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.notices.webhooks import KEPT, forget


def run(*, by: Viewer, stopped: Stopped) -> Done:
    before, forgotten = clock.now() - KEPT, 0
    while not stopped():
        count = forget(before)
        forgotten += count
        if not count:
            break
    return Done(forgotten)
