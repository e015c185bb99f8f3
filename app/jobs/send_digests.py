"""Sends each member one mail a morning of what waits for them.

1. Looks whose morning it is: 7:00 to noon in the member's own zone, and not looked at today.
2. Puts one digest a (member, organisation) into the outbox, if something waits; notes the day in the same transaction.
"""

from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.notices import digests


def run(*, by: Viewer, stopped: Stopped) -> Done:
    return Done(digests.send_due(stopped=stopped))
