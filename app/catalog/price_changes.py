"""A change of approved prices: a new version that is written, sent, approved for a month to come, told, and then in force.

"Changing an approved plan needs ... at least a full billing cycle, 30-day customer notice; notices go out on the 1st of the
following month, the price applies on the 1st after that." What is in force is never touched, so no month is rated twice.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import aliased

from app.catalog import listing_events as events
from app.catalog import states
from app.catalog.actions import EDIT_PRODUCT
from app.catalog.model import ListingReview, Metric, MetricPrice, Plan, PriceVersion, Product
from app.catalog.plans import delete_unused, plan_of, pricing_of
from app.catalog.price_table import PriceDraft
from app.catalog.price_versions import (
    begun_change,
    check_not_reviewed,
    earliest_month,
    newest_approved_of,
    open_version_of,
    write_prices,
)
from app.catalog.rules import first_month_of_change, notice_due_at
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer
from app.foundation.text import N_, spell


def start_price_change(product: Product, *, version: int, plan_id: uuid.UUID, by: Viewer) -> PriceVersion:
    """A new version of the plan's prices, to begin with a copy of the newest approved one."""
    by.must(EDIT_PRODUCT)
    with transaction():
        product = pricing_of(product, version, by=by)
        plan = plan_of(product, plan_id)
        newest = newest_approved_of(plan)
        if newest is None:
            raise Refused("pricing", N_("Nothing of this plan is approved yet; edit its prices as they stand."))
        if open_version_of(plan) is not None:
            raise AlreadyDone(states.DRAFT, "start_price_change")
        return begun_change(product, plan, newest, by=by)


def change_prices(
    product: Product, *, version: int, plan_id: uuid.UUID, metric_id: uuid.UUID, prices: PriceDraft, by: Viewer
) -> PriceVersion:
    """One metric's tariff in the open version. What is counted, and in what, is not for a price change to say."""
    by.must(EDIT_PRODUCT)
    with transaction():
        product = pricing_of(product, version, by=by)
        plan = plan_of(product, plan_id)
        change = _draft_of(plan)
        metric = db.session.scalar(select(Metric).where(Metric.id == metric_id, Metric.plan_id == plan.id))
        if metric is None:
            raise NotVisible
        write_prices(product, change, metric, prices)
        what = f"prices of {metric.name} in version {change.number} changed"
        history.record(product, events.PRICING_CHANGED, by=by, plan=plan.name, what=what)
    return change


def discard_price_change(product: Product, *, version: int, plan_id: uuid.UUID, by: Viewer) -> Product:
    """The open version is thrown away before anybody has approved it, with metrics that only it names; what is in force stays."""
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = pricing_of(product, version, by=by)
        plan = plan_of(product, plan_id)
        change = _draft_of(plan)
        if newest_approved_of(plan) is None:
            raise Refused("pricing", N_("These are the plan's first prices; remove the plan instead."))
        session.execute(  # what was asked and answered stays; the draft it was about does not
            update(ListingReview)
            .where(ListingReview.price_version_id == change.id)
            .values(price_version_id=None)
            .execution_options(synchronize_session=False)
        )
        delete_unused(
            session,
            delete(MetricPrice).where(MetricPrice.price_version_id == change.id),
            delete(PriceVersion).where(PriceVersion.id == change.id),
            delete(Metric).where(
                Metric.plan_id == plan.id,
                Metric.approved.is_(False),
                ~select(MetricPrice.id).where(MetricPrice.metric_id == Metric.id).exists(),
            ),
        )
        what = f"price version {change.number} discarded"
        history.record(product, events.PRICING_CHANGED, by=by, plan=plan.name, what=what)
    return product


def check_asked_month(product: Product, month: BillingMonth | None) -> BillingMonth:
    """The month that the partner asks for, not before the first one possible; None: that first one."""
    first = earliest_month(product)
    if month is None:
        return first
    if month < first:
        raise Refused(
            "effective_from",
            N_("A change approved now counts from %(month)s on: customers are told a month before."),
            month=first,
        )
    if month > first.shifted(24):
        raise Refused("effective_from", N_("Choose a month within two years."))
    return month


def keep_notice_of_published(product: Product, *, by: Viewer) -> None:
    """Before a product is shown: changes that were approved while nobody saw it keep the notice of those who will.

    They count from the first month that a change of a published product could, told a month before. A product that was shown
    already has had its changes approved by that rule. In the transaction of whoever publishes it.
    """
    if product.state in states.SHOWN:
        return
    now = clock.now()
    first = first_month_of_change(now, was_published=True)
    coming = (
        select(PriceVersion, Plan)
        .join(Plan, Plan.id == PriceVersion.plan_id)
        .where(
            Plan.product_id == product.id,
            PriceVersion.state == states.APPROVED,
            PriceVersion.effective_from > BillingMonth.at(now),
            PriceVersion.effective_from < first,
        )
        .order_by(Plan.id, PriceVersion.number)
        .with_for_update(of=PriceVersion)
    )
    for version, plan in db.session.execute(coming).all():
        version.effective_from = first
        what = f"price version {version.number} counts from {spell(first)}, so that customers are told a month before"
        history.record(product, events.PRICING_CHANGED, by=by, plan=plan.name, what=what)


def changes_to_announce() -> Sequence[uuid.UUID]:
    """Approved changes of published products whose notice is due, and that no later one of the same month has overtaken."""
    later = aliased(PriceVersion)
    now = clock.now()
    here = BillingMonth.at(now)
    overtaken = select(later.id).where(
        later.plan_id == PriceVersion.plan_id,
        later.state == states.APPROVED,
        later.effective_from == PriceVersion.effective_from,
        later.number > PriceVersion.number,
    )
    found = db.session.execute(
        select(PriceVersion.id, PriceVersion.effective_from)
        .join(Plan, Plan.id == PriceVersion.plan_id)
        .join(Product, Product.id == Plan.product_id)
        .where(
            PriceVersion.state == states.APPROVED,
            PriceVersion.announced_at.is_(None),
            PriceVersion.effective_from > here,
            PriceVersion.effective_from <= here.next,
            Product.state.in_(states.SHOWN),
            ~overtaken.exists(),
        )
        .order_by(PriceVersion.effective_from, PriceVersion.id)
        .limit(200)
    ).all()
    return [row.id for row in found if notice_due_at(row.effective_from) <= now]


def claim_announcement(version_id: uuid.UUID) -> tuple[PriceVersion, Plan, Product] | None:
    """The change, locked, to be announced in the caller's transaction; None when another one has done it. Never twice."""
    found: Any = db.session.execute(
        select(PriceVersion, Plan, Product)
        .join(Plan, Plan.id == PriceVersion.plan_id)
        .join(Product, Product.id == Plan.product_id)
        .where(PriceVersion.id == version_id, PriceVersion.announced_at.is_(None))
        .with_for_update(of=PriceVersion)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return tuple(found) if found else None


def mark_announced(version: PriceVersion, plan: Plan, product: Product, *, customers: int, by: Viewer) -> None:
    """It was told, in the caller's transaction; to nobody where no engagement is current."""
    version.announced_at = clock.now()
    history.record(
        product,
        events.PRICES_ANNOUNCED,
        by=by,
        plan=plan.name,
        month=spell(version.effective_from),
        customers=customers,
    )


def _draft_of(plan: Plan) -> PriceVersion:
    change = open_version_of(plan)
    if change is None:
        raise AlreadyDone(states.APPROVED, "change_prices")
    check_not_reviewed(change)
    return change
