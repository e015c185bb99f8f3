"""Sign-up: a customer who is new here makes an organisation and its first admin, once a mailed link has proven the e-mail.

Before that nothing comes into being and nobody learns anything: the same sentence, the same work, whether the e-mail has an
account or the organisation's name stands already. The link asks for the password again, so that nobody can be made to
confirm an account whose password somebody else has chosen.
"""

import uuid
from typing import Any

from sqlalchemy import delete, select

from app.foundation import clock, outbox
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.members import actions, keys, passwords, rules, tries
from app.members.model import Member, SignUp
from app.members.roles import CUSTOMER_ADMIN, CUSTOMER_MEMBER
from app.members.sign_ins import Passed
from app.parties.actions import checked_name, found_customer

_LINK = "sign-up link"
#: what the founder of a customer may do there
FOUNDERS_ROLES = (CUSTOMER_ADMIN, CUSTOMER_MEMBER)


def ask(organisation_name: str, name: str, email: str, password: str, *, source: str) -> None:
    """Mail a link that confirms the e-mail; to who has an account, that they have one. The caller says the same in any case.

    Refuses only what its own shape forbids. TooManyTries after too many from one address of the network.
    """
    organisation_name, name, email = (
        checked_name(organisation_name),
        actions.checked_name(name),
        rules.normal_email(email),
    )
    rules.check_password(password, email=email, name=name)
    mailed_rarely_enough = tries.sign_up_asked(email, source)
    hashed = passwords.hash_password(password)  # whether it is needed or not: the time it takes tells nothing
    if not mailed_rarely_enough:
        return
    with transaction() as session, acting_for_all("a sign-up comes from nobody known"):
        known = session.scalar(select(Member.id).where(Member.email == email))
        if known is not None:
            outbox.post(outbox.Notice("address", email, "sign_up_known"), subject_kind="member", subject_id=known)
            return
        wish = SignUp(organisation_name=organisation_name, name=name, email=email, password=hashed, at=clock.now())
        session.add(wish)
        session.flush()
        # nothing that was typed: anybody may sign anybody up, and would write to them under our name
        facts: dict[str, Any] = {
            "path": keys.seal_link(f"/sign-up/{link_token(wish)}", bound_to=wish.id),
            "hours": int(rules.SIGN_UP_FOR.total_seconds() // 3600),
        }
        outbox.post(
            outbox.Notice("address", email, "confirm_sign_up", facts), subject_kind="sign_up", subject_id=wish.id
        )


def holder_of(token: str, *, lock: bool = False) -> SignUp:
    """The sign-up that this link confirms. NotVisible: none of ours, or too old. AlreadyDone: it was used."""
    with acting_for_all("a sign-up's link proves who holds it"):
        try:
            wish = one(SignUp, uuid.UUID(hex=keys.unsign(_LINK, token)["s"]), lock=lock)
        except (keys.Unreadable, KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise NotVisible from wrong
    if wish.confirmed_at is not None:
        raise AlreadyDone("confirmed", "confirm")
    if clock.now() >= wish.at + rules.SIGN_UP_FOR:
        raise NotVisible
    return wish


def confirm(token: str, organisation_name: str, password: str, *, source: str) -> Passed:
    """The organisation, its first admin and their membership, all or nothing. Returns what a session is opened with.

    Refuses a name that stands (on `organisation`: choose another), a wrong password (counted as at sign-in), and an e-mail
    that has got an account meanwhile.
    """
    organisation_name = checked_name(organisation_name, field="organisation")
    attempt = tries.open_try(holder_of(token).email, source)
    if not passwords.matches(holder_of(token).password, password):
        raise Refused("password", N_("This is not the password you chose when you signed up."))
    tries.settle(attempt, tries.CONFIRMED)
    with transaction(), acting_for_all("a sign-up's link proves who holds it"):
        wish = holder_of(token, lock=True)
        if db.session.scalar(select(Member.id).where(Member.email == wish.email)) is not None:
            raise Refused("password", N_("You have got an account meanwhile. Sign in with it."))
        by = Viewer("public", organisation_name="signing up", member_name=wish.name)
        organisation = found_customer(organisation_name, by=by, field="organisation")
        member = actions.add_account(wish.name, wish.email, wish.password, zone=organisation.zone, by=by)
        actions.admit(member, organisation, "customer", FOUNDERS_ROLES, by=by)
        member.last_sign_in_at = wish.confirmed_at = clock.now()
    return Passed(member.id, member.session_mark, False)


def link_token(wish: SignUp) -> str:
    return keys.sign(_LINK, {"s": wish.id.hex})


def forget_old_sign_ups() -> int:
    """Delete sign-ups whose link has expired or was used; returns how many. Safe to say again."""
    with transaction() as session, acting_for_all("an old sign-up is of no use"):
        gone: Any = session.execute(
            delete(SignUp)
            .where(SignUp.at < clock.now() - 2 * rules.SIGN_UP_FOR)
            .execution_options(synchronize_session=False)
        )
        return int(gone.rowcount)
