"""The members of any organisation, as the operator sees them; other viewers find their own organisation's only."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, func, select

from app.foundation.database import db
from app.members.model import Member, Membership


def members_of(organisation_id: uuid.UUID, limit: int = 500) -> Sequence[Row[*tuple[Any, ...]]]:
    """(membership id, capacity, roles, name, email, active, invited, last_sign_in_at) by name."""
    return db.session.execute(
        select(
            Membership.id, Membership.capacity, Membership.roles, Member.name, Member.email, Member.active,
            Member.password.is_(None).label("invited"), Member.last_sign_in_at,
        )
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.organisation_id == organisation_id)
        .order_by(Member.name, Membership.capacity)
        .limit(limit)
    ).all()  # fmt: skip


def counts_of(organisation_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Organisation -> how many people belong to it, in whatever capacity."""
    wanted = list(organisation_ids)
    if not wanted:
        return {}
    rows = db.session.execute(
        select(Membership.organisation_id, func.count(func.distinct(Membership.member_id)).label("members"))
        .where(Membership.organisation_id.in_(wanted))
        .group_by(Membership.organisation_id)
    )
    return {row.organisation_id: row.members for row in rows}
