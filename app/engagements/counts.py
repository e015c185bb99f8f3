"""How many engagements there are, by state, for pages that are about something else."""

import uuid

from sqlalchemy import func, or_, select

from app.engagements import states
from app.engagements.model import Engagement
from app.foundation.database import db


def current_of(organisation_id: uuid.UUID) -> dict[str, int]:
    """Current engagements that the organisation delivers or receives, by state, in the order of an engagement's life."""
    rows = db.session.execute(
        select(Engagement.state, func.count(Engagement.id))
        .where(
            Engagement.state.in_(states.CURRENT),
            or_(Engagement.partner_id == organisation_id, Engagement.customer_id == organisation_id),
        )
        .group_by(Engagement.state)
    )
    found = {row[0]: row[1] for row in rows}
    return {state: found[state] for state in states.CURRENT if state in found}
