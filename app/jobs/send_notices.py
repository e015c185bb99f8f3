"""Mails what rooms put into the outbox.

1. Claims due notices one by one; another sender passes over those.
2. Mails them by SMTP_URL, or shows them in the demo mailbox; without either they wait.
3. What the server puts off is tried again later and later; what it refuses for good is kept with its word.
"""

from flask import current_app

from app.config import Settings
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.notices.actions import send_due


def run(*, by: Viewer, stopped: Stopped) -> Done:
    settings: Settings = current_app.config["SETTINGS"]
    sent = send_due(settings, stopped=stopped)
    return Done(sent.told, sent.delayed + sent.given_up, sent.last_trouble)
