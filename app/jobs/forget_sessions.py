"""Forgets sessions that no browser can hold any more, and sign-ups that can no longer be confirmed.

1. Deletes the sessions, in one transaction.
2. Deletes the sign-ups, in another.
"""

from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.members.sessions import forget_old_sessions
from app.members.sign_ups import forget_old_sign_ups


def run(*, by: Viewer, stopped: Stopped) -> Done:
    return Done(forget_old_sessions() + forget_old_sign_ups())
