"""The catalog's price list as customers read it: gross only, whoever asks. Net prices and shares end in this file."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Uuid, bindparam, select

from app.catalog import rules
from app.catalog.model import Metric, MetricPrice, Plan, PriceVersion, Product, Programme
from app.catalog.queries import gross_tariff, programme_of, remuneration_of
from app.catalog.rules import Remuneration
from app.catalog.tariff import Band, Tariff
from app.foundation.billing_month import BillingMonth
from app.foundation.database import at_most, db
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import acting_for_all


@dataclass(frozen=True)
class FromPrice:
    """The lowest gross price of a service, in whichever tier: of `charge_unit` units, or flat up to `flat_up_to` of them."""

    gross_price: Decimal
    currency: str
    metric_name: str
    unit: str
    charge_unit: Decimal
    model: str
    flat_up_to: Decimal | None
    #: one of its unit, where that is another word
    one_unit: str


@dataclass(frozen=True)
class GrossPrice:
    """What one metric of a plan costs in a month, without tax. `derived`: the unit prices follow from another price list."""

    plan_id: Any
    plan_name: str
    plan_description: str
    metric_name: str
    metric_kind: str
    unit: str
    currency: str
    gross_tariff: Tariff
    derived: bool
    #: one of its unit, after "per"
    one_unit: str = ""

    @property
    def lowest(self) -> FromPrice:
        return lowest_price(self.gross_tariff, self.currency, self.metric_name, self.unit, self.one_unit)


def gross_prices(product: Product, month: BillingMonth) -> list[GrossPrice]:
    """Plan by plan, metric by metric, what is in force in `month`. The product comes with its plans (published_by_slug).

    A metric that is not approved, or has no price yet, is not offered and so not listed.
    """
    remuneration = remuneration_of(programme_of(product.id))
    found = []
    for plan in product.plans:
        version = rules.version_for(plan.price_versions, month)
        prices = {price.metric_id: price for price in version.prices} if version else {}
        for metric in plan.metrics:
            if version and metric.approved and metric.id in prices:
                tariff = gross_tariff(prices[metric.id].tariff, remuneration)
                found.append(
                    GrossPrice(
                        plan.id,
                        plan.name,
                        plan.description,
                        metric.name,
                        metric.kind,
                        metric.unit,
                        version.currency,
                        tariff,
                        is_derived(remuneration),
                        metric.one_unit,
                    )
                )
    return found


@dataclass(frozen=True)
class ComingPrices:
    """What a plan costs from a month to come on: approved, and told before it counts."""

    month: BillingMonth
    plan_id: Any
    plan_name: str
    prices: list[GrossPrice]


def coming_prices(product: Product, month: BillingMonth) -> list[ComingPrices]:
    """Each plan's next approved change after `month`, where there is one; the soonest first. Gross, as all of this file."""
    found = []
    for plan in product.plans:
        months = [v.effective_from for v in plan.price_versions if v.approved_at and v.effective_from > month]
        if months:
            coming = min(months)
            prices = [price for price in gross_prices(product, coming) if price.plan_id == plan.id]
            found.append(ComingPrices(coming, plan.id, plan.name, prices))
    return sorted(found, key=lambda change: change.month)


def next_price_month(plan_id: uuid.UUID, month: BillingMonth) -> BillingMonth | None:
    """From when the plan costs something else: the month of its next approved change after `month`."""
    return next((found for (found,) in columns_of(_NEXT_PRICE, {"plan_id": plan_id, "month": month})), None)


_NEXT_PRICE = (
    select(PriceVersion.effective_from)
    .where(
        PriceVersion.plan_id == bindparam("plan_id", type_=Uuid()),
        PriceVersion.approved_at.is_not(None),
        PriceVersion.effective_from > bindparam("month", type_=PriceVersion.effective_from.type),
    )
    .order_by(PriceVersion.effective_from)
    .limit(at_most(1))
)


def is_derived(remuneration: Remuneration) -> bool:
    """Whether gross unit prices are derived for display: amounts then come from the charge book alone."""
    return remuneration.policy != "revenue_share"


def from_prices(slugs: Sequence[str], month: BillingMonth) -> dict[str, FromPrice]:
    """Slug -> the lowest price among its plans in `month`; services without a price are left out. One statement."""
    if not slugs:
        return {}
    with acting_for_all("gross prices are public, what they are made of is not"):
        rows = db.session.execute(_PRICES.where(Product.slug.in_(slugs), PriceVersion.effective_from <= month)).all()
    in_force: dict[Any, PriceVersion] = {}
    for row in rows:
        version = in_force.get(row.plan_id)
        if version is None or (row.PriceVersion.effective_from, row.PriceVersion.number) > (
            version.effective_from,
            version.number,
        ):
            in_force[row.plan_id] = row.PriceVersion
    lowest: dict[str, FromPrice] = {}
    for row in rows:
        if in_force[row.plan_id] is row.PriceVersion:
            price = _first_price(row)
            if row.slug not in lowest or price.gross_price < lowest[row.slug].gross_price:
                lowest[row.slug] = price
    return lowest


_PRICES = (
    select(
        Product.slug, Plan.id.label("plan_id"), PriceVersion, MetricPrice, Metric.unit, Metric.unit_one.label("one_unit"), Metric.name.label("metric_name"),
        Programme.remuneration, Programme.remuneration_percent,
    )
    .join(Programme, Programme.id == Product.programme_id)
    .join(Plan, Plan.product_id == Product.id)
    .join(PriceVersion, PriceVersion.plan_id == Plan.id)
    .join(MetricPrice, MetricPrice.price_version_id == PriceVersion.id)
    .join(Metric, Metric.id == MetricPrice.metric_id)
    .where(Product.state == "published", PriceVersion.approved_at.is_not(None), Metric.approved)
)  # fmt: skip


def _first_price(row: Any) -> FromPrice:
    remuneration = Remuneration(row.remuneration, row.remuneration_percent)
    tariff = gross_tariff(row.MetricPrice.tariff, remuneration)
    return lowest_price(tariff, row.PriceVersion.currency, row.metric_name, row.unit, row.one_unit)


def lowest_price(tariff: Tariff, currency: str, metric_name: str, unit: str, one_unit: str) -> FromPrice:
    """The price of the tier where it is lowest: what every "from" means, in the catalog as in the form of a request."""
    lowest: Band = min(tariff.bands, key=lambda band: band.price)
    flat = lowest.up_to if tariff.model == "block" else None
    return FromPrice(lowest.price, currency, metric_name, unit, tariff.charge_unit, tariff.model, flat, one_unit)
