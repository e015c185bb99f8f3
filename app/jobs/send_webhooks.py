"""Tells programs what happened.

1. Turns announcements into one message for each endpoint that listens, a batch a transaction.
2. Claims due messages one by one and sends them with no transaction open; another sender passes over those.
3. What does not arrive is tried again later and later, for three days; an endpoint that fails rests meanwhile.
"""

from flask import current_app

from app.config import Settings
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.notices.webhook_sending import fan_out, send_due


def run(*, by: Viewer, stopped: Stopped) -> Done:
    settings: Settings = current_app.config["SETTINGS"]
    fan_out(stopped=stopped)
    sent = send_due(settings, stopped=stopped)
    return Done(sent.arrived, sent.failed, sent.last_trouble)
