"""The second factor as an organisation's rule: required of everybody who acts for it, and reset for who has lost theirs.

Who has none acts for nobody that requires one: viewer_for() in queries.py gives them no organisation until it is set up.
"""

import uuid
from typing import cast

from sqlalchemy import delete, select

from app.foundation import history, outbox
from app.foundation.database import db, transaction
from app.foundation.history import Event
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.members import rules, sessions
from app.members.actions import MANAGE
from app.members.model import Member, Membership, RecoveryCode, new_mark
from app.parties import actions as parties
from app.parties.model import Organisation

FACTOR_RESET = history.declare(
    Event("second_factor_reset", N_("Second factor reset: %(reason)s"), fields=frozenset({"reason"}), icon="security")
)
MEMBERS_FACTOR_RESET = history.declare(
    Event(
        "members_second_factor_reset",
        N_("Second factor of %(member)s reset: %(reason)s"),
        fields=frozenset({"member", "reason"}),
        icon="security",
    )
)


def require_second_factor(organisation_id: uuid.UUID, *, required: bool, by: Viewer) -> Organisation:
    """Switch it on or off. Refuses to demand what the admin has not got; who switched it on would be the first shut out."""
    by.must(parties.SECURE)
    with transaction():
        if required and by.capacity != "system" and not _has_second_factor(by):
            raise Refused("required", N_("Set up your own second factor first: you would be shut out yourself."))
        return parties.require_second_factor(organisation_id, required=required, by=by)


def reset_second_factor(
    membership_id: uuid.UUID, *, reason: str, by: Viewer, organisation_id: uuid.UUID | None = None
) -> Member:
    """Take a lost second factor away, end every session and mail the member. Whose: rules.check_reset.

    `organisation_id`: the operator does it for a member of this organisation.
    """
    by.must(MANAGE)
    reason = reason.strip()
    if not reason:
        raise Refused("reason", N_("Say why; the member is told."))
    with transaction() as session, acting_for_all("a member's second factor belongs to no organisation"):
        membership = _membership_of(membership_id, organisation_id, by)
        member = one(Member, membership.member_id, lock=True)
        elsewhere = select(Membership.id).where(
            Membership.member_id == member.id, Membership.organisation_id != membership.organisation_id
        )
        rules.check_reset(
            own=member.id == by.member_id,
            has_one=member.has_second_factor,
            acts_elsewhere=session.scalar(elsewhere.limit(1)) is not None,
            by_operator=by.capacity in ("operator", "system"),
        )
        member.totp_secret = member.totp_confirmed_at = member.totp_last_step = None
        member.session_mark = new_mark()
        session.execute(delete(RecoveryCode).where(RecoveryCode.member_id == member.id))
        sessions.end_all(member.id)
        history.record(membership, MEMBERS_FACTOR_RESET, by=by, member=member.name, reason=reason)
        history.record(member, FACTOR_RESET, by=by, reason=reason)
        facts = {"name": member.name, "by": by.label, "reason": reason}
        told = outbox.Notice("member", str(member.id), "second_factor_reset", facts)
        outbox.post(told, subject_kind="member", subject_id=member.id)
    return member


def _membership_of(membership_id: uuid.UUID, organisation_id: uuid.UUID | None, by: Viewer) -> Membership:
    membership = one(Membership, membership_id)
    if organisation_id is None:
        fits = (membership.organisation_id, membership.capacity) == (by.organisation_id, by.capacity)
    else:
        fits = by.capacity in ("operator", "system") and membership.organisation_id == organisation_id
    if not fits:
        raise NotVisible
    return membership


def _has_second_factor(by: Viewer) -> bool:
    with acting_for_all("an admin's own second factor"):
        confirmed = select(Member.totp_confirmed_at).where(Member.id == cast(uuid.UUID, by.member_id))
        return db.session.scalar(confirmed) is not None
