"""The members of any organisation, as the operator sees them; other viewers find their own organisation's only."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from app.foundation.database import db
from app.foundation.refusals import NotVisible
from app.members import rules, states
from app.members.model import Invitation, Member, Membership


def members_of(organisation_id: uuid.UUID, limit: int = 500) -> Sequence[Row[*tuple[Any, ...]]]:
    """(membership id, capacity, roles, member_id, name, email, active, invited, second_factor, last_sign_in_at) by name."""
    return db.session.execute(
        select(
            Membership.id, Membership.capacity, Membership.roles, Membership.member_id,
            Member.name, Member.email, Member.active, Member.password.is_(None).label("invited"),
            Member.totp_confirmed_at.is_not(None).label("second_factor"), Member.last_sign_in_at,
        )
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.organisation_id == organisation_id)
        .order_by(Member.name, Membership.capacity)
        .limit(limit)
    ).all()  # fmt: skip


def member_of(organisation_id: uuid.UUID, membership_id: uuid.UUID) -> Row[*tuple[Any, ...]]:
    """(id, capacity, name, email, second_factor) of one member of the organisation; NotVisible where it is another's."""
    row = db.session.execute(
        select(
            Membership.id,
            Membership.capacity,
            Member.name,
            Member.email,
            Member.totp_confirmed_at.is_not(None).label("second_factor"),
        )
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.organisation_id == organisation_id, Membership.id == membership_id)
    ).one_or_none()
    if row is None:
        raise NotVisible
    return row


def invited_to(organisation_id: uuid.UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, capacity, roles, email, sent_at, invited_by_label) of the open invitations, the oldest mail first."""
    return db.session.execute(
        select(
            Invitation.id, Invitation.capacity, Invitation.roles, Invitation.email,
            Invitation.sent_at, Invitation.invited_by_label,
        )
        .where(Invitation.organisation_id == organisation_id, Invitation.state == states.OPEN)
        .order_by(Invitation.sent_at, Invitation.id)
        .limit(3 * rules.MOST_INVITATIONS)
    ).all()  # fmt: skip


def beside(page: Any) -> list[Any]:
    """members: how many people belong to each of a page's organisations, in whatever capacity; for page_of(beside=...)."""
    people = select(func.count(func.distinct(Membership.member_id))).where(Membership.organisation_id == page.id)
    return [people.scalar_subquery().label("members")]
