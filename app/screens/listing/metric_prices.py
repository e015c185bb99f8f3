"""Pricing > a metric: what it counts and its price table, with a live "what would 1,200 hours cost".

A metric that was never approved has all of it to write; a price change has the table alone for those that were.
"""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from app.catalog import states
from app.catalog.listing_queries import PlanStanding, metric_in, plan_in, price_in, standing_of
from app.catalog.model import Metric, Plan, Product, Programme
from app.catalog.plans import add_metric, change_metric
from app.catalog.price_changes import change_prices
from app.catalog.price_table import tariff_of
from app.catalog.queries import programme_of
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import Refused
from app.web.figures import plain
from app.web.fragments import go_to, show, wants_fragment
from app.web.guard import needs
from app.web.listing_pages import address, listing, saved, shown
from app.web.metric_form import KINDS, MODELS, MetricForm, PriceForm, as_shown, form_of, reshaped
from app.web.tariff_sample import USUAL, Sample, sample_of

screen = Blueprint("metric_prices", __name__)


@screen.get("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/metrics/new", endpoint="show_new")
@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/metrics/new")
@needs("product:edit", capacity="partner")
def add(product_id: uuid.UUID, plan_id: uuid.UUID) -> Response:
    product, standing = _opened(product_id, plan_id)
    programme = programme_of(product_id)
    form: Any = form_of(
        MetricForm, allows_block=programme.allows_block, shown={"version": product.version, **as_shown(None, None)}
    )
    if request.method == "GET" and not _takes_metrics(product, standing):
        return go_to(address(product_id, "pricing"))
    return _answer(
        form,
        product,
        _place(standing, None),
        programme,
        None,
        lambda: add_metric(
            product,
            version=form.seen_version or 0,
            plan_id=plan_id,
            draft=form.draft,
            prices=form.prices,
            by=tenancy.current(),
        ),
    )


@screen.get("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/metrics/<uuid:metric_id>", endpoint="show_one")
@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/metrics/<uuid:metric_id>")
@needs("product:edit", capacity="partner")
def change(product_id: uuid.UUID, plan_id: uuid.UUID, metric_id: uuid.UUID) -> Response:
    product, standing = _opened(product_id, plan_id)
    metric = metric_in(standing.plan, metric_id)
    programme = programme_of(product_id)
    price = price_in(standing.open or standing.in_force, metric)
    place = _place(standing, metric)
    form: Any = form_of(
        MetricForm if place.whole else PriceForm,
        allows_block=programme.allows_block,
        shown={"version": product.version, **as_shown(metric, price)},
    )
    if request.method == "GET" and not (_is_own(product, standing) or _is_draft(standing)):
        return go_to(address(product_id, "pricing"))
    common: dict[str, Any] = {"plan_id": plan_id, "metric_id": metric_id, "by": tenancy.current()}

    def save() -> Any:
        version = form.seen_version or 0
        if place.whole:
            return change_metric(product, version=version, draft=form.draft, prices=form.prices, **common)
        return change_prices(product, version=version, prices=form.prices, **common)

    return _answer(form, product, place, programme, metric, save)


@dataclass(frozen=True)
class Place:
    """Where a metric stands in its plan, read before anything is saved: what is refused makes the rows forget it."""

    plan: Plan
    #: all of it is written here, not its prices alone
    whole: bool
    #: of the price version that its prices stand in, or would
    number: int
    #: the plan was approved without it
    joins: bool


def _place(standing: PlanStanding, metric: Metric | None) -> Place:
    latest = max((version.number for version in standing.plan.price_versions), default=0)
    return Place(
        standing.plan,
        whole=metric is None or standing.is_own(metric),
        number=standing.open.number if standing.open else latest + 1,
        joins=not standing.is_new,
    )


