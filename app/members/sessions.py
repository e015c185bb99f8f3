"""Sessions: every sign-in is a row until it ends, so that a member sees where they are signed in and can end it from afar.

The browser holds a random token, the row its keyed fingerprint: whoever reads the table cannot sign in with it. A session
whose row is gone is signed out at its next request. Signing out, another password and a reset second factor take rows away.
"""

import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import delete, or_, select, update

from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.members import keys, rules
from app.members.model import Member, MemberSession

#: The row says when it was used last, true to this much: not every request writes.
SEEN_EVERY = timedelta(minutes=5)
#: The browser forgets its token after so long; the list leaves out what has not been used since.
LISTED_FOR = timedelta(hours=12)
#: How many are listed, newest first.
SHOWN = 20
#: Rows unused for so long are of no use to anybody.
KEPT = timedelta(days=90)

ENDED = history.declare(
    Event(
        "session_ended",
        N_("Session ended: %(device)s, from %(source)s"),
        fields=frozenset({"device", "source"}),
        icon="logout",
    )
)
OTHERS_ENDED = history.declare(
    Event("other_sessions_ended", N_("All other sessions ended: %(count)s"), fields=frozenset({"count"}), icon="logout")
)


def begin(member_id: uuid.UUID, *, user_agent: str | None, source: str) -> str:
    """Write a sign-in down. Returns the token for the browser: the only time it can be read."""
    token = secrets.token_urlsafe(32)
    with transaction() as session, acting_for_all("sign-in: nobody is known yet"):
        row = MemberSession(
            member_id=member_id,
            digest=digest_of(token),
            created_at=clock.now(),
            last_seen_at=clock.now(),
            device=rules.device_of(user_agent),
            source=source,
        )
        session.add(row)
    return token


def digest_of(token: str) -> str:
    return keys.fingerprint("session token", token)


def note_use(session_id: uuid.UUID) -> None:
    """It is used now; written down once in SEEN_EVERY, whoever asks how often. Safe to say again."""
    now = clock.now()
    with transaction() as session, acting_for_all("a session notes its own use"):
        session.execute(
            update(MemberSession)
            .where(MemberSession.id == session_id, MemberSession.last_seen_at <= now - SEEN_EVERY)
            .values(last_seen_at=now)
            .execution_options(synchronize_session=False)
        )


def sign_out(token: str) -> None:
    """The session of this token ends; nothing to say in History, the member did it there. Safe to say again."""
    with transaction() as session, acting_for_all("signing out"):
        session.execute(delete(MemberSession).where(MemberSession.digest == digest_of(token)))


def end(session_id: uuid.UUID, *, by: Viewer) -> Member:
    """End one of one's own sessions. NotVisible: somebody else's, or ended already."""
    with transaction() as session, acting_for_all("a member's own sessions"):
        member = one(Member, cast(uuid.UUID, by.member_id), lock=True)
        row = session.scalar(
            select(MemberSession).where(MemberSession.id == session_id, MemberSession.member_id == member.id)
        )
        if row is None:
            raise NotVisible
        history.record(member, ENDED, by=by, device=row.device, source=row.source)
        session.delete(row)
    return member


def end_others(present_id: uuid.UUID | None, *, by: Viewer) -> int:
    """End all of one's own sessions but the present one. Returns how many; none: nothing happened."""
    with transaction() as session, acting_for_all("a member's own sessions"):
        member = one(Member, cast(uuid.UUID, by.member_id), lock=True)
        others = select(MemberSession.id).where(MemberSession.member_id == member.id)
        if present_id is not None:
            others = others.where(MemberSession.id != present_id)
        ids = session.scalars(others).all()
        if ids:
            session.execute(delete(MemberSession).where(MemberSession.id.in_(ids)))
            history.record(member, OTHERS_ENDED, by=by, count=len(ids))
    return len(ids)


def end_all(member_id: uuid.UUID) -> None:
    """Inside the transaction that makes every session of the member worthless anyway: no row may outlive it."""
    db.session.execute(delete(MemberSession).where(MemberSession.member_id == member_id))


def own_sessions(present_id: uuid.UUID | None, *, by: Viewer) -> Sequence[Any]:
    """(id, created_at, last_seen_at, device, source) of the viewer's sessions that a browser can still hold, last used first."""
    alive = MemberSession.last_seen_at > clock.now() - LISTED_FOR
    found = (
        select(
            MemberSession.id, MemberSession.created_at, MemberSession.last_seen_at,
            MemberSession.device, MemberSession.source,
        )
        .where(MemberSession.member_id == by.member_id, or_(alive, MemberSession.id == present_id))
        .order_by(MemberSession.last_seen_at.desc(), MemberSession.id.desc())
        .limit(SHOWN)
    )  # fmt: skip
    with acting_for_all("a member's own sessions"):
        return db.session.execute(found).all()


def forget_old_sessions() -> int:
    """Delete sessions unused for longer than KEPT; returns how many. Safe to say again."""
    with transaction() as session, acting_for_all("old sessions are of no use"):
        gone: Any = session.execute(
            delete(MemberSession)
            .where(MemberSession.last_seen_at < clock.now() - KEPT)
            .execution_options(synchronize_session=False)
        )
        return int(gone.rowcount)
