"""Plans and what they count. A plan is the partner's own until its first prices are approved, a metric until its own are.

What joins a plan later joins its next price version: nobody is billed by it before that is approved and counts, and what was
approved before goes on unchanged.
"""

import uuid
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import Delete, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.catalog import listing_events as events
from app.catalog import listing_rules as rules
from app.catalog import states
from app.catalog.actions import EDIT_PRODUCT
from app.catalog.listing_queries import own_product
from app.catalog.listing_rules import MetricDraft
from app.catalog.model import Metric, MetricPrice, Plan, PriceVersion, Product
from app.catalog.price_table import PriceDraft
from app.catalog.price_versions import (
    check_not_reviewed,
    first_version,
    is_priced_for_good,
    newest_approved_of,
    open_version_of,
    version_to_write,
    write_prices,
)
from app.foundation import history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer
from app.foundation.text import N_


def add_plan(product: Product, *, version: int, name: str, code: str, description: str, by: Viewer) -> Plan:
    """Pricing > Add plan: a plan without a metric yet. In a published product it waits for an approval of its own."""
    by.must(EDIT_PRODUCT)
    name, code, description = _named(name, code, description)
    with transaction() as session:
        product = pricing_of(product, version, by=by)
        others = _plans(product)
        if len(others) >= rules.MOST_PLANS:
            raise Refused("name", N_("A product has at most %(most)s plans."), most=rules.MOST_PLANS)
        _unlike(others, name, code)
        plan = Plan(
            product_id=product.id,
            position=max((other.position for other in others), default=0) + 1,
            name=name,
            code=code,
            description=description,
        )
        session.add(plan)
        session.flush()
        session.add(first_version(product, plan))
        _note(product, plan, "plan added", by)
    return plan


def change_plan(
    product: Product, *, version: int, plan_id: uuid.UUID, name: str, code: str, description: str, by: Viewer
) -> Plan:
    by.must(EDIT_PRODUCT)
    name, code, description = _named(name, code, description)
    with transaction():
        product = pricing_of(product, version, by=by)
        plan = new_plan(product, plan_id)
        _unlike([other for other in _plans(product) if other.id != plan.id], name, code)
        plan.name, plan.code, plan.description = name, code, description
        _note(product, plan, "plan changed", by)
    return plan


def remove_plan(product: Product, *, version: int, plan_id: uuid.UUID, by: Viewer) -> Product:
    """A plan whose prices were never approved was never offered, so no client's engagement names it."""
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = pricing_of(product, version, by=by)
        plan = new_plan(product, plan_id)
        versions = select(PriceVersion.id).where(PriceVersion.plan_id == plan.id)
        delete_unused(
            session,
            delete(MetricPrice).where(MetricPrice.price_version_id.in_(versions)),
            delete(PriceVersion).where(PriceVersion.plan_id == plan.id),
            delete(Metric).where(Metric.plan_id == plan.id),
            delete(Plan).where(Plan.id == plan.id),
        )
        _note(product, plan, "plan removed", by)
    return product


def add_metric(
    product: Product, *, version: int, plan_id: uuid.UUID, draft: MetricDraft, prices: PriceDraft, by: Viewer
) -> Metric:
    """Add metrics: what the plan counts, and what it costs, in one step.

    In a plan whose prices are approved it joins the version that is being written; without one, it begins one.
    """
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = pricing_of(product, version, by=by)
        plan = plan_of(product, plan_id)
        writable = version_to_write(product, plan, by=by)
        others = _metrics(plan)
        if len(others) >= rules.MOST_METRICS:
            raise Refused("name", N_("A plan has at most %(most)s metrics."), most=rules.MOST_METRICS)
        draft = rules.checked_metric(draft, (other.name for other in others))
        metric = Metric(
            plan_id=plan.id,
            position=max((other.position for other in others), default=0) + 1,
            code=rules.code_for(draft.name, (other.code for other in others), 60),
            approved=False,
        )
        _write(metric, draft)
        session.add(metric)
        session.flush()
        write_prices(product, writable, metric, prices)
        _note(product, plan, f"metric {metric.name} added", by)
    return metric


