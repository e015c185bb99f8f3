"""A new programme: all its terms at once, most of them for good."""

from decimal import Decimal

from babel.numbers import get_currency_name
from flask import Blueprint, Response
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField

from app.catalog.actions import COMPLETION_OUTCOMES
from app.catalog.programmes import (
    DEFAULT,
    LONGEST_NAME,
    PERCENT_PLACES,
    REMUNERATIONS,
    Terms,
    create_programme,
    currencies,
)
from app.foundation import tenancy
from app.foundation.billing_month import CUT_OFF_POLICIES
from app.foundation.money import Money, exponent
from app.foundation.refusals import Refused
from app.web.fields import PortalForm, QuantityField, TextField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.programme_words import (
    CUT_OFFS,
    OUTCOMES,
    REMUNERATION_WORDS,
    REMUNERATIONS_SAID,
    outcome_words,
    policy_words,
)
from app.web.submissions import submit_once

screen = Blueprint("new_programme", __name__)

PATH = "/programmes/new"


class NewProgramme(PortalForm):
    name = TextField(_l("Name"), most=LONGEST_NAME)
    cut_off = RadioField(_l("Cut-off policy"), choices=offered(CUT_OFFS.items()), validate_choice=False)
    currency = SelectField(_l("Currency"), validate_choice=False)
    remuneration = RadioField(_l("Remuneration"), choices=offered(REMUNERATIONS_SAID.items()), validate_choice=False)
    remuneration_percent = QuantityField(_l("Percent"), places=PERCENT_PLACES, limit=Decimal(10_000), zero=True)
    tax_percent = QuantityField(_l("Tax"), places=PERCENT_PLACES, limit=Decimal(1_000), zero=True)
    completion_outcome = RadioField(_l("Completion outcome"), choices=offered(OUTCOMES.items()), validate_choice=False)
    review_threshold = QuantityField(_l("Review threshold"), limit=Decimal(10) ** 7, zero=True, optional=True)
    viewing_takes_all_three = BooleanField(_l("Viewing billing takes all three roles"))
    allows_block = BooleanField(_l("Block tariffs for new plans"))


@screen.get(PATH)
@needs("programme:manage", capacity="operator")
def show_form() -> Response:
    return _page(
        NewProgramme(
            cut_off=DEFAULT.cut_off,
            currency=DEFAULT.currency,
            remuneration=DEFAULT.remuneration,
            remuneration_percent=DEFAULT.remuneration_percent,
            tax_percent=DEFAULT.tax_percent,
            completion_outcome=DEFAULT.completion_outcome,
        )
    )


@screen.post(PATH)
@needs("programme:manage", capacity="operator")
def create() -> Response:
    form = NewProgramme()
    currency = form.currency.data if form.currency.data in currencies() else ""
    form.review_threshold.places = exponent(currency) if currency else 2
    if form.validate_on_submit():
        by = tenancy.current()
        assert by.organisation_id is not None  # the operator's
        seller_id = by.organisation_id
        try:
            programme_id, _first = submit_once(
                form,
                lambda: create_programme(_terms(form, currency), seller_id=seller_id, by=by),
                action="create-programme",
            )
            return go_to(f"/programmes/{programme_id}", toast=_("Set up. Partners can list services under it now."))
        except Refused as no:
            form.refuse(no)
    return _page(form)


def _terms(form: NewProgramme, currency: str) -> Terms:
    threshold = form.review_threshold.data
    return Terms(
        name=form.name.data,
        cut_off=form.cut_off.data or "",
        completion_outcome=form.completion_outcome.data or "",
        review_threshold_minor=None
        if threshold is None or not currency
        else Money(threshold, currency).rounded().minor,
        currency=currency,
        remuneration=form.remuneration.data or "",
        remuneration_percent=form.remuneration_percent.data,
        tax_percent=form.tax_percent.data,
        viewing_takes_all_three=form.viewing_takes_all_three.data,
        allows_block=form.allows_block.data,
    )


def _page(form: NewProgramme) -> Response:
    locale = get_locale()
    form.currency.choices = offered(
        (code, f"{code}, {get_currency_name(code, locale=locale)}") for code in sorted(currencies())
    )
    return show(
        "operator/new_programme.html",
        block="form",
        status=form.status,
        form=form,
        here=PATH,
        cut_offs=[
            {"value": key, "label": words, "small": policy_words(CUT_OFF_POLICIES[key])}
            for key, words in CUT_OFFS.items()
        ],
        remunerations=[
            {"value": key, "label": REMUNERATIONS_SAID[key], "small": REMUNERATION_WORDS[key]} for key in REMUNERATIONS
        ],
        outcomes=[{"value": key, "label": OUTCOMES[key], "small": outcome_words(key)} for key in COMPLETION_OUTCOMES],
    )
