"""What a reviewer needs to decide: what entries would be rated at this moment, against what is rated and nothing else.

Unlike provisional amounts, which assume that everything submitted earlier is rated first: an entry in review blocks nobody,
so it is rated against what its month holds when somebody says yes.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, func, or_, select

from app.billing import rules, states
from app.billing.explanations import Explanation
from app.billing.model import IS_IN_REVIEW, IS_UNDECIDED, BillingEntry, RatingGroup
from app.billing.queries import LIST_KEYS, QUEUE_COLUMNS
from app.billing.rating import priced_metric, terms_of
from app.catalog.model import Metric, MetricPrice, PriceVersion, Programme
from app.catalog.queries import prices_of, remuneration_of
from app.catalog.rules import draft_version_for, version_for
from app.engagements.model import Engagement
from app.engagements.queries import Customer, Partner
from app.foundation.bounded import Bounded, bounded
from app.foundation.database import db, one_of
from app.foundation.kept_statements import columns_of
from app.foundation.money import Money
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import acting_for_all, one

#: a queue's row and what its own page adds; the operator's, so the amounts are the programme's own terms
REVIEW_COLUMNS = (
    *QUEUE_COLUMNS,
    BillingEntry.reason,
    BillingEntry.rated_at,
    BillingEntry.rated_by_name,
    BillingEntry.programme_id,
    Engagement.active_from,
    Engagement.ended_at,
    Metric.name.label("metric_name"),
)


def reviewed(entry_id: uuid.UUID) -> Row[*tuple[Any, ...]]:
    """The entry with its names, in whatever state it is, or NotVisible."""
    row = reviewed_among([entry_id]).get(entry_id)
    if row is None:
        raise NotVisible
    return row


def reviewed_among(entry_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Row[*tuple[Any, ...]]]:
    """The same of many, oldest first; what this viewer may not see is left out."""
    rows = db.session.execute(
        select(*REVIEW_COLUMNS)
        .join(Engagement, Engagement.id == BillingEntry.engagement_id)
        .join(Metric, Metric.id == BillingEntry.metric_id)
        .join(Customer, Customer.id == BillingEntry.customer_id)
        .join(Partner, Partner.id == BillingEntry.partner_id)
        .where(BillingEntry.id.in_(list(entry_ids)))
        .order_by(*LIST_KEYS)
    )
    return {row.id: row for row in rows}


def amounts_now(entry_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Money | None]:
    """Entry -> what it would be rated at now, None where it would be refused. One statement, however many."""
    wanted = list(entry_ids)
    if not wanted:
        return {}
    with acting_for_all("terms and groups decide for every party"):
        rows = db.session.execute(_as_it_stands(), {"ids": wanted}).all()
    by_entry: dict[uuid.UUID, list[Any]] = {}
    for row in rows:
        by_entry.setdefault(row.id, []).append(row)
    return {entry_id: _amount(of_entry) for entry_id, of_entry in by_entry.items()}


@cache
def _as_it_stands() -> Select[*tuple[Any, ...]]:
    """Each entry beside what its month holds and the price versions that may count for it."""
    group = and_(
        RatingGroup.engagement_id == BillingEntry.engagement_id,
        RatingGroup.metric_id == BillingEntry.metric_id,
        RatingGroup.service_month == BillingEntry.service_month,
    )
    return (
        select(
            BillingEntry.id, BillingEntry.service_month, BillingEntry.quantity, BillingEntry.submitted_at, RatingGroup.quantity.label("before"),
            Engagement.active_from, Engagement.ended_at, Engagement.is_test, Metric, PriceVersion, MetricPrice,
        )
        .join(Engagement, Engagement.id == BillingEntry.engagement_id)
        .join(Metric, Metric.id == BillingEntry.metric_id)
        .outerjoin(RatingGroup, group)
        .outerjoin(PriceVersion, and_(PriceVersion.plan_id == Engagement.plan_id, or_(PriceVersion.approved_at.is_not(None), Engagement.is_test)))
        .outerjoin(MetricPrice, and_(MetricPrice.price_version_id == PriceVersion.id, MetricPrice.metric_id == Metric.id))
        .where(BillingEntry.id.in_(bindparam("ids", expanding=True)))
    )  # fmt: skip


def _amount(rows: Sequence[Any]) -> Money | None:
    """`rows`: one entry beside each price version of its plan that may count for it: approved, or any for a test."""
    first = rows[0]
    prices = {row.PriceVersion.id: row.MetricPrice for row in rows if row.PriceVersion}
    which = draft_version_for if first.is_test else version_for
    version = which([row.PriceVersion for row in rows if row.PriceVersion], first.service_month)
    price = prices.get(version.id) if version else None
    terms = rules.Terms(
        price.tariff if price else None,
        version.currency if version else "USD",
        first.Metric.approved or first.is_test,
        first.Metric.month_limit,
    )
    try:
        ended_at = rules.end_that_counts(first.ended_at, first.submitted_at)
        rules.check_active(first.service_month, first.active_from, ended_at)
        return rules.rate(terms, first.before or Decimal(0), first.quantity).amount
    except Refused:
        return None


@dataclass(frozen=True)
class Outlook:
    """An entry as it would be rated now: how the amount comes about, or why it would be refused."""

    explanation: Explanation | None
    refusal: Refused | None
    so_far: Money | None


def outlook(row: Any) -> Outlook:
    """For the decision on one entry; `row` as reviewed() gives it."""
    prices = prices_of(row.plan_id, drafts=row.is_test)
    with acting_for_all("terms and groups decide for every party"):
        programme = one(Programme, row.programme_id)
        group = db.session.scalar(
            select(RatingGroup).where(
                RatingGroup.engagement_id == row.engagement_id,
                RatingGroup.metric_id == row.metric_id,
                RatingGroup.service_month == row.service_month,
            )
        )
    try:
        priced = priced_metric(prices, row.metric_id, row.service_month)
        ended_at = rules.end_that_counts(row.ended_at, row.submitted_at)
        rules.check_active(row.service_month, row.active_from, ended_at)
        rated = rules.rate(terms_of(priced), group.quantity if group else Decimal(0), row.quantity)
    except Refused as no:
        return Outlook(None, no, None)
    assert priced.version is not None
    assert priced.tariff is not None
    remuneration = remuneration_of(programme)
    explained = Explanation(
        row.service_month, priced.metric, priced.version, priced.tariff, rated,
        remuneration.gross(rated.amount), remuneration.due(rated.amount), remuneration, True,
    )  # fmt: skip
    return Outlook(explained, None, Money.of_minor(group.amount_minor if group else 0, rated.amount.currency))


def partners_waiting() -> dict[uuid.UUID, str]:
    """Partners with undecided entries, for the queue's filter."""
    some = select(BillingEntry.partner_id).where(IS_UNDECIDED)
    rows = db.session.execute(
        select(Partner.id, Partner.name).where(Partner.id.in_(some)).order_by(Partner.name).limit(200)
    )
    return {row.id: row.name for row in rows}


@dataclass(frozen=True)
class QueueFigures:
    """Counts end at the bound and then say so with a plus sign; the oldest are exact."""

    in_review: Bounded
    oldest_in_review: datetime | None
    submitted: Bounded
    oldest_submitted: datetime | None


def queue_figures() -> QueueFigures:
    """Of what is undecided, as far as this viewer may see it; one statement, whatever the backlog."""
    [row] = columns_of(_queue_figures())
    return QueueFigures(Bounded(row[0]), row[1], Bounded(row[2]), row[3])


@cache
def _queue_figures() -> Select[*tuple[Any, ...]]:
    in_review = select(BillingEntry.submitted_at).where(IS_IN_REVIEW)
    submitted = select(BillingEntry.submitted_at).where(IS_UNDECIDED, one_of(BillingEntry.state, (states.SUBMITTED,)))
    few = [bounded(found.order_by(*LIST_KEYS)) for found in (in_review, submitted)]
    return select(
        *(select(pick).select_from(one).scalar_subquery() for one in few for pick in (func.count(), func.min(one.c[0])))
    )
