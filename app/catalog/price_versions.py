"""The price versions of one plan as whoever writes them needs them: the open one, the newest approved one, a new one.

One version a plan is open at a time; the database says so. What is approved is only ever read here.
"""

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from app.catalog import listing_events as events
from app.catalog import states
from app.catalog.model import Metric, MetricPrice, Plan, PriceVersion, Product
from app.catalog.price_table import PriceDraft, as_stored, tariff_of
from app.catalog.queries import programme_of
from app.catalog.rules import first_month_of_change
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, current
from app.foundation.text import N_


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


def newest_approved_of(plan: Plan) -> PriceVersion | None:
    """The approved edition that counts last, whether its month has come or not."""
    return db.session.scalar(
        select(PriceVersion)
        .where(PriceVersion.plan_id == plan.id, PriceVersion.state == states.APPROVED)
        .order_by(PriceVersion.effective_from.desc(), PriceVersion.number.desc())
        .limit(1)
    )


def version_to_write(product: Product, plan: Plan, *, by: Viewer | None = None) -> PriceVersion:
    """The edition in which prices may be written now; begun if there is none. Refused while it is being reviewed."""
    version = open_version_of(plan)
    if version is not None:
        check_not_reviewed(version)
        return version
    newest = newest_approved_of(plan)
    if newest is not None:
        return begun_change(product, plan, newest, by=by or current())
    version = first_version(product, plan)  # a plan that was made before it had prices
    db.session.add(version)
    db.session.flush()
    return version


def check_not_reviewed(version: PriceVersion | None) -> None:
    if version is not None and version.state == states.REQUESTED:
        raise Refused("pricing", N_("The operator reviews the pricing; until that is decided it stays as it is."))


def begun_change(product: Product, plan: Plan, newest: PriceVersion, *, by: Viewer) -> PriceVersion:
    """A new edition that begins as a copy of the newest approved one, told in the product's history."""
    if product.state not in states.PRICES_APPROVED:
        raise Refused("pricing", N_("Nothing of this plan is approved yet; edit its prices as they stand."))
    change = PriceVersion(
        plan_id=plan.id,
        number=_last_number(plan) + 1,
        effective_from=earliest_month(product),
        currency=newest.currency,
        state=states.DRAFT,
    )
    db.session.add(change)
    db.session.flush()
    copied = db.session.scalars(select(MetricPrice).where(MetricPrice.price_version_id == newest.id)).all()
    db.session.add_all(
        MetricPrice(
            price_version_id=change.id,
            metric_id=price.metric_id,
            model=price.model,
            charge_unit=price.charge_unit,
            bands=price.bands,
        )
        for price in copied
    )
    history.record(product, events.PRICING_CHANGED, by=by, plan=plan.name, what=f"price version {change.number} begun")
    return change


def earliest_month(product: Product) -> BillingMonth:
    """The first month for which a change could be approved at this instant."""
    return first_month_of_change(clock.now(), was_published=product.state in states.SHOWN)


def first_version(product: Product, plan: Plan) -> PriceVersion:
    """Its month is set by the approval; until then nothing is in force."""
    return PriceVersion(
        plan_id=plan.id,
        number=1,
        effective_from=BillingMonth.at(clock.now()),
        currency=programme_of(product.id).currency,
        state=states.DRAFT,
    )


def is_priced_for_good(metric: Metric) -> bool:
    """Whether an approved edition names it: what it counts is fixed then."""
    found = (
        select(MetricPrice.id)
        .join(PriceVersion, PriceVersion.id == MetricPrice.price_version_id)
        .where(MetricPrice.metric_id == metric.id, PriceVersion.state == states.APPROVED)
    )
    return db.session.scalar(found.limit(1)) is not None


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


def _last_number(plan: Plan) -> int:
    return db.session.scalars(
        select(PriceVersion.number).where(PriceVersion.plan_id == plan.id).order_by(PriceVersion.number.desc()).limit(1)
    ).one()
