"""What end-to-end testing has proven of a product, and where the entries of its tests stand."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select

from app.billing import states
from app.billing.model import BillingEntry
from app.engagements.model import Engagement
from app.engagements.states import COMPLETE
from app.foundation.database import db
from app.foundation.tenancy import as_tester, current, viewing

#: the states of an entry, in the order of its life
_LIFE = (states.SUBMITTED, states.IN_REVIEW, states.RATED, states.REJECTED, states.WITHDRAWN)


@dataclass(frozen=True)
class Proven:
    """Which steps at least one test engagement of the product has taken."""

    requested: bool = False
    approved: bool = False
    submitted: bool = False
    rated: bool = False
    completed: bool = False

    @property
    def everything(self) -> bool:
        return self.requested and self.approved and self.submitted and self.rated and self.completed


def proven(product_id: uuid.UUID) -> Proven:
    """For the viewer's own products, as partner or as operator; nothing is proven of what the viewer may not see."""
    test = select(Engagement.id).where(Engagement.product_id == product_id, Engagement.is_test)
    entry = (
        select(BillingEntry.id)
        .join(Engagement, Engagement.id == BillingEntry.engagement_id)
        .where(Engagement.product_id == product_id, BillingEntry.is_test)
    )
    steps = {
        "requested": test,
        "approved": test.where(Engagement.active_from.is_not(None)),
        "submitted": entry,
        "rated": entry.where(BillingEntry.state == states.RATED),
        "completed": test.where(Engagement.state == COMPLETE),
    }
    with viewing(as_tester(current())):
        row = db.session.execute(select(*(found.exists().label(step) for step, found in steps.items()))).one()
    return Proven(*(bool(reached) for reached in row))


def tests_and_entries(product_id: uuid.UUID) -> tuple[int, list[tuple[str, int]]]:
    """How many tests a product has had, and (state, entries in it) of them all, in the order of an entry's life."""
    found = (
        select(Engagement.id, BillingEntry.state)
        .outerjoin(BillingEntry, and_(BillingEntry.engagement_id == Engagement.id, BillingEntry.is_test))
        .where(Engagement.product_id == product_id, Engagement.is_test)
        .subquery()
    )
    tests = select(func.count(found.c.id.distinct())).scalar_subquery()
    with viewing(as_tester(current())):
        rows = db.session.execute(select(tests, found.c.state, func.count()).group_by(found.c.state)).all()
    counts = {state: count for _tests, state, count in rows if state is not None}
    return (rows[0][0] if rows else 0), [(state, counts[state]) for state in _LIFE if state in counts]


def entries_by_state(engagement_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, int]]]:
    """Engagement -> (state, entries in it), in the order of an entry's life."""
    if not engagement_ids:
        return {}
    with viewing(as_tester(current())):
        rows = db.session.execute(
            select(BillingEntry.engagement_id, BillingEntry.state, func.count())
            .where(BillingEntry.engagement_id.in_(engagement_ids), BillingEntry.is_test)
            .group_by(BillingEntry.engagement_id, BillingEntry.state)
        ).all()
    found: dict[uuid.UUID, list[tuple[str, int]]] = {}
    for engagement_id, state, count in sorted(rows, key=lambda row: _LIFE.index(row[1])):
        found.setdefault(engagement_id, []).append((state, count))
    return found
