"""Tells what rooms put into the outbox: in the portal and by mail.

1. Puts what is new among its readers' notices in the portal, mail server or not.
2. Claims due notices, those of one batch together; another sender passes over those.
3. Mails them by SMTP_URL, or shows them in the demo mailbox; without either they wait.
4. What the server puts off is tried again later and later; what it refuses for good is kept with its word.
"""

from flask import current_app

from app.config import Settings
from app.foundation.tenancy import Viewer
from app.jobs.work import Done, Stopped
from app.notices.actions import send_due
from app.notices.portal import show_due


def run(*, by: Viewer, stopped: Stopped) -> Done:
    settings: Settings = current_app.config["SETTINGS"]
    show_due(stopped=stopped)
    sent = send_due(settings, stopped=stopped)
    return Done(sent.told, sent.delayed + sent.given_up, sent.last_trouble)
