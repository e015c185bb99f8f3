"""Walks every history chain, so that a changed or missing event is noticed within the hour.

1. Reads all chains as of one moment, in flat memory.
2. Logs each chain that does not verify; the result says how many.
"""

import structlog

from app.foundation.checks import history_check
from app.foundation.database import one_picture
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped

log = structlog.get_logger(__name__)


def run(*, by: Viewer, stopped: Stopped) -> Done:
    walked = broken = 0
    with one_picture():
        for wrong in history_check().verdicts():
            if stopped():
                return Done(message=f"stopped after {walked} chains")
            walked += 1
            if wrong:
                broken += 1
                log.error("history_broken", why=wrong)
    return Done(walked, broken, f"{broken} of {walked} chains do not verify" if broken else f"{walked} chains verify")
