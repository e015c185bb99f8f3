"""Testing: a partner's end-to-end tests of a product before its publication, what they proved, and starting another one."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField

from app.billing.testing import entries_by_state, proven
from app.catalog.model import Product
from app.catalog.queries import product_to_run, product_with_plans
from app.engagements import testing
from app.foundation import tenancy
from app.foundation.refusals import Refused
from app.web.custom_parameters import AsksParameters, asking
from app.web.engagement_header import address
from app.web.fields import TextField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.submissions import submit_once

screen = Blueprint("testing", __name__)


class StartTest(AsksParameters):
    plan = RadioField(_l("Plan"), choices=[], validate_choice=False)
    name = TextField(_l("Name of the test"), most=120, description=_l("What it is to show: Hours over two tiers"))

    @property
    def plan_id(self) -> uuid.UUID | None:
        try:
            return uuid.UUID(self.plan.data or "")
        except ValueError:
            return None


@screen.get("/products/<uuid:product_id>/testing")
@needs("testing:run", capacity="partner")
def show_tests(product_id: uuid.UUID) -> Response:
    product = _own(product_id)
    tests = testing.tests_of(product.id, by=tenancy.current())
    return show(
        "engagements/testing.html",
        block="tests",
        product=product,
        here=_here(product.id),
        is_open=testing.is_open(product.state),
        has_plan=bool(product.plans),
        tests=tests,
        entries=entries_by_state([test.id for test in tests]),
        proven=proven(product.id),
    )


@screen.get("/products/<uuid:product_id>/testing/new", endpoint="ask_start")
@screen.post("/products/<uuid:product_id>/testing/new")
@needs("testing:run", capacity="partner")
def start(product_id: uuid.UUID) -> Response:
    product = _own(product_id)
    if request.method == "GET" and not (testing.is_open(product.state) and product.plans):
        return go_to(_here(product.id))  # that page says why
    form = asking(StartTest, product.parameters)
    form.plan.choices = offered((str(plan.id), plan.name) for plan in product.plans)
    form.plan.flags.required = True
    if request.method == "GET" and len(product.plans) == 1:
        form.plan.data = str(product.plans[0].id)
    if form.validate_on_submit():
        try:
            engagement_id, _first = submit_once(form, lambda: _start(product, form), action="start-test")
            return go_to(
                address(engagement_id), toast=_("Requested. Approve it yourself: in a test you stand on both sides.")
            )
        except Refused as no:
            form.refuse(no)
    asked = {
        "title": _("Start a test engagement"),
        "eyebrow": product.name,
        "action": request.path,
        "submit": _("Start the test"),
        "sentence": _(
            "%(partner)s stands as its own client. It is approved, billed, rated and reviewed like a real engagement, and nobody is charged.",
            partner=tenancy.current().organisation_name,
        ),
        "cancel": _here(product.id),
        "form": form,
        "fields": [form.plan, form.name, *form.parameters],
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)


def _start(product: Product, form: StartTest) -> Any:
    chosen = form.plan_id
    if chosen is None:
        raise Refused("plan", _("Choose one of the product's plans."))
    return testing.start_test(product, plan_id=chosen, name=form.name.data, given=form.given, by=tenancy.current())


def _own(product_id: uuid.UUID) -> Product:
    """The partner's own product with its plans; a published one of another partner is not there to be tested."""
    product_to_run(product_id, tenancy.current())
    return product_with_plans(product_id)


def _here(product_id: uuid.UUID) -> str:
    return f"/products/{product_id}/testing"
