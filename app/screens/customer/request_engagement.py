"""Request an engagement: plan, name, contact number, additional information, and what the partner asks besides."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField

from app.catalog import queries
from app.catalog.model import Plan, Product
from app.catalog.price_list import GrossPrice, gross_prices
from app.engagements.actions import request_engagement
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import Refused
from app.foundation.tenancy import one
from app.parties.model import Organisation
from app.web.custom_parameters import AsksParameters, asking
from app.web.fields import PhoneText, TextField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.mail_words import mail_words
from app.web.price_lines import from_amount, from_words
from app.web.submissions import submit_once

screen = Blueprint("request_engagement", __name__)


class RequestForm(AsksParameters):
    """The part every request has."""

    plan = RadioField(_l("Plan"), choices=[], validate_choice=False)
    name = TextField(_l("Name"), most=120)
    contact_number = PhoneText(_l("Contact number"))
    additional_information = TextField(_l("Additional information"), most=2000, lines=True, optional=True)

    def plan_id(self) -> uuid.UUID | None:
        try:
            return uuid.UUID(self.plan.data or "")
        except ValueError:
            self.plan.errors = [_("Choose a plan.")]
            return None


@screen.get("/catalog/<string:slug>/request")
@needs("engagement:request", capacity="customer")
def show_form(slug: str) -> Response:
    product = queries.published_by_slug(slug)
    asked = request.args.get("plan", "")
    plans = [str(plan.id) for plan in _offered_plans(product)]
    chosen = asked if asked in plans else plans[0] if len(plans) == 1 else None
    return _page(_form(product, plan=chosen), product)


@screen.post("/catalog/<string:slug>/request")
@needs("engagement:request", capacity="customer")
def create(slug: str) -> Response:
    product = queries.published_by_slug(slug)
    form = _form(product)
    complete = form.validate_on_submit()
    plan_id = form.plan_id()
    if complete and plan_id:
        try:
            engagement_id, _first = submit_once(
                form, lambda: _create(product, plan_id, form), action="request-engagement"
            )
            toast = mail_words(
                _("Requested. The provider is being mailed and decides; you are told."),
                _("Requested. The provider decides. Mail waits until a mail server is set; all of it stands here too."),
            )
            return go_to(f"/my/engagements/{engagement_id}", toast=toast)
        except Refused as no:
            form.refuse(no)
    return _page(form, product)


def _create(product: Product, plan_id: uuid.UUID, form: RequestForm) -> Any:
    return request_engagement(
        product,
        plan_id=plan_id,
        name=form.name.data,
        contact_number=form.contact_number.data,
        additional_information=form.additional_information.data or "",
        given=form.given,
        by=tenancy.current(),
    )


def _form(product: Product, **shown: Any) -> RequestForm:
    form = asking(RequestForm, product.parameters, **shown)
    form.plan.choices = offered((str(plan.id), plan.name) for plan in _offered_plans(product))
    form.plan.flags.required = True
    return form


def _offered_plans(product: Product) -> list[Plan]:
    """Plans with a price in force; the others wait for their approval and are not offered."""
    priced = {price.plan_id for price in gross_prices(product, BillingMonth.at(clock.now()))}
    return [plan for plan in product.plans if plan.id in priced]


def _page(form: RequestForm, product: Product) -> Response:
    prices = gross_prices(product, BillingMonth.at(clock.now()))
    return show(
        "customer/request.html",
        block="form",
        status=form.status,
        form=form,
        product=product,
        partner=one(Organisation, product.partner_id),
        prices=[(price, from_amount(price.lowest)) for price in prices],
        cards=[
            {"value": str(plan.id), "label": plan.name, "small": plan.description, "end": _lowest(prices, plan.id)}
            for plan in _offered_plans(product)
        ],
        here=f"/catalog/{product.slug}",
    )


def _lowest(prices: list[GrossPrice], plan_id: uuid.UUID) -> str:
    """The plan's lowest price in the catalog's words."""
    of_plan = [price.lowest for price in prices if price.plan_id == plan_id]
    return from_words(min(of_plan, key=lambda price: price.gross_price)) if of_plan else _("no price in force")
