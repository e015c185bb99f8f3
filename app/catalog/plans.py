"""Plans and what they count, while they are the partner's own: until their first prices are approved."""

import uuid
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import Delete, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager

from app.catalog import listing_events as events
from app.catalog import listing_rules as rules
from app.catalog import states
from app.catalog.actions import EDIT_PRODUCT
from app.catalog.listing_queries import own_product
from app.catalog.listing_rules import MetricDraft
from app.catalog.model import Metric, MetricPrice, Plan, PriceVersion, Product
from app.catalog.price_table import PriceDraft, as_stored, tariff_of
from app.catalog.queries import programme_of
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
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
        session.add(_first_version(product, plan))
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
    """Add metrics: what the plan counts, and what it costs, in one step."""
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = pricing_of(product, version, by=by)
        plan = new_plan(product, plan_id)
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
        write_prices(product, _version_of(product, plan), metric, prices)
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
        plan = new_plan(product, plan_id)
        metric = _metric(plan, metric_id)
        others = [other for other in _metrics(plan) if other.id != metric.id]
        _write(metric, rules.checked_metric(draft, (other.name for other in others)))
        write_prices(product, _version_of(product, plan), metric, prices)
        _note(product, plan, f"metric {metric.name} changed", by)
    return metric


def remove_metric(product: Product, *, version: int, plan_id: uuid.UUID, metric_id: uuid.UUID, by: Viewer) -> Product:
    by.must(EDIT_PRODUCT)
    with transaction() as session:
        product = pricing_of(product, version, by=by)
        plan = new_plan(product, plan_id)
        metric = _metric(plan, metric_id)
        delete_unused(
            session,
            delete(MetricPrice).where(MetricPrice.metric_id == metric.id),
            delete(Metric).where(Metric.id == metric.id),
        )
        _note(product, plan, f"metric {metric.name} removed", by)
    return product


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
    open_one = open_version_of(plan)
    approved = db.session.scalar(
        select(PriceVersion.id).where(PriceVersion.plan_id == plan.id, PriceVersion.state == states.APPROVED).limit(1)
    )
    if approved is not None:
        raise Refused("pricing", N_("Its prices are approved; they change by a new price version only."))
    if open_one is not None and open_one.state == states.REQUESTED:
        raise Refused("pricing", N_("The operator reviews the pricing; until that is decided it stays as it is."))
    return plan


def plan_of(product: Product, plan_id: uuid.UUID) -> Plan:
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id, Plan.product_id == product.id))
    if plan is None:
        raise NotVisible
    return plan


def open_version_of(plan: Plan) -> PriceVersion | None:
    """The edition that is being written or waits, with plan and product, as History needs them."""
    return db.session.scalar(
        select(PriceVersion)
        .join(PriceVersion.plan)
        .join(Plan.product)
        .options(contains_eager(PriceVersion.plan).contains_eager(Plan.product))
        .where(PriceVersion.plan_id == plan.id, PriceVersion.state != states.APPROVED)
        .execution_options(populate_existing=True)
    )


def write_prices(product: Product, version: PriceVersion, metric: Metric, prices: PriceDraft) -> MetricPrice:
    """The metric's tariff in an open version, checked as a whole; Refused names the band and the field."""
    programme = programme_of(product.id)
    tariff = tariff_of(prices, allows_block=programme.allows_block, month_limit=metric.month_limit)
    price = db.session.scalar(
        select(MetricPrice).where(MetricPrice.price_version_id == version.id, MetricPrice.metric_id == metric.id)
    )
    if price is None:
        price = MetricPrice(price_version_id=version.id, metric_id=metric.id)
        db.session.add(price)
    price.model, price.charge_unit, price.bands = tariff.model, tariff.charge_unit, as_stored(tariff)
    return price


def _version_of(product: Product, plan: Plan) -> PriceVersion:
    version = open_version_of(plan)
    if version is None:  # a plan that was made before it had prices
        version = _first_version(product, plan)
        db.session.add(version)
        db.session.flush()
    return version


def _first_version(product: Product, plan: Plan) -> PriceVersion:
    """Its month is set by the approval; until then nothing is in force."""
    return PriceVersion(
        plan_id=plan.id,
        number=1,
        effective_from=BillingMonth.at(clock.now()),
        currency=programme_of(product.id).currency,
        state=states.DRAFT,
    )


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


def _metric(plan: Plan, metric_id: uuid.UUID) -> Metric:
    metric = db.session.scalar(select(Metric).where(Metric.id == metric_id, Metric.plan_id == plan.id))
    if metric is None:
        raise NotVisible
    return metric


def _write(metric: Metric, draft: MetricDraft) -> None:
    metric.kind, metric.name, metric.unit = draft.kind, draft.name, draft.unit
    metric.step, metric.month_limit = Decimal(draft.step), draft.month_limit


def _note(product: Product, plan: Plan, what: str, by: Viewer) -> None:
    history.record(product, events.PRICING_CHANGED, by=by, plan=plan.name, what=what)
