"""One mail: to whom it goes, the message it becomes, and how it gets out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from zlib import crc32

from sqlalchemy import select

from app.config import Settings
from app.foundation import clock
from app.foundation.database import transaction
from app.foundation.outbox import OutboxRow
from app.members import keys
from app.members.queries import zone_of
from app.notices.addresses import refused_among
from app.notices.bodies import Body, render, render_together, type_named
from app.notices.model import DemoMail
from app.notices.preferences import Wish, wishes_of
from app.notices.readers import readers_of
from app.notices.smtp import Delayed, MailServer, RefusedForGood
from app.notices.types import is_about_account


class NobodyToTell(Exception):
    """The member has left, or nobody of the organisation holds the permission."""


@dataclass(frozen=True)
class Letter:
    """One mail: whom it goes to, what it says. `mark`: which of a notice's letters it is, "" where there is only one."""

    to: tuple[str, ...]
    body: Body
    mark: str = ""


class Way(Protocol):
    """How a letter gets out. Returns whom it was not taken for: {address: the server's word}."""

    def __call__(self, row: OutboxRow, letter: Letter) -> dict[str, str]: ...


def mailed_to(row: OutboxRow) -> dict[str, str]:
    """{e-mail address: zone of its reader} it is mailed to, as things are now. NobodyToTell when its audience is empty.

    Left out: members who do not want mail of this type, those whose address was refused for good, and those without the
    second factor that their organisation requires. None of it holds for what concerns their own account. So it may be empty:
    nobody is mailed, and nothing is wrong.
    """
    readers = readers_of(row)
    found = {reader.email: reader.zone for reader in readers}
    if row.audience == "address" and row.address:
        found = {row.address: zone_of(row.address)}
    if not found:
        raise NobodyToTell(f"nobody to tell: {row.audience} {row.address} {row.permission or ''}".strip())
    if row.audience == "address" or is_about_account(row.facts, row.subject_kind):
        return found
    wishes = wishes_of((reader.member_id for reader in readers), type_named(row.template))
    unwanted = {one.email for one in readers if one.shut_out or not wishes.get(one.member_id, Wish()).by_mail}
    refused = refused_among(found)
    return {email: zone for email, zone in found.items() if email not in unwanted and email.lower() not in refused}


def letters_of(rows: Sequence[OutboxRow], to: Mapping[str, str], settings: Settings) -> list[Letter]:
    """What is said to whom: one mail to all of them, unless it tells an instant and their clocks differ."""
    by_body: dict[Body, list[str]] = {}
    zones: dict[Body, str] = {}
    for zone in sorted(set(to.values())):
        body = _body_of(rows, settings, zone)
        zones.setdefault(body, zone)
        by_body.setdefault(body, []).extend(email for email, its in to.items() if its == zone)
    return [Letter(tuple(them), body, zones[body] if len(by_body) > 1 else "") for body, them in by_body.items()]


def send_each(row: OutboxRow, letters: Sequence[Letter], way: Way) -> dict[str, str]:
    """Whom they were not taken for: {address: word}, others having been served; as Way says it.

    Delayed or RefusedForGood when they were taken for nobody. One letter that fails does not keep the others back.
    """
    if len(letters) == 1:
        return way(row, letters[0])
    refused: dict[str, str] = {}
    troubles: list[Delayed | RefusedForGood] = []
    for letter in letters:
        try:
            refused |= way(row, letter)
        except (Delayed, RefusedForGood) as trouble:
            troubles.append(trouble)
            refused |= dict.fromkeys(letter.to, f"not sent: {trouble}")
            refused |= trouble.recipients if isinstance(trouble, RefusedForGood) else {}
    if letters and len(troubles) == len(letters):
        why = "; ".join(str(trouble) for trouble in troubles)
        lasting = [trouble for trouble in troubles if isinstance(trouble, RefusedForGood)]
        if len(lasting) == len(troubles):
            raise RefusedForGood(why, {who: word for no in lasting for who, word in no.recipients.items()})
        raise Delayed(why, server_is_away=any(isinstance(no, Delayed) and no.server_is_away for no in troubles))
    return refused


def _body_of(rows: Sequence[OutboxRow], settings: Settings, zone: str) -> Body:
    """What one mail says; of several rows, which are of one template, one mail that tells them all."""
    words = {"portal_name": settings.portal_name, "portal_url": settings.portal_url, "zone": zone}
    first = rows[0]
    if len(rows) == 1:
        return render(first.template, facts_of(first), **words)
    return render_together(first.template, [facts_of(row) for row in rows], **words)


def facts_of(row: OutboxRow) -> dict[str, Any]:
    """What the mail tells: the link that acts for its reader is opened here, at the last moment, and kept sealed until then."""
    if "path" not in row.facts:
        return row.facts
    return {**row.facts, "path": keys.opened_link(row.facts["path"], bound_to=row.subject_id)}


def message_of(row: OutboxRow, letter: Letter, settings: Settings) -> EmailMessage:
    """The mail. Its Message-ID comes from the notice and the letter, so that one that is sent twice can be recognised.

    It says that no person sent it, so that neither bounces nor absence notes are sent in answer by what keeps to
    RFC 3834; and nothing here reads mail, so that nothing here can answer one.
    """
    message = EmailMessage()
    message["Subject"] = letter.body.subject
    message["From"] = Address(settings.portal_name, addr_spec=settings.mail_from)
    message["To"] = ", ".join(letter.to)
    message["Date"] = format_datetime(clock.now())
    which = f".{crc32(letter.mark.encode()):08x}" if letter.mark else ""
    message["Message-ID"] = f"<{row.id}{which}@{urlsplit(settings.portal_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.body.text, cte="quoted-printable")  # passes servers that take seven bits only
    return message


def by_smtp(server: MailServer, settings: Settings) -> Way:
    def send(row: OutboxRow, letter: Letter) -> dict[str, str]:
        return server.send(message_of(row, letter, settings), settings.mail_from, letter.to)

    return send


def into_the_demo_mailbox(row: OutboxRow, letter: Letter) -> dict[str, str]:
    """Put the message where /demo/mailbox shows it; once a notice and letter, even if it is said again."""
    with transaction() as session:
        known = select(DemoMail.id).where(DemoMail.outbox_id == row.id, DemoMail.letter == letter.mark)
        if session.scalar(known) is None:
            mail = DemoMail(
                outbox_id=row.id,
                letter=letter.mark,
                to=", ".join(letter.to),
                subject=letter.body.subject,
                body=letter.body.text,
                sent_at=clock.now(),
            )
            session.add(mail)
    return {}
