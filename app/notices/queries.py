"""The demo mailbox, read by anybody: a password link must be found before one is signed in."""

import uuid
from typing import Any

from sqlalchemy import select

from app.foundation.pages import Page, page_of
from app.foundation.tenancy import acting_for_all, one
from app.notices.model import DemoMail


def demo_mailbox(*, after: str | None = None, before: str | None = None) -> Page:
    """A page of messages, newest first: (sent_at, id, to, subject)."""
    found: Any = select(DemoMail.sent_at, DemoMail.id, DemoMail.to, DemoMail.subject)
    with acting_for_all("demo mailbox"):
        return page_of(found, [DemoMail.sent_at, DemoMail.id], after=after, before=before)


def demo_mail(mail_id: uuid.UUID) -> DemoMail:
    """One message, or NotVisible."""
    with acting_for_all("demo mailbox"):
        return one(DemoMail, mail_id)
