"""Forgets notices in the portal, and mornings looked at, once they are of no use any more.

1. Deletes a thousand at a time, each thousand in a transaction of its own, until none is left.
"""

from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.notices import digests, portal


def run(*, by: Viewer, stopped: Stopped) -> Done:
    forgotten = 0
    for forget in (portal.forget_old, digests.forget_old):
        while not stopped():
            count = forget()
            forgotten += count
            if not count:
                break
    return Done(forgotten)
