"""Whoever was to begin a customer that a partner founded: what became of the invitation, and inviting anew while nobody has come.

The customer has nobody who could do so itself, and the partner no say over its members: it may see and send again what it sent, as
long as nobody has joined, and nothing else.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from app.foundation import clock
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.members import invitations, rules, states
from app.members.model import Invitation, Membership
from app.parties.model import Organisation


@dataclass(frozen=True)
class Awaited:
    """The newest invitation of a customer that nobody has joined."""

    invitation_id: uuid.UUID
    email: str
    sent_at: datetime
    #: open, declined, withdrawn or invitations.EXPIRED
    standing: str


def awaited(organisation_id: uuid.UUID, *, by: Viewer) -> Awaited | None:
    """None once anybody has joined, and where somebody else than `by`'s own people invited. One statement."""
    with acting_for_all("a partner looks after the invitation that it sent"):
        row = db.session.scalar(_sent(organisation_id, by))
    if row is None:
        return None
    expired = row.state == states.OPEN and rules.has_expired(row.sent_at, clock.now())
    return Awaited(row.id, row.email, row.sent_at, invitations.EXPIRED if expired else row.state)


def invite_anew(organisation_id: uuid.UUID, email: str, *, by: Viewer) -> Invitation:
    """The same person: mailed again, and its week begins anew. Another: the invitation before stops working.

    Whoever calls has asked whether `by` looks after this customer. NotVisible once somebody has joined.
    """
    email = rules.normal_email(email)
    with transaction(), acting_for_all("a partner looks after the invitation that it sent"):
        organisation = one(Organisation, organisation_id, lock=True)
        before = db.session.scalar(_sent(organisation_id, by).execution_options(populate_existing=True))
        if before is None:
            raise NotVisible
        before = one(Invitation, before.id, lock=True)
        if before.state == states.OPEN and before.email == email:
            invitations.mail_again(before, by=by, field="email")
            return before
        if before.state == states.OPEN:
            change_state(before, states.WITHDRAW, by=by, email=before.email)
        return invitations.invite_first_admin(
            organisation, email, name=before.name if before.email == email else "", by=by
        )


def _sent(organisation_id: uuid.UUID, by: Viewer) -> Select[Invitation]:
    nobody = ~select(Membership.id).where(Membership.organisation_id == organisation_id).exists()
    ours = select(Membership.member_id).where(
        Membership.organisation_id == by.organisation_id, Membership.capacity == "partner"
    )
    return (
        select(Invitation)
        .where(
            Invitation.organisation_id == organisation_id,
            Invitation.capacity == "customer",
            Invitation.invited_by_id.in_(ours),
            nobody,
        )
        .order_by(Invitation.sent_at.desc(), Invitation.id.desc())
        .limit(1)
    )