def _opened(product_id: uuid.UUID, plan_id: uuid.UUID) -> tuple[Product, PlanStanding]:
    product = listing(product_id)
    return product, standing_of(plan_in(product, plan_id), BillingMonth.at(clock.now()))


def _is_own(product: Product, standing: PlanStanding) -> bool:
    return (
        standing.is_new and product.state != states.PRICING_REQUESTED and (standing.open is None or _is_draft(standing))
    )


def _takes_metrics(product: Product, standing: PlanStanding) -> bool:
    """Its own plan, or an approved one that is written anew or may begin to be."""
    if standing.is_new:
        return _is_own(product, standing)
    return product.state in states.PRICES_APPROVED and (standing.open is None or _is_draft(standing))


def _is_draft(standing: PlanStanding) -> bool:
    return standing.open is not None and standing.open.state == states.DRAFT


def _answer(
    form: Any, product: Product, place: Place, programme: Programme, metric: Metric | None, save: Any
) -> Response:
    def page(*, status: int = 200, stale: bool = False) -> Response:
        return _page(form, product, place, programme, metric, status=status, stale=stale)

    if request.method == "GET" or reshaped():
        return page()
    if "preview" in request.form:
        form.validate()
        return page(status=200 if _sample(form, programme, metric)[0] else 422)
    return saved(
        form,
        save,
        page,
        product_id=product.id,
        action="save-metric",
        then=address(product.id, "pricing"),
        toast=_("Saved. It counts once the operator has approved it."),
    )


def _page(
    form: Any,
    product: Product,
    place: Place,
    programme: Programme,
    metric: Metric | None,
    *,
    status: int,
    stale: bool,
) -> Response:
    sample, why_not = _sample(form, programme, metric)
    if reshaped():
        _unrefused(form)
    models = [key for key, _words in MODELS.items() if key != "block" or programme.allows_block]
    unit = (form.unit.data or "") if place.whole else metric.unit if metric else ""
    return show(
        "listing/metric.html",
        block="preview",
        status=status,
        form=form,
        stale=stale,
        whole=place.whole,
        metric=metric,
        plan=place.plan,
        number=place.number,
        joins=place.joins,
        currency=programme.currency,
        terms=_terms(programme),
        unit=unit,
        sample=sample,
        why_not=why_not,
        live=wants_fragment(),
        kinds=[{"value": key, "label": label, "small": small} for key, (label, small) in KINDS.items()],
        models=[{"value": key, "label": MODELS[key][0], "small": MODELS[key][1]} for key in models],
        **shown(product, "pricing"),
    )


def _sample(form: Any, programme: Programme, metric: Metric | None) -> tuple[Sample | None, Refused | None]:
    """What the quantity of the preview costs at what is typed now; or why there is nothing to show yet."""
    if reshaped():
        form.validate()
    prices = form.prices
    if prices is None or any(band.price is None for band in prices.bands) or form.sample.errors:
        return None, None
    limit = form.month_limit.data if hasattr(form, "month_limit") else metric.month_limit if metric else None
    unit = form.unit.data if hasattr(form, "unit") else metric.unit if metric else ""
    one = form.unit_one.data if hasattr(form, "unit_one") else metric.unit_one if metric else ""
    try:
        tariff = tariff_of(prices, allows_block=programme.allows_block, month_limit=limit)
    except Refused as no:
        return None, no
    asked = form.sample.data or Decimal(USUAL)
    return sample_of(tariff, asked, unit or "", programme.currency, one=one or ""), None


def _unrefused(form: Any) -> None:
    """Another band was asked for: what is not written yet is no mistake."""
    form.form_errors = []
    for field in form:
        field.errors = ()


def _terms(programme: Programme) -> str:
    percent = plain(programme.remuneration_percent, 0, 6)
    if programme.remuneration == "revenue_share":
        return _("You state what clients are charged, and are due %(percent)s %% of it.", percent=percent)
    return _("You state what you are due; clients are charged %(percent)s %% more.", percent=percent)
