"""Forgets tries to sign in once they are of no use any more.

1. Deletes those older than the members room keeps them, in one transaction.
"""

from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.members.tries import forget_old_tries


def run(*, by: Viewer, stopped: Stopped) -> Done:
    return Done(forget_old_tries())
