"""Tries to prove who one is, counted in a table, so that the limit holds on every machine.

A try is written down as failed and committed before the password is looked at: what dies or races in between counts, and
two machines cannot both give the last try away. Success starts the e-mail's count anew; the network's address keeps its own.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from app.foundation import clock
from app.foundation.database import db, transaction, writing
from app.foundation.refusals import Refused
from app.foundation.tenancy import acting_for_all
from app.foundation.text import N_
from app.members import keys, passwords, rules
from app.members.model import Member, SignInAttempt

FAILED, THROTTLED, SIGNED_IN, CODE_AWAITED, LINK_ASKED, LINK_USED = (
    "failed",
    "throttled",
    "signed-in",
    "code-awaited",
    "link-asked",
    "link-used",
)
CONFIRMED = "confirmed"
SIGN_UP = "sign-up"

#: After these the e-mail's failures no longer count: whoever did it was the member.
_FRESH_START = (SIGNED_IN, LINK_USED, CONFIRMED)

#: How many links may be mailed to one e-mail within the window.
LINKS_PER_EMAIL = 3

#: How long tries are kept, for the member's own list and for looking into an attack.
KEPT_DAYS = 90


class TooManyTries(Exception):
    """Too many failures for this e-mail or from this address: 429, try again in `seconds`."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"again in {seconds} s")


def email_digest(email: str) -> str:
    return keys.fingerprint("sign-in e-mail", rules.normal_email(email))


def open_try(email: str, source: str) -> int:
    """Write a try down as failed and give its id for settle(). TooManyTries: nothing more may be tried yet."""
    assert not writing(), "a refusal would roll the count back"
    with acting_for_all("count tries to sign in, whoever it is"):
        digest = email_digest(email)
        _refuse_if_too_many(digest, source, own=None)
        attempt_id = _write(digest, source, FAILED)
        try:
            _refuse_if_too_many(digest, source, own=attempt_id)
        except TooManyTries:
            settle(attempt_id, THROTTLED)
            raise
    return attempt_id


def ask_again(member: Member, password: str, *, source: str, field: str = "password") -> None:
    """A signed-in member's password, asked before what weakens the account; tries count as those at sign-in do."""
    attempt_id = open_try(member.email, source)
    if not passwords.matches(member.password, password):
        raise Refused(field, N_("This is not your password."))
    settle(attempt_id, CONFIRMED)


def settle(attempt_id: int, outcome: str) -> None:
    """Say how the try ended, unless it failed."""
    with transaction() as session, acting_for_all("count tries to sign in, whoever it is"):
        session.execute(update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(outcome=outcome))


def link_asked(email: str, source: str) -> bool:
    """Write down that a link was asked for. False: this e-mail has been sent enough of them within the window."""
    return _mail_asked(email, source, LINK_ASKED)


def sign_up_asked(email: str, source: str) -> bool:
    """Write down that somebody wanted to sign up with this e-mail. False: it has been mailed enough within the window."""
    return _mail_asked(email, source, SIGN_UP)


def _mail_asked(email: str, source: str, what: str) -> bool:
    with acting_for_all("count links asked for, whoever it is"):
        digest = email_digest(email)
        sources = _instants(SignInAttempt.source == source, (what,), rules.TRIES_PER_SOURCE)
        wait = rules.seconds_to_wait(sources, clock.now(), rules.TRIES_PER_SOURCE)
        if wait:
            raise TooManyTries(wait)
        before = _instants(SignInAttempt.email_digest == digest, (what,), LINKS_PER_EMAIL)
        _write(digest, source, what)
        return rules.seconds_to_wait(before, clock.now(), LINKS_PER_EMAIL) == 0


def link_used(email: str, source: str) -> None:
    with acting_for_all("the link proves who it is"):
        _write(email_digest(email), source, LINK_USED)


def forget_old_tries() -> int:
    """Delete tries older than KEPT_DAYS; returns how many. Safe to say again."""
    with transaction() as session, acting_for_all("old tries are of no use"):
        gone: Any = session.execute(
            delete(SignInAttempt).where(SignInAttempt.at < clock.now() - timedelta(days=KEPT_DAYS))
        )
        return int(gone.rowcount)


def _write(digest: str, source: str, outcome: str) -> int:
    with transaction() as session:
        attempt = SignInAttempt(email_digest=digest, source=source, at=clock.now(), outcome=outcome)
        session.add(attempt)
        session.flush()
        return attempt.id


def _refuse_if_too_many(digest: str, source: str, own: int | None) -> None:
    now = clock.now()
    failed = _failures_since_success(digest, own)
    from_source = _instants(SignInAttempt.source == source, (FAILED,), rules.TRIES_PER_SOURCE + 1, own)
    wait = max(
        rules.seconds_to_wait(failed, now, rules.TRIES_PER_EMAIL),
        rules.seconds_to_wait(from_source, now, rules.TRIES_PER_SOURCE),
    )
    if wait:
        raise TooManyTries(wait)


def _failures_since_success(digest: str, own: int | None) -> list[datetime]:
    outcomes = (FAILED, *_FRESH_START)
    recent = _recent(SignInAttempt.email_digest == digest, outcomes, rules.TRIES_PER_EMAIL + 1, own)
    failed: list[datetime] = []
    for at, outcome in recent:
        if outcome != FAILED:
            break
        failed.append(at)
    return failed


def _instants(
    whose: ColumnElement[bool], outcomes: tuple[str, ...], most: int, own: int | None = None
) -> list[datetime]:
    return [at for at, _ in _recent(whose, outcomes, most, own)]


def _recent(whose: ColumnElement[bool], outcomes: tuple[str, ...], most: int, own: int | None) -> Sequence[Any]:
    """(instant, outcome) within the window, newest first.

    Another machine's clock may run ahead by a little; what lies further ahead was tried before a demo's clock was moved
    back, and must not keep the member out until the clock gets there again.
    """
    now = clock.now()
    found = (
        select(SignInAttempt.at, SignInAttempt.outcome)
        .where(whose, SignInAttempt.outcome.in_(outcomes))
        .where(SignInAttempt.at > now - rules.TRIES_WINDOW, SignInAttempt.at < now + rules.CLOCKS_APART)
        .order_by(SignInAttempt.at.desc(), SignInAttempt.id.desc())
        .limit(most)
    )
    if own is not None:
        found = found.where(SignInAttempt.id != own)
    return db.session.execute(found).all()
