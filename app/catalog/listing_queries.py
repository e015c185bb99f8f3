"""What a partner's listing screens read: its own products only, whatever else of others is published."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, or_, select

from app.catalog import states
from app.catalog.model import (
    CustomParameter,
    Evidence,
    ListingReview,
    Metric,
    MetricPrice,
    Plan,
    PriceVersion,
    Product,
)
from app.catalog.queries import product_with_plans
from app.catalog.rules import version_for
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, one


def own_product(product_id: uuid.UUID, *, by: Viewer, lock: bool = False) -> Product:
    """The partner's own product, in any state. NotVisible for anybody else's, published or not."""
    product = one(Product, product_id, lock=lock)
    if product.partner_id != by.organisation_id:
        raise NotVisible
    return product


def own_listing(product_id: uuid.UUID, *, by: Viewer) -> Product:
    """The same with its parameters, plans, metrics and price versions, as they stand now."""
    own_product(product_id, by=by)
    return product_with_plans(product_id)


def plan_in(product: Product, plan_id: uuid.UUID) -> Plan:
    """One of the plans that were read with their product."""
    found = next((plan for plan in product.plans if plan.id == plan_id), None)
    if found is None:
        raise NotVisible
    return found


def metric_in(plan: Plan, metric_id: uuid.UUID) -> Metric:
    found = next((metric for metric in plan.metrics if metric.id == metric_id), None)
    if found is None:
        raise NotVisible
    return found


def parameter_in(product: Product, parameter_id: uuid.UUID) -> CustomParameter:
    found = next((parameter for parameter in product.parameters if parameter.id == parameter_id), None)
    if found is None:
        raise NotVisible
    return found


def open_version(plan: Plan) -> PriceVersion | None:
    """The edition that is being written or waits for its approval; there is at most one."""
    return next((version for version in plan.price_versions if version.state != states.APPROVED), None)


def newest_approved(plan: Plan) -> PriceVersion | None:
    """The approved edition that counts last, whether its month has come or not."""
    approved = [version for version in plan.price_versions if version.state == states.APPROVED]
    return max(approved, key=lambda version: (version.effective_from, version.number), default=None)


@dataclass(frozen=True)
class PlanStanding:
    """Where one plan stands: the edition in force, those that are coming, and the one that is open."""

    plan: Plan
    in_force: PriceVersion | None
    coming: Sequence[PriceVersion]
    open: PriceVersion | None

    @property
    def is_new(self) -> bool:
        """No edition of it was ever approved: its metrics are still the partner's own."""
        return self.in_force is None and not self.coming

    def is_own(self, metric: Metric) -> bool:
        """Nobody has approved it: what it counts may still be written, or it may be removed."""
        approved = (self.in_force, *self.coming)
        return not metric.approved and all(price_in(version, metric) is None for version in approved)


def standing_of(plan: Plan, month: BillingMonth) -> PlanStanding:
    approved = [version for version in plan.price_versions if version.state == states.APPROVED]
    coming = sorted(
        (version for version in approved if version.effective_from > month),
        key=lambda version: (version.effective_from, version.number),
    )
    return PlanStanding(plan, version_for(approved, month), coming, open_version(plan))


def price_in(version: PriceVersion | None, metric: Metric) -> MetricPrice | None:
    prices = version.prices if version is not None else []
    return next((price for price in prices if price.metric_id == metric.id), None)


def evidence_now(product_id: uuid.UUID) -> Sequence[Evidence]:
    """The files that count now, without their bytes."""
    return db.session.scalars(
        select(Evidence)
        .where(Evidence.product_id == product_id, Evidence.replaced_at.is_(None))
        .order_by(Evidence.uploaded_at, Evidence.id)
    ).all()


def evidence_sent(product_id: uuid.UUID, at: datetime) -> Sequence[Evidence]:
    """The files that counted at that instant, without their bytes."""
    return db.session.scalars(
        select(Evidence)
        .where(
            Evidence.product_id == product_id,
            Evidence.uploaded_at <= at,
            or_(Evidence.replaced_at.is_(None), Evidence.replaced_at > at),
        )
        .order_by(Evidence.uploaded_at, Evidence.id)
    ).all()


def latest_events(product_id: uuid.UUID, most: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """The newest of events_found()."""
    return db.session.execute(events_found(product_id).order_by(History.sequence.desc()).limit(most)).all()


def events_found(product_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """The product's history as far as this viewer may see it, for page_of((History.sequence,))."""
    return select(
        History.sequence, History.event, History.at, History.by_label, History.from_state, History.to_state, History.facts
    ).where(History.subject_kind == "product", History.subject_id == product_id)  # fmt: skip


def reviews_of(product_id: uuid.UUID) -> Sequence[ListingReview]:
    """Every request of a product, the latest first; at most 50 are shown."""
    return db.session.scalars(
        select(ListingReview)
        .where(ListingReview.product_id == product_id)
        .order_by(ListingReview.submitted_at.desc(), ListingReview.id.desc())
        .limit(50)
    ).all()
