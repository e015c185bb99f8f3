"""E-mail addresses that a mail server refused for good: marked, mailed no more, confirmed by their member.

"550 no such mailbox" says something about the address. A 5xx about us (authentication, 5.7.x policy) says nothing about it
and marks nobody, or one wrong setting would silence everybody. What concerns the account itself (a password link) is sent
all the same: it is asked for, and using it is what proves the address.
"""

import re
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, outbox
from app.foundation.database import at_most, db, transaction
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.members import keys
from app.members.model import Member
from app.notices.model import RefusedAddress

_ABOUT_US = re.compile(r"53[0-9]\b|5[0-9][0-9][ -]5\.7\.")
_LINK = "address link"
LINK_FOR = timedelta(days=3)
#: where members read it of their own address, and confirm it
PREFERENCES = "/account/notices"


def is_about_the_address(word: str) -> bool:
    """Whether the server's word refuses the address for good: '550 no such mailbox' yes, '550 5.7.1 relaying denied' no."""
    return word.startswith("5") and not _ABOUT_US.match(word)


def note_refused(email: str, word: str) -> None:
    """Mark the address with the server's word, inside the caller's transaction; the newest word counts."""
    email = email.strip().lower()
    wanted = select(RefusedAddress).where(RefusedAddress.email == email).with_for_update()
    with transaction() as session:
        row = session.scalar(wanted)
        if row is None:
            try:
                with session.begin_nested():
                    session.add(RefusedAddress(email=email, word=word[:1000], refused_at=clock.now()))
                return
            except IntegrityError:  # another sender heard the same in this moment
                row = session.scalars(wanted).one()
        row.word, row.refused_at = word[:1000], clock.now()


def mail_again(emails: Iterable[str], *, refused_since: datetime) -> None:
    """Take the marks off that were set since then, inside the caller's transaction."""
    wanted = {email.lower() for email in emails}
    marks = delete(RefusedAddress).where(RefusedAddress.email.in_(wanted), RefusedAddress.refused_at >= refused_since)
    with transaction() as session:
        session.execute(marks.execution_options(synchronize_session=False))


def own_refusal(viewer: Viewer) -> tuple[str, Any] | None:
    """(path, scalar subquery) for the shell's counts: 1 where mail to the viewer's own address was refused for good."""
    if viewer.member_id is None or viewer.capacity not in ("partner", "customer", "operator"):
        return None
    own = select(Member.email).where(Member.id == viewer.member_id).scalar_subquery()
    mark = select(RefusedAddress.id).where(RefusedAddress.email == own).limit(at_most(1)).subquery()
    return PREFERENCES, select(func.count()).select_from(mark).scalar_subquery()


def refused_among(emails: Iterable[str]) -> dict[str, RefusedAddress]:
    """Those of the addresses that are marked, by address in lower case. The caller may see the addresses it asks about."""
    wanted = {email.lower() for email in emails}
    if not wanted:
        return {}
    with acting_for_all("whether an address the caller knows is mailed"):
        rows = db.session.scalars(select(RefusedAddress).where(RefusedAddress.email.in_(wanted)))
        return {row.email: row for row in rows}


def beside_refusals(found: Select[*tuple[Any, ...]], email: Any) -> Select[*tuple[Any, ...]]:
    """The rows with `refused_word` beside each: what the server said of its address, None where it is mailed."""
    refused = RefusedAddress.email == email
    return found.outerjoin(RefusedAddress, refused).add_columns(RefusedAddress.word.label("refused_word"))


def ask_to_confirm(*, by: Viewer) -> None:
    """Mail the member's own address a link that proves it works; at most one waits to be sent at a time."""
    with transaction(), acting_for_all("a member's own address"):
        member = one(Member, _own_id(by), lock=True)
        waits = select(outbox.OutboxRow.id).where(
            outbox.OutboxRow.subject_id == member.id,
            outbox.OutboxRow.template == "confirm_address",
            outbox.OutboxRow.sent_at.is_(None),
            outbox.OutboxRow.failed_at.is_(None),
        )
        if not refused_among([member.email]) or db.session.scalar(waits.limit(1)):
            return
        until = int((clock.now() + LINK_FOR).timestamp())
        token = keys.sign(_LINK, {"m": member.id.hex, "e": member.email, "u": until})
        outbox.post(
            outbox.Notice(
                "member",
                str(member.id),
                "confirm_address",
                {"name": member.name, "path": keys.seal_link(f"/account/notices/confirm/{token}", bound_to=member.id)},
            ),
            subject_kind="member",
            subject_id=member.id,
        )


def address_of(token: str, *, by: Viewer) -> str:
    """The address this link proves. NotVisible: expired, another member's, not ours, or the address is another one by now."""
    with acting_for_all("a member's own address"):
        member = one(Member, _own_id(by))
    try:
        content = keys.unsign(_LINK, token)
        fits = int(content["u"]) > clock.now().timestamp() and content["e"] == member.email
        if fits and uuid.UUID(hex=content["m"]) == member.id:
            return member.email
    except (keys.Unreadable, KeyError, TypeError, ValueError) as wrong:
        raise NotVisible from wrong
    raise NotVisible


def confirm(token: str, *, by: Viewer) -> None:
    """The address works: it is mailed again. Confirmed twice it is confirmed once."""
    email = address_of(token, by=by)
    with transaction() as session, acting_for_all("a member's own address"):
        session.execute(delete(RefusedAddress).where(RefusedAddress.email == email))


def _own_id(by: Viewer) -> uuid.UUID:
    if by.member_id is None:
        raise NotVisible
    return by.member_id
