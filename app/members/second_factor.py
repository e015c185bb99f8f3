"""The second factor: six digits from an authenticator (TOTP, RFC 6238), or one of ten recovery codes.

A code counts once: the 30-second step of the last one is kept, and an older or the same step is refused. What is stored is
of no use by itself: the secret is encrypted and bound to its member, recovery codes are keyed fingerprints.
"""

import hmac
import re
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime

import pyotp
from sqlalchemy import delete, update

from app.foundation import clock, history
from app.foundation.database import transaction
from app.foundation.history import Event
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.members import keys, tries
from app.members.model import Member, RecoveryCode

STEP_SECONDS = 30
#: How far a telephone's clock may be off: one step before and one after.
STEPS_OFF = 1
RECOVERY_CODES = 10
#: Without 0, O, 1, I and L, which people mistake for each other; ten of these are 49 bits.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_SIX_DIGITS = re.compile(r"[0-9]{6}")

SWITCHED_ON = history.declare(Event("second_factor_switched_on", N_("Second factor switched on"), icon="security"))
SWITCHED_OFF = history.declare(Event("second_factor_switched_off", N_("Second factor switched off"), icon="security"))
CODES_RENEWED = history.declare(Event("recovery_codes_renewed", N_("New recovery codes made"), icon="renew"))
CODE_USED = history.declare(
    Event(
        "recovery_code_used",
        N_("Signed in with a recovery code; %(left)s left"),
        fields=frozenset({"left"}),
        icon="security",
    )
)

WRONG_CODE = N_("This code is wrong or has been used. Enter the one your authenticator shows now.")


def matching_step(secret: str, code: str, now: datetime, last_step: int | None) -> int | None:
    """The step that `code` belongs to, within one step of `now` and later than `last_step`; else None.

    At 12:00:10 the codes of 11:59:30, 12:00:00 and 12:00:30 fit.
    """
    digits = code.replace(" ", "")
    if not _SIX_DIGITS.fullmatch(digits):
        return None
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    here = int(now.timestamp()) // STEP_SECONDS
    for step in range(here - STEPS_OFF, here + STEPS_OFF + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits) and (last_step is None or step > last_step):
            return step
    return None


def begin(*, by: Viewer) -> str:
    """Make a new secret that waits for its first code. Returns it, for the QR code. AlreadyDone while one is in use."""
    with transaction(), acting_for_all("a member's own second factor"):
        member = one(Member, _own_id(by), lock=True)
        if member.has_second_factor:
            raise AlreadyDone("on", "switch on")
        secret = pyotp.random_base32()
        member.totp_secret, member.totp_last_step = keys.seal(secret, bound_to=member.id), None
    return secret


def confirm(code: str, *, by: Viewer) -> list[str]:
    """Switch on with the first code. Returns the recovery codes: the only time they can be read."""
    with transaction(), acting_for_all("a member's own second factor"):
        member = one(Member, _own_id(by), lock=True)
        if member.has_second_factor or member.totp_secret is None:
            raise AlreadyDone("on" if member.has_second_factor else "off", "switch on")
        step = matching_step(_secret_of(member), code, clock.of_the_machine(), None)
        if step is None:
            raise Refused(
                "code",
                N_("This code does not fit. Check that the clock of your telephone is right and enter the next one."),
            )
        member.totp_confirmed_at, member.totp_last_step = clock.now(), step
        history.record(member, SWITCHED_ON, by=by)
        return _replace_codes(member.id)


def switch_off(password: str, *, source: str, by: Viewer) -> None:
    """Without the second factor the password alone protects, so it is asked for. Safe to say again."""
    with acting_for_all("a member's own second factor"):
        tries.ask_again(one(Member, _own_id(by)), password, source=source)
        with transaction() as session:
            member = one(Member, _own_id(by), lock=True)
            if not member.has_second_factor:
                return
            member.totp_secret = member.totp_confirmed_at = member.totp_last_step = None
            session.execute(delete(RecoveryCode).where(RecoveryCode.member_id == member.id))
            history.record(member, SWITCHED_OFF, by=by)


def renew_codes(password: str, *, source: str, by: Viewer) -> list[str]:
    """Ten new recovery codes; the old ones no longer count."""
    with acting_for_all("a member's own second factor"):
        tries.ask_again(one(Member, _own_id(by)), password, source=source)
        with transaction():
            member = one(Member, _own_id(by), lock=True)
            if not member.has_second_factor:
                raise AlreadyDone("off", "renew the recovery codes")
            history.record(member, CODES_RENEWED, by=by)
            return _replace_codes(member.id)


def use_code(member_id: uuid.UUID, code: str) -> bool:
    """Spend an authenticator's code or a recovery code, inside the caller's transaction. False: it is none, or was used."""
    member = one(Member, member_id, lock=True)
    if member.totp_secret is None or not member.has_second_factor:
        return False
    try:
        step = matching_step(_secret_of(member), code, clock.of_the_machine(), member.totp_last_step)
    except keys.Unreadable:
        step = None  # another SECRET_KEY: neither kind of code can fit any more
    if step is not None:
        member.totp_last_step = step
        return True
    return _use_recovery_code(member, code)


def secret_to_show(*, by: Viewer) -> str | None:
    """The secret while it waits for its first code, for the QR code; afterwards nobody is shown it again."""
    with acting_for_all("a member's own second factor"):
        member = one(Member, _own_id(by))
    return None if member.has_second_factor or member.totp_secret is None else _secret_of(member)


def _secret_of(member: Member) -> str:
    return keys.unseal(member.totp_secret or "", bound_to=member.id)


def address_for_authenticator(secret: str, *, email: str, issuer: str) -> str:
    """The otpauth:// address that stands in the QR code."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=issuer)


def _use_recovery_code(member: Member, code: str) -> bool:
    with transaction() as session:
        spent = session.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.member_id == member.id,
                RecoveryCode.digest == _digest(member.id, code),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=clock.now())
            .execution_options(synchronize_session=False)
        )
        if spent.rowcount != 1:  # type: ignore[attr-defined]
            return False
        from app.members.queries import recovery_codes_left

        by = Viewer("public", organisation_name="signing in", member_id=member.id, member_name=member.name)
        history.record(member, CODE_USED, by=by, left=recovery_codes_left(member.id))
        return True


def _replace_codes(member_id: uuid.UUID) -> list[str]:
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    with transaction() as session:
        session.execute(delete(RecoveryCode).where(RecoveryCode.member_id == member_id))
        session.add_all(_kept(member_id, codes))
        session.flush()
    return codes


def _kept(member_id: uuid.UUID, codes: Sequence[str]) -> list[RecoveryCode]:
    return [RecoveryCode(member_id=member_id, digest=_digest(member_id, code)) for code in codes]


def _new_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def _digest(member_id: uuid.UUID, code: str) -> str:
    letters = "".join(character for character in code.upper() if character.isalnum())
    return keys.fingerprint("recovery code", f"{member_id.hex}:{letters}")


def _own_id(by: Viewer) -> uuid.UUID:
    assert by.member_id is not None, "only a signed-in member has a second factor"
    return by.member_id
