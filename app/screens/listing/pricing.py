"""Product listing > Pricing: the plans, what each counts, what is in force, what is coming, and what is being written."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.catalog import states
from app.catalog.listing_queries import PlanStanding, plan_in, price_in, standing_of
from app.catalog.model import Metric, PriceVersion, Product
from app.catalog.plans import add_plan, change_plan, remove_metric, remove_plan
from app.catalog.queries import PricedMetric
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.web.fields import PortalForm, TextField
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.listing_pages import Confirm, address, decided, listing, saved, shown
from app.web.price_words import price_words

screen = Blueprint("pricing", __name__)


class EditPlan(PortalForm):
    name = TextField(_l("Plan name"), most=60)
    code = TextField(_l("Programmatic name"), most=60)
    description = TextField(_l("Description"), most=500, lines=True, optional=True)


@screen.get("/products/<uuid:product_id>/pricing")
@needs("product:edit", capacity="partner")
def show_pricing(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    month = BillingMonth.at(clock.now())
    return show(
        "listing/pricing.html",
        plans=[_plan(product, standing_of(plan, month)) for plan in product.plans],
        **shown(product, "pricing"),
    )


@screen.get("/products/<uuid:product_id>/pricing/plans/new", endpoint="show_new_plan")
@needs("product:edit", capacity="partner")
def show_new_plan(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return _plan_page(EditPlan(version=product.version), product, None)


@screen.post("/products/<uuid:product_id>/pricing/plans/new")
@needs("product:edit", capacity="partner")
def add(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    form = EditPlan()
    return saved(
        form,
        lambda: add_plan(product, version=form.seen_version or 0, by=tenancy.current(), **_entered(form)),
        lambda **more: _plan_page(form, listing(product_id), None, **more),
        product_id=product_id,
        action="add-plan",
        then=lambda plan_id: address(product_id, "pricing/plans", plan_id, "metrics/new"),
        toast=_("Plan added. Say next what it counts."),
    )


@screen.get("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>")
@needs("product:edit", capacity="partner")
def show_plan(product_id: uuid.UUID, plan_id: uuid.UUID) -> Response:
    product = listing(product_id)
    plan = plan_in(product, plan_id)
    form = EditPlan(version=product.version, name=plan.name, code=plan.code, description=plan.description)
    return _plan_page(form, product, plan_id)


@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>")
@needs("product:edit", capacity="partner")
def change(product_id: uuid.UUID, plan_id: uuid.UUID) -> Response:
    product = listing(product_id)
    plan_in(product, plan_id)
    form = EditPlan()
    return saved(
        form,
        lambda: change_plan(
            product, version=form.seen_version or 0, plan_id=plan_id, by=tenancy.current(), **_entered(form)
        ),
        lambda **more: _plan_page(form, listing(product_id), plan_id, **more),
        product_id=product_id,
        action="change-plan",
        then=address(product_id, "pricing"),
        toast=_("Saved."),
    )


@screen.get("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/remove", endpoint="ask_remove_plan")
@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/remove")
@needs("product:edit", capacity="partner")
def remove(product_id: uuid.UUID, plan_id: uuid.UUID) -> Response:
    product = listing(product_id)
    plan = plan_in(product, plan_id)
    form = Confirm(version=product.version)
    return decided(
        form,
        lambda: remove_plan(product, version=form.seen_version or 0, plan_id=plan_id, by=tenancy.current()),
        lambda: fresh(product_id),
        action="remove-plan",
        then=address(product_id, "pricing"),
        toast=_("Plan %(plan)s is removed.", plan=plan.name),
        decision=_asked(
            product,
            _("Remove plan"),
            _("Plan %(plan)s is removed with its metrics and prices. Nobody was ever offered it.", plan=plan.name),
            _("Remove plan"),
        ),
    )


@screen.get(
    "/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/metrics/<uuid:metric_id>/remove",
    endpoint="ask_remove_metric",
)
@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/metrics/<uuid:metric_id>/remove")
@needs("product:edit", capacity="partner")
def drop_metric(product_id: uuid.UUID, plan_id: uuid.UUID, metric_id: uuid.UUID) -> Response:
    product = listing(product_id)
    plan = plan_in(product, plan_id)
    metric = next((metric for metric in plan.metrics if metric.id == metric_id), None)
    if metric is None:
        return go_to(address(product_id, "pricing"))
    form = Confirm(version=product.version)
    return decided(
        form,
        lambda: remove_metric(
            product, version=form.seen_version or 0, plan_id=plan_id, metric_id=metric_id, by=tenancy.current()
        ),
        lambda: fresh(product_id),
        action="remove-metric",
        then=address(product_id, "pricing"),
        toast=_("%(metric)s is removed.", metric=metric.name),
        decision=_asked(
            product,
            _("Remove metric"),
            _("Plan %(plan)s counts %(metric)s no more; its prices go with it.", plan=plan.name, metric=metric.name),
            _("Remove metric"),
        ),
    )


def fresh(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return show_fresh(address(product_id, "pricing"), "listing/changed.html", **shown(product, "pricing"))


def _asked(product: Product, title: str, sentence: str, submit: str) -> dict[str, Any]:
    return {
        "title": title,
        "eyebrow": product.name,
        "sentence": sentence,
        "submit": submit,
        "kind": "danger",
        "action": request.path,
        "cancel": address(product.id, "pricing"),
    }


def _entered(form: EditPlan) -> dict[str, str]:
    return {"name": form.name.data, "code": form.code.data, "description": form.description.data or ""}


def _plan(product: Product, standing: PlanStanding) -> dict[str, Any]:
    """One plan as the page shows it: its price lists, and which verbs there are in this state."""
    plan = standing.plan
    here = address(product.id, "pricing/plans", plan.id)
    open_one = standing.open
    draft = open_one is None or open_one.state == states.DRAFT
    own = standing.is_new and draft and product.state != states.PRICING_REQUESTED
    return {
        "plan": plan,
        "here": here,
        "is_new": standing.is_new,
        "own": own,
        "metrics": [_metric(metric, open_one, standing, here) for metric in plan.metrics] if standing.is_new else [],
        "in_force": _version(standing.in_force, standing, here),
        "coming": [_version(version, standing, here) for version in standing.coming],
        "open": None if standing.is_new else _version(open_one, standing, here),
        "open_is_draft": draft,
        "asks_alone": own and product.state in states.PRICES_APPROVED and bool(plan.metrics),
        "waits": open_one is not None and open_one.state == states.REQUESTED,
        "may_change": not standing.is_new and open_one is None and product.state in states.PRICES_APPROVED,
        "may_add": not standing.is_new and draft and product.state in states.PRICES_APPROVED,
    }


def _version(version: PriceVersion | None, standing: PlanStanding, here: str) -> dict[str, Any] | None:
    """An edition with the metrics it prices; the open one also with those that it does not price yet."""
    if version is None:
        return None
    metrics = [
        _metric(metric, version, standing, here)
        for metric in standing.plan.metrics
        if price_in(version, metric) is not None or version is standing.open
    ]
    return {"version": version, "metrics": metrics}


def _metric(metric: Metric, version: PriceVersion | None, standing: PlanStanding, here: str) -> dict[str, Any]:
    priced = PricedMetric(metric, version, price_in(version, metric), metric.approved)
    return {
        "metric": metric,
        "price": price_words(priced),
        "here": f"{here}/metrics/{metric.id}",
        "own": standing.is_own(metric),
        "joins": standing.is_own(metric) and not standing.is_new,
    }


def _plan_page(
    form: EditPlan, product: Product, plan_id: uuid.UUID | None, *, status: int = 200, stale: bool = False
) -> Response:
    return show(
        "listing/plan.html",
        status=status,
        form=form,
        stale=stale,
        is_new=plan_id is None,
        plan_path=address(product.id, "pricing/plans", plan_id or "new"),
        **shown(product, "pricing"),
    )
