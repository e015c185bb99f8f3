"""One mail: to whom it goes, the message it becomes, and how it gets out."""

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import select

from app.config import Settings
from app.foundation import clock
from app.foundation.database import transaction
from app.foundation.outbox import OutboxRow
from app.members import keys
from app.notices.addresses import refused_among
from app.notices.bodies import Body, render, render_together, type_named
from app.notices.model import DemoMail
from app.notices.preferences import Wish, wishes_of
from app.notices.readers import readers_of
from app.notices.smtp import MailServer
from app.notices.types import is_about_account


class NobodyToTell(Exception):
    """The member has left, or nobody of the organisation holds the permission."""


class Way(Protocol):
    """How a message gets out. Returns whom it was not taken for: {address: the server's word}."""

    def __call__(self, row: OutboxRow, to: list[str], body: Body) -> dict[str, str]: ...


def addresses(row: OutboxRow) -> list[str]:
    """The e-mail addresses it is mailed to, as things are now. NobodyToTell when its audience is empty.

    Left out: members who do not want mail of this type, those whose address was refused for good, and those without the
    second factor that their organisation requires. None of it holds for what concerns their own account. So it may be empty:
    nobody is mailed, and nothing is wrong.
    """
    readers = readers_of(row)
    found = [row.address] if row.audience == "address" and row.address else [reader.email for reader in readers]
    if not found:
        raise NobodyToTell(f"nobody to tell: {row.audience} {row.address} {row.permission or ''}".strip())
    if row.audience == "address" or is_about_account(row.facts, row.subject_kind):
        return found
    wishes = wishes_of((reader.member_id for reader in readers), type_named(row.template))
    unwanted = {one.email for one in readers if one.shut_out or not wishes.get(one.member_id, Wish()).by_mail}
    refused = refused_among(found)
    return [email for email in found if email not in unwanted and email.lower() not in refused]


def body_of(rows: Sequence[OutboxRow], settings: Settings) -> Body:
    """What one mail says; of several rows, which are of one template, one mail that tells them all."""
    words = {"portal_name": settings.portal_name, "portal_url": settings.portal_url}
    first = rows[0]
    if len(rows) == 1:
        return render(first.template, facts_of(first), **words)
    return render_together(first.template, [facts_of(row) for row in rows], **words)


def facts_of(row: OutboxRow) -> dict[str, Any]:
    """What the mail tells: the link that acts for its reader is opened here, at the last moment, and kept sealed until then."""
    if "path" not in row.facts:
        return row.facts
    return {**row.facts, "path": keys.opened_link(row.facts["path"], bound_to=row.subject_id)}


def message_of(row: OutboxRow, to: list[str], body: Body, settings: Settings) -> EmailMessage:
    """The mail. Its Message-ID comes from the notice, so that one that is sent twice can be recognised.

    It says that no person sent it, so that neither bounces nor absence notes are sent in answer by what keeps to
    RFC 3834; and nothing here reads mail, so that nothing here can answer one.
    """
    message = EmailMessage()
    message["Subject"] = body.subject
    message["From"] = Address(settings.portal_name, addr_spec=settings.mail_from)
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{row.id}@{urlsplit(settings.portal_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
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
