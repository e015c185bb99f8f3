"""What the Billing entries tab of an engagement stands on, in one statement, as many rows as it has metrics and months."""

import uuid
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Uuid, and_, bindparam, exists, select

from app.billing import states
from app.billing.model import IS_UNDECIDED, BillingEntry, Correction, RatingGroup
from app.catalog.model import Metric
from app.engagements.model import Engagement
from app.foundation.database import one_of
from app.foundation.kept_statements import columns_of

_ENGAGEMENT = bindparam("engagement_id", type_=Uuid())


def _has(model: Any, *conditions: Any) -> Any:
    return exists(select(model.id).where(model.engagement_id == _ENGAGEMENT, *conditions))


_GROUND = (
    select(
        Metric.id,
        Metric.name,
        Metric.unit,
        RatingGroup.service_month,
        RatingGroup.quantity,
        RatingGroup.amount_minor,
        RatingGroup.entries,
        _has(BillingEntry, IS_UNDECIDED).label("undecided"),
        _has(BillingEntry, BillingEntry.corrects_id.is_not(None)).label("corrected"),
        _has(Correction, one_of(Correction.state, (states.REQUESTED,))).label("corrections_wait"),
    )
    .outerjoin(RatingGroup, and_(RatingGroup.metric_id == Metric.id, RatingGroup.engagement_id == _ENGAGEMENT))
    .where(Metric.plan_id == bindparam("plan_id", type_=Uuid()))
    .order_by(Metric.position, RatingGroup.service_month)
)


class MetricShown(NamedTuple):
    id: uuid.UUID
    name: str
    unit: str


@dataclass(frozen=True)
class Ground:
    """`groups`: (metric_id, service_month, quantity, amount_minor, entries), for month_totals()."""

    #: the plan's, in their order
    metrics: tuple[MetricShown, ...]
    groups: tuple[Any, ...]
    #: whether there is any entry that is not decided yet, any row of a correction, any correction that waits
    undecided: bool
    corrected: bool
    corrections_wait: bool


def ground_of(engagement: Engagement) -> Ground:
    rows = columns_of(_GROUND, {"engagement_id": engagement.id, "plan_id": engagement.plan_id})
    metrics = {row.id: MetricShown(row.id, row.name, row.unit) for row in rows}
    of_any = rows[0]  # no plan is without a metric
    return Ground(
        tuple(metrics.values()),
        tuple(row for row in rows if row.service_month is not None),
        of_any.undecided,
        of_any.corrected,
        of_any.corrections_wait,
    )
