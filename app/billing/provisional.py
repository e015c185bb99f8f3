"""What undecided entries would be rated at now: provisional amounts, and what a new entry will find before it."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from typing import Any

from sqlalchemy import select

from app.billing import rules
from app.billing.model import IS_UNDECIDED, BillingEntry, RatingGroup
from app.billing.rating import priced_metric, prices_for, terms_of
from app.billing.rules import Rated
from app.catalog.queries import PlanPrices
from app.engagements.model import Engagement
from app.engagements.shown import AnyEngagement
from app.foundation.among_few import among_few
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, streamed
from app.foundation.money import Money
from app.foundation.refusals import Refused

#: A month's entries wait for seconds; more than these are never waiting unless nothing rates at all.
MOST_UNDECIDED = 500

#: (metric id, service month)
Group = tuple[uuid.UUID, BillingMonth]

_UNDECIDED_COLUMNS = (
    BillingEntry.id,
    BillingEntry.metric_id,
    BillingEntry.service_month,
    BillingEntry.quantity,
    BillingEntry.submitted_at,
)


@dataclass(frozen=True)
class Provisional:
    """One undecided entry as it would be rated now, after everything submitted before it. `rated` None: refused."""

    entry_id: uuid.UUID
    metric_id: uuid.UUID
    month: BillingMonth
    quantity: Decimal
    rated: Rated | None

    @property
    def amount(self) -> Money | None:
        return self.rated.amount if self.rated else None


def provisional_ratings(engagement: AnyEngagement, prices: PlanPrices | None = None) -> dict[uuid.UUID, Provisional]:
    """Entry id -> how it would be rated now. Undecided entries only, in order of submission."""
    undecided = db.session.execute(
        select(*_UNDECIDED_COLUMNS)
        .where(among_few(BillingEntry.engagement_id, engagement.id), IS_UNDECIDED)
        .order_by(BillingEntry.submitted_at, BillingEntry.id)
        .limit(MOST_UNDECIDED)
    ).all()
    if not undecided:
        return {}
    reached = {(g.metric_id, g.service_month): g.quantity for g in groups_of(engagement.id)}
    return _in_order(engagement, undecided, reached, prices or prices_for(engagement))


def months_reached(
    engagements: Iterable[Engagement], prices: Mapping[uuid.UUID, PlanPrices]
) -> dict[uuid.UUID, dict[Group, Decimal]]:
    """Engagement id -> (metric, month) -> what the month will hold once everything submitted is rated.

    What quantity_before() answers, for many engagements in two statements. `prices` by plan id.
    """
    rows = {engagement.id: engagement for engagement in engagements}
    reached: dict[uuid.UUID, dict[Group, Decimal]] = {engagement_id: {} for engagement_id in rows}
    groups = select(RatingGroup.engagement_id, RatingGroup.metric_id, RatingGroup.service_month, RatingGroup.quantity)
    for group in db.session.execute(groups.where(RatingGroup.engagement_id.in_(rows))):
        reached[group.engagement_id][group.metric_id, group.service_month] = group.quantity
    waiting = (
        select(BillingEntry.engagement_id, *_UNDECIDED_COLUMNS)
        .where(BillingEntry.engagement_id.in_(rows), IS_UNDECIDED)
        .order_by(BillingEntry.engagement_id, BillingEntry.submitted_at, BillingEntry.id)
    )
    for engagement_id, undecided in groupby(streamed(waiting), key=lambda row: row.engagement_id):
        engagement = rows[engagement_id]
        first = islice(undecided, MOST_UNDECIDED)
        _in_order(engagement, first, reached[engagement_id], prices[engagement.plan_id])
    return reached


def _in_order(
    engagement: AnyEngagement, undecided: Iterable[Any], reached: dict[Group, Decimal], prices: PlanPrices
) -> dict[uuid.UUID, Provisional]:
    """Rates one entry after the other on top of `reached`, which moves along."""
    found: dict[uuid.UUID, Provisional] = {}
    for entry in undecided:
        group = (entry.metric_id, entry.service_month)
        ended_at = rules.end_that_counts(engagement.ended_at, entry.submitted_at)
        rated = _rated(engagement, ended_at, prices, group, reached.get(group, Decimal(0)), entry.quantity)
        found[entry.id] = Provisional(entry.id, *group, entry.quantity, rated)
        if rated:
            reached[group] = rated.after
    return found


def quantity_before(engagement: Engagement, metric_id: uuid.UUID, month: BillingMonth, prices: PlanPrices) -> Decimal:
    """What the month will hold once everything submitted is rated: what a new entry finds before it, most likely."""
    waiting = provisional_ratings(engagement, prices)
    reached = [p.rated.after for p in waiting.values() if p.rated and (p.metric_id, p.month) == (metric_id, month)]
    if reached:
        return reached[-1]
    rated: Decimal | None = db.session.scalar(
        select(RatingGroup.quantity).where(
            RatingGroup.engagement_id == engagement.id,
            RatingGroup.metric_id == metric_id,
            RatingGroup.service_month == month,
        )
    )
    return rated or Decimal(0)


def groups_of(engagement_id: uuid.UUID) -> Sequence[Any]:
    """(metric_id, service_month, quantity, amount_minor, entries) of what is rated; columns, so that nothing is stale."""
    return db.session.execute(
        select(
            RatingGroup.metric_id,
            RatingGroup.service_month,
            RatingGroup.quantity,
            RatingGroup.amount_minor,
            RatingGroup.entries,
        ).where(RatingGroup.engagement_id == engagement_id)
    ).all()


def _rated(
    engagement: AnyEngagement,
    ended_at: datetime | None,
    prices: PlanPrices,
    group: tuple[uuid.UUID, BillingMonth],
    before: Decimal,
    quantity: Decimal,
) -> Rated | None:
    metric_id, month = group
    try:
        rules.check_active(month, engagement.active_from, ended_at)
        return rules.rate(terms_of(priced_metric(prices, metric_id, month)), before, quantity)
    except Refused:
        return None
