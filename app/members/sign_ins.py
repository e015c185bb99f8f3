"""Signing in, in one step or two, and the mailed link that sets a password.

Nobody learns from an answer whether an e-mail belongs to a member: same sentence, same work, same time.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.foundation import clock, history, outbox
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.members import keys, passwords, rules, second_factor, sessions, tries
from app.members.model import Member, new_mark

WRONG = N_("E-mail or password is wrong.")

#: How long a link to set a password works: for whoever forgot theirs, and for an installation's first member.
RESET_LINK_FOR = timedelta(hours=1)
FIRST_LINK_FOR = timedelta(days=3)
_LINK = "password link"

PASSWORD_CHANGED = history.declare(Event("password_changed", N_("Password changed"), icon="password"))
PASSWORD_SET = history.declare(Event("password_set_by_link", N_("Password set by a mailed link"), icon="password"))


@dataclass(frozen=True)
class Passed:
    """The password was right. `mark` is the member's session mark then: a later change of it ends the second step too."""

    member_id: uuid.UUID
    mark: str
    needs_code: bool


def check_password(email: str, password: str, *, source: str) -> Passed:
    """The first step. Refused("password", one sentence for every cause); TooManyTries after five failures."""
    attempt_id = tries.open_try(email, source)
    with acting_for_all("sign-in: nobody is known yet"):
        member = db.session.scalar(select(Member).where(Member.email == rules.normal_email(email)))
        stored = member.password if member and member.active else None
        if not passwords.matches(stored, password) or member is None or stored is None:
            raise Refused("password", WRONG)
        passed = Passed(member.id, member.session_mark, member.has_second_factor)
        with transaction():
            if passwords.is_outdated(stored):
                one(Member, member.id, lock=True).password = passwords.hash_password(password)
            if passed.needs_code:
                tries.settle(attempt_id, tries.CODE_AWAITED)
            else:
                _signed_in(member.id, attempt_id)
    return passed


def check_code(member_id: uuid.UUID, mark: str, code: str, *, source: str) -> Passed:
    """The second step. NotVisible when the password was changed or the member left since the first."""
    with acting_for_all("sign-in: the second step"):
        member = one(Member, member_id)
        if not member.active or member.session_mark != mark:
            raise NotVisible
        attempt_id = tries.open_try(member.email, source)
        with transaction():
            if not second_factor.use_code(member_id, code):
                raise Refused("code", second_factor.WRONG_CODE)
            _signed_in(member_id, attempt_id)
    return Passed(member_id, mark, False)


def change_password(current: str, new: str, *, source: str, by: Viewer) -> str:
    """Set another password and end every session. Returns the new session mark, for the one that goes on."""
    assert by.member_id is not None, "only a signed-in member has a password"
    with acting_for_all("a member's own password"):
        member = one(Member, by.member_id)
        rules.check_password(new, email=member.email, name=member.name, field="new_password")
        tries.ask_again(member, current, source=source, field="current_password")
        hashed = passwords.hash_password(new)
        with transaction():
            member = one(Member, by.member_id, lock=True)
            member.password, member.session_mark = hashed, new_mark()
            sessions.end_all(member.id)
            history.record(member, PASSWORD_CHANGED, by=by)
    return member.session_mark


def ask_for_link(email: str, *, source: str) -> None:
    """Mail a link to the member of this e-mail, if there is one. The caller says the same sentence in any case."""
    if not tries.link_asked(email, source):
        return
    with transaction(), acting_for_all("a password link is asked for by nobody known"):
        member = db.session.scalar(select(Member).where(Member.email == rules.normal_email(email), Member.active))
        if member is not None:
            post_link(member, "reset_password", lasts=RESET_LINK_FOR)


def post_link(member: Member, template: str, *, lasts: timedelta, **facts: Any) -> None:
    """Put a link to set a password in the outbox, inside the caller's transaction. `facts`: what else the mail says."""
    path = keys.seal_link(f"/reset-password/{link_token(member, lasts=lasts)}", bound_to=member.id)
    link = {"path": path, "hours": int(lasts.total_seconds() // 3600)}
    outbox.post(
        outbox.Notice("member", str(member.id), template, {"name": member.name, **link, **facts}),
        subject_kind="member",
        subject_id=member.id,
    )


def link_token(member: Member, *, lasts: timedelta) -> str:
    """Signed, dated, and bound to the present password and sessions: using it, or any change of those, spends it."""
    until = int((clock.now() + lasts).timestamp())
    return keys.sign(_LINK, {"m": member.id.hex, "u": until, "f": _bound_to(member)})


def holder_of(token: str, *, lock: bool = False) -> Member:
    """The member whose password this link may set. NotVisible: expired, used, or not ours."""
    with acting_for_all("a password link proves who holds it"):
        try:
            content = keys.unsign(_LINK, token)
            member = one(Member, uuid.UUID(hex=content["m"]), lock=lock)
            fits = int(content["u"]) > clock.now().timestamp() and content["f"] == _bound_to(member) and member.active
        except (keys.Unreadable, KeyError, TypeError, ValueError) as wrong:
            raise NotVisible from wrong
    if not fits:
        raise NotVisible
    return member


def set_password_by_link(token: str, password: str, *, source: str) -> None:
    """Spend the link: the new password holds, every session ends, and earlier failures no longer count."""
    member = holder_of(token)
    rules.check_password(password, email=member.email, name=member.name)
    hashed = passwords.hash_password(password)
    with transaction(), acting_for_all("a password link proves who holds it"):
        member = holder_of(token, lock=True)
        member.password, member.session_mark = hashed, new_mark()
        sessions.end_all(member.id)
        by = Viewer("public", organisation_name="by a mailed link", member_id=member.id, member_name=member.name)
        history.record(member, PASSWORD_SET, by=by)
        tries.link_used(member.email, source)


def first_link(member: Member) -> str:
    """The path of a link for somebody who has no password yet: what `flask operator create` prints."""
    assert member.password is None, "a member with a password asks for a link by mail"
    return f"/reset-password/{link_token(member, lasts=FIRST_LINK_FOR)}"


def _bound_to(member: Member) -> str:
    return keys.fingerprint(_LINK, f"{member.password or ''}:{member.session_mark}")[:32]


def _signed_in(member_id: uuid.UUID, attempt_id: int) -> None:
    one(Member, member_id, lock=True).last_sign_in_at = clock.now()
    tries.settle(attempt_id, tries.SIGNED_IN)