def change_metric(
    product: Product,
    *,
    version: int,
    plan_id: uuid.UUID,
    metric_id: uuid.UUID,
    draft: MetricDraft,
    prices: PriceDraft,
    by: Viewer,
) -> Metric:
    by.must(EDIT_PRODUCT)
    with transaction():
        product = pricing_of(product, version, by=by)
        plan, metric, writable = _own_metric(product, plan_id, metric_id)
        others = [other for other in _metrics(plan) if other.id != metric.id]
        _write(metric, rules.checked_metric(draft, (other.name for other in others)))
        write_prices(product, writable, metric, prices)
        _note(product, plan, f"metric {metric.name} changed", by)
    return metric


def remove_metric(product: Product, *, version: int, plan_id: uuid.UUID, metric_id: uuid.UUID, by: Viewer) -> Product:
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = pricing_of(product, version, by=by)
        plan, metric, _writable = _own_metric(product, plan_id, metric_id)
        delete_unused(
            session,
            delete(MetricPrice).where(MetricPrice.metric_id == metric.id),
            delete(Metric).where(Metric.id == metric.id),
        )
        _note(product, plan, f"metric {metric.name} removed", by)
    return product


def _own_metric(product: Product, plan_id: uuid.UUID, metric_id: uuid.UUID) -> tuple[Plan, Metric, PriceVersion]:
    """A metric whose own prices nobody has approved or is reviewing, and the version they are written in."""
    plan = plan_of(product, plan_id)
    metric = db.session.scalar(select(Metric).where(Metric.id == metric_id, Metric.plan_id == plan.id))
    if metric is None:
        raise NotVisible
    if metric.approved or is_priced_for_good(metric):
        raise Refused("pricing", N_("Its prices are approved; they change by a new price version only."))
    return plan, metric, version_to_write(product, plan)


def delete_unused(session: Session, *gone: Delete) -> None:
    """Refused where end-to-end tests stand on one of the rows: what they were rated with stays to be read."""
    try:
        with session.begin_nested():
            for statement in gone:
                session.execute(statement.execution_options(synchronize_session=False))
    except IntegrityError as used:
        raise Refused("pricing", N_("End-to-end tests have used it, so it stays.")) from used


def pricing_of(product: Product, version: int, *, by: Viewer) -> Product:
    """The own product, locked, where something of its pricing may be written; its version is counted up."""
    product = own_product(product.id, by=by, lock=True)
    if product.version != version:
        raise AlreadyDone("changed", "edit pricing")
    if product.state == states.PRICING_REQUESTED:
        raise Refused("pricing", N_("The operator reviews the pricing; until that is decided it stays as it is."))
    product.version += 1
    return product


def new_plan(product: Product, plan_id: uuid.UUID) -> Plan:
    """A plan of the product that nobody has approved or is reviewing. Refused where its prices are fixed."""
    plan = plan_of(product, plan_id)
    if newest_approved_of(plan) is not None:
        raise Refused("pricing", N_("Its prices are approved; they change by a new price version only."))
    check_not_reviewed(open_version_of(plan))
    return plan


def plan_of(product: Product, plan_id: uuid.UUID) -> Plan:
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id, Plan.product_id == product.id))
    if plan is None:
        raise NotVisible
    return plan


def _named(name: str, code: str, description: str) -> tuple[str, str, str]:
    return (
        rules.plan_name("name", name),
        rules.programmatic_name("code", code),
        rules.short_enough("description", description, 500),
    )


def _unlike(others: Sequence[Plan], name: str, code: str) -> None:
    if any(other.name.casefold() == name.casefold() for other in others):
        raise Refused("name", N_("Another plan is called that already."))
    if any(other.code == code for other in others):
        raise Refused("code", N_("Another plan has that programmatic name."))


def _plans(product: Product) -> Sequence[Plan]:
    return db.session.scalars(select(Plan).where(Plan.product_id == product.id).order_by(Plan.position)).all()


def _metrics(plan: Plan) -> Sequence[Metric]:
    return db.session.scalars(select(Metric).where(Metric.plan_id == plan.id).order_by(Metric.position)).all()


def _write(metric: Metric, draft: MetricDraft) -> None:
    metric.kind, metric.name, metric.unit, metric.unit_one = draft.kind, draft.name, draft.unit, draft.unit_one
    metric.step, metric.month_limit = Decimal(draft.step), draft.month_limit


def _note(product: Product, plan: Plan, what: str, by: Viewer) -> None:
    history.record(product, events.PRICING_CHANGED, by=by, plan=plan.name, what=what)
