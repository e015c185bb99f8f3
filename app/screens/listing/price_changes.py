"""Pricing > a plan: change approved prices by a new version, discard it, or send it for approval."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.catalog import states
from app.catalog.listing_queries import plan_in, standing_of
from app.catalog.price_changes import discard_price_change, start_price_change
from app.catalog.price_versions import earliest_month
from app.catalog.requests import request_price_change
from app.catalog.rules import notice_due_at
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.web.fields import MonthCards, PortalForm
from app.web.fragments import go_to, show_fresh
from app.web.guard import needs
from app.web.instants import day
from app.web.instants import month as month_words
from app.web.listing_pages import Confirm, address, decided, listing, shown

screen = Blueprint("price_changes", __name__)

#: how many months the dialog offers; a later one may be asked for through the API
OFFERED = 3


class AskForMonth(PortalForm):
    effective_from = MonthCards(_l("Counts from"))


@screen.get("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/change-prices", endpoint="ask_change")
@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/change-prices")
@needs("product:edit", capacity="partner")
def begin(product_id: uuid.UUID, plan_id: uuid.UUID) -> Response:
    product = listing(product_id)
    plan = plan_in(product, plan_id)
    form = Confirm(version=product.version)
    month = earliest_month(product)
    sentence = _(
        "A new version of the prices of plan %(plan)s begins as a copy. Approved this month, it counts from %(month)s at the earliest; months before it keep their prices.",
        plan=plan.name,
        month=month_words(month),
    )
    return decided(
        form,
        lambda: start_price_change(product, version=form.seen_version or 0, plan_id=plan_id, by=tenancy.current()),
        lambda: _fresh(product_id),
        action="start-price-change",
        then=address(product_id, "pricing"),
        toast=_("Edit the prices of the new version, then request their approval."),
        decision=_asked(product_id, _("Change prices"), product.name, sentence, _("Begin a new version")),
    )


@screen.get("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/discard", endpoint="ask_discard")
@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/discard")
@needs("product:edit", capacity="partner")
def discard(product_id: uuid.UUID, plan_id: uuid.UUID) -> Response:
    product = listing(product_id)
    plan = plan_in(product, plan_id)
    form = Confirm(version=product.version)
    sentence = _(
        "What was written of it is thrown away, and metrics that it adds. The prices of plan %(plan)s stay as they are.",
        plan=plan.name,
    )
    return decided(
        form,
        lambda: discard_price_change(product, version=form.seen_version or 0, plan_id=plan_id, by=tenancy.current()),
        lambda: _fresh(product_id),
        action="discard-price-change",
        then=address(product_id, "pricing"),
        toast=_("Discarded."),
        decision={
            **_asked(product_id, _("Discard the new version"), product.name, sentence, _("Discard version")),
            "kind": "danger",
        },
    )


@screen.get("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/request", endpoint="ask_request")
@screen.post("/products/<uuid:product_id>/pricing/plans/<uuid:plan_id>/request")
@needs("product:edit", capacity="partner")
def send(product_id: uuid.UUID, plan_id: uuid.UUID) -> Response:
    product = listing(product_id)
    standing = standing_of(plan_in(product, plan_id), BillingMonth.at(clock.now()))
    if request.method == "GET" and (standing.open is None or standing.open.state != states.DRAFT):
        return go_to(address(product_id, "pricing"))
    first = standing.is_new
    form: Any = Confirm(version=product.version) if first else AskForMonth(version=product.version)
    earliest = earliest_month(product)
    if not first:
        form.effective_from.offer([earliest.shifted(n) for n in range(OFFERED)])
        if request.method == "GET":
            form.effective_from.data = earliest
    sentence = (
        _(
            "The operator reviews the first prices of plan %(plan)s; approved, it is offered at once.",
            plan=standing.plan.name,
        )
        if first
        else _(
            "The operator reviews the new prices of plan %(plan)s. Customers with current engagements are told on the 1st of the month before; for %(month)s that is %(day)s.",
            plan=standing.plan.name,
            month=month_words(earliest),
            day=day(notice_due_at(earliest)),
        )
    )
    return decided(
        form,
        lambda: request_price_change(
            product,
            version=form.seen_version or 0,
            plan_id=plan_id,
            effective_from=None if first else form.effective_from.data,
            by=tenancy.current(),
        ),
        lambda: _fresh(product_id),
        action="request-price-change",
        then=address(product_id, "pricing"),
        toast=_("Sent. The operator decides; you are mailed the answer."),
        decision={
            **_asked(product_id, _("Request pricing approval"), product.name, sentence, _("Request approval")),
            "fields": [] if first else [form.effective_from],
        },
    )


def _asked(product_id: uuid.UUID, title: str, eyebrow: str, sentence: str, submit: str) -> dict[str, Any]:
    return {
        "title": title,
        "eyebrow": eyebrow,
        "sentence": sentence,
        "submit": submit,
        "action": request.path,
        "cancel": address(product_id, "pricing"),
    }


def _fresh(product_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return show_fresh(address(product_id, "pricing"), "listing/changed.html", **shown(product, "pricing"))
