"""One notice: to whom it goes, the message it becomes, and how it gets out."""

import uuid
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy import select

from app.config import Settings
from app.foundation import clock
from app.foundation.database import transaction
from app.foundation.outbox import OutboxRow
from app.members.queries import recipient, recipients
from app.notices.bodies import Body, render
from app.notices.model import DemoMail
from app.notices.smtp import MailServer


class NobodyToTell(Exception):
    """The member has left, or nobody of the organisation holds the permission."""


class Way(Protocol):
    """How a message gets out. Returns whom it was not taken for: {address: the server's word}."""

    def __call__(self, row: OutboxRow, to: list[str], body: Body) -> dict[str, str]: ...


def addresses(row: OutboxRow) -> list[str]:
    """The e-mail addresses of the row's audience, as they are now. NobodyToTell when there is none."""
    if row.audience == "address":
        found = [row.address] if row.address else []
    elif row.audience == "member":
        member = recipient(uuid.UUID(row.address))
        found = [member.email] if member else []
    elif row.audience == "organisation":
        found = [member.email for member in recipients(uuid.UUID(row.address), row.permission)]
    else:
        raise ValueError(f"no audience {row.audience!r}")
    if not found:
        raise NobodyToTell(f"nobody to tell: {row.audience} {row.address} {row.permission or ''}".strip())
    return found


def body_of(row: OutboxRow, settings: Settings) -> Body:
    return render(row.template, row.facts, portal_name=settings.portal_name, portal_url=settings.portal_url)


def message_of(row: OutboxRow, to: list[str], body: Body, settings: Settings) -> EmailMessage:
    """The mail. Its Message-ID comes from the notice, so that one that is sent twice can be recognised."""
    message = EmailMessage()
    message["Subject"] = body.subject
    message["From"] = Address(settings.portal_name, addr_spec=settings.mail_from)
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{row.id}@{urlsplit(settings.portal_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.text, cte="quoted-printable")  # passes servers that take seven bits only
    return message


def by_smtp(server: MailServer, settings: Settings) -> Way:
    def send(row: OutboxRow, to: list[str], body: Body) -> dict[str, str]:
        return server.send(message_of(row, to, body, settings), settings.mail_from, to)

    return send


def into_the_demo_mailbox(row: OutboxRow, to: list[str], body: Body) -> dict[str, str]:
    """Put the message where /demo/mailbox shows it; once a notice, even if it is said again."""
    with transaction() as session:
        if session.scalar(select(DemoMail.id).where(DemoMail.outbox_id == row.id)) is None:
            mail = DemoMail(
                outbox_id=row.id, to=", ".join(to), subject=body.subject, body=body.text, sent_at=clock.now()
            )
            session.add(mail)
    return {}
