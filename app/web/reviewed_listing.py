"""What a reviewer reads before deciding: tariffs with an amount asked about, the files, the entry as clients will read it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import request
from flask_babel import gettext as _

from app.catalog import states
from app.catalog.evidence import SLOTS
from app.catalog.listing_queries import evidence_sent, newest_approved, price_in
from app.catalog.model import Metric, Plan, PriceVersion, Product
from app.catalog.price_list import is_derived
from app.catalog.queries import PricedMetric, gross_tariff, product_with_plans, programme_of, remuneration_of
from app.catalog.reviews import month_if_approved
from app.catalog.tariff import Band, Tariff
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.exact import NotExact, parse_exact
from app.foundation.tenancy import one
from app.foundation.text import spell
from app.parties.model import Organisation
from app.web.custom_parameters import fields_to_look_at
from app.web.figures import unit_price
from app.web.price_lines import service_prices
from app.web.price_words import price_words
from app.web.tariff_sample import USUAL, Sample, sample_of
from app.web.templating import translate
from app.web.test_results import results_of
from app.web.tiers import model_words, per_words, tier_words


@dataclass(frozen=True)
class ReviewedTier:
    """`change`: what it was in the prices approved before, where a price change asks for something else."""

    words: str
    price: Decimal
    gross: Decimal
    change: str = ""


@dataclass(frozen=True)
class ReviewedMetric:
    """One metric with what is asked for, and beside it what is approved now, where something is."""

    metric: Metric
    per: str
    note: str
    tiers: list[ReviewedTier]
    now: str
    sample: Sample
    #: it joins a plan that was approved without it
    joins: bool = False


@dataclass(frozen=True)
class ReviewedPlan:
    plan: Plan
    version: PriceVersion
    #: from when it counts if it is approved at this instant
    month: BillingMonth
    metrics: list[ReviewedMetric]


def of_pricing(row: Any) -> dict[str, Any]:
    """Every plan whose prices are asked for; for a price change its one plan. `?quantity=` asks about another month."""
    product = product_with_plans(row.product_id)
    programme = programme_of(product.id)
    remuneration = remuneration_of(programme)
    asked = asked_quantity()
    plans = []
    for plan in product.plans:
        version = _under_review(plan, row)
        if version is not None:
            metrics = [
                _metric(metric, version, plan, remuneration, asked)
                for metric in plan.metrics
                if price_in(version, metric) is not None
            ]
            month = version.effective_from if version.state == states.APPROVED else month_if_approved(version, product)
            plans.append(ReviewedPlan(plan, version, month, metrics))
    return {
        "product": product,
        "plans": plans,
        "programme": programme,
        "derived": is_derived(remuneration),
        "quantity": asked,
        "unit": units.pop() if len(units := {one.metric.unit for plan in plans for one in plan.metrics}) == 1 else "",
    }


def pricing_outcome(row: Any) -> str:
    """What approving at this instant comes to: which version of which plan counts from when."""
    said = [
        _(
            "Plan %(plan)s, version %(number)s: its prices count from %(month)s on.",
            plan=one.plan.name,
            number=one.version.number,
            month=spell(one.month),
        )
        for one in of_pricing(row)["plans"]
    ]
    return " ".join([*said, _("What is approved never changes again; a later price is a version of its own.")])


def of_evidence(row: Any) -> dict[str, Any]:
    """The files as they were when they were sent."""
    files = evidence_sent(row.product_id, row.submitted_at)
    return {
        "product": one(Product, row.product_id),
        "files": [{"file": file, "label": translate(SLOTS[file.slot])} for file in files],
        "missing": [translate(label) for slot, label in SLOTS.items() if slot not in {file.slot for file in files}],
    }


def of_publication(row: Any) -> dict[str, Any]:
    """What templates/customer/service_content.html takes, the request form, and what end-to-end tests have shown."""
    product = product_with_plans(row.product_id)
    return {
        "product": product,
        "partner": one(Organisation, product.partner_id),
        "preview": fields_to_look_at(product.parameters),
        "tested": results_of(product.id),
        **service_prices(product, BillingMonth.at(clock.now())),
    }


def asked_quantity() -> Decimal:
    """The month that the reviewer asks about; what is no quantity is the usual one."""
    try:
        return parse_exact(request.args.get("quantity", "")) or USUAL
    except NotExact:
        return USUAL


def _under_review(plan: Plan, row: Any) -> PriceVersion | None:
    """The version that the request is about: by its id for a price change, else what the product's request sent along."""
    if row.kind == "price-change":
        return next((version for version in plan.price_versions if version.id == row.price_version_id), None)
    waiting = next((version for version in plan.price_versions if version.state != states.APPROVED), None)
    return waiting or next((version for version in plan.price_versions if version.number == 1), None)


def _metric(metric: Metric, version: PriceVersion, plan: Plan, remuneration: Any, asked: Decimal) -> ReviewedMetric:
    price = price_in(version, metric)
    assert price is not None
    tariff, gross = price.tariff, gross_tariff(price.tariff, remuneration)
    before = newest_approved(plan)
    now = price_in(before, metric) if before is not None and before.id != version.id else None
    tiers, start = [], Decimal(0)
    for band, shown in zip(tariff.bands, gross.bands, strict=True):
        change = _change(tariff, now.tariff, start, band) if now is not None else ""
        tiers.append(ReviewedTier(tier_words(start, band.up_to, metric.unit), band.price, shown.price, change))
        start = band.up_to or start
    return ReviewedMetric(
        metric=metric,
        per=per_words(tariff, metric.unit, metric.one_unit),
        note=model_words(tariff),
        tiers=tiers,
        now=price_words(PricedMetric(metric, before, now, metric.approved)) if now is not None else "",
        joins=before is not None and before.id != version.id and now is None,
        sample=sample_of(tariff, _in_reach(asked, metric), metric.unit, version.currency, one=metric.one_unit),
    )


def _change(asked: Tariff, approved: Tariff, start: Decimal, band: Band) -> str:
    """What the tier that begins at `start` was before; tariffs counted in another way have no tiers to set side by side."""
    if (asked.model, asked.charge_unit) != (approved.model, approved.charge_unit):
        return ""
    begins = Decimal(0)
    for was in approved.bands:
        if begins == start and was.up_to == band.up_to:
            return "" if was.price == band.price else _("was %(price)s", price=unit_price(was.price))
        begins = was.up_to or begins
    return str(_("new tier"))


def _in_reach(asked: Decimal, metric: Metric) -> Decimal:
    """A plan that limits its month is looked at no further than that."""
    return asked if metric.month_limit is None else min(asked, metric.month_limit)
