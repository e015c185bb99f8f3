"""Budget settings of a CSP customer: mark-up and tax from a day on, and the monthly budget. The page is titled "Budget and mark-up"."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.catalog.programmes import currencies
from app.csp.customers import budgets, mark_ups, rules
from app.csp.customers.model import CspCustomer, CspMarkUp, CspTaxRate
from app.csp.customers.queries import customer_of, today
from app.foundation import tenancy
from app.foundation.exact import LIMIT
from app.foundation.money import Money
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import one
from app.web import csp_words
from app.web.csp_amounts import percent
from app.web.csp_customer_page import decision, head, path_of
from app.web.csp_recipients import check_recipients, who_may_be_told
from app.web.fields import PortalForm, QuantityField, offered
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.instants import month as month_words
from app.web.percent_field import DayField, PercentField
from app.web.submissions import submit_once

screen = Blueprint("csp_customer_terms", __name__, url_prefix="/csp/customers/<uuid:csp_customer_id>")

TAB = "/budget"


class SetRate(PortalForm):
    percent = PercentField(_l("Percent"))
    valid_from = DayField(_l("Counts from"))


class SetBudget(PortalForm):
    amount = QuantityField(_l("Monthly budget"), places=3, limit=LIMIT, zero=True, optional=True)
    currency = SelectField(_l("Currency"), validate_choice=False)
    recipients = SelectMultipleField(
        _l("Who is told"), validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class Remove(PortalForm):
    """Nothing to fill in; what is refused is said of the row."""


@dataclass(frozen=True)
class Rate:
    """One of the two percentages: where it is kept, and what is done with it."""

    model: type[CspMarkUp] | type[CspTaxRate]
    setting: Callable[..., CspCustomer]
    removing: Callable[..., CspCustomer]
    label: Any
    sentence: Any


RATES = {
    "mark-up": Rate(
        CspMarkUp, mark_ups.set_mark_up, mark_ups.remove_mark_up, _l("mark-up"),
        _l("Added to cost, line by line, for charges that begin on that day or later. It is a mark-up and no margin: 20 % on 80.00 sells at 96.00. 0 % is a choice; leaving it unset keeps the account's default."),
    ),
    "tax-rate": Rate(
        CspTaxRate, mark_ups.set_tax_rate, mark_ups.remove_tax_rate, _l("tax rate"),
        _l("Added once a document to what the customer pays. Set it only where it differs from the account's."),
    ),
}  # fmt: skip


@screen.get("/budget")
@needs("csp-customer:view", capacity="partner")
def show_settings(csp_customer_id: uuid.UUID) -> Response:
    around = head(csp_customer_id, "budget")
    budget = budgets.budget_of(csp_customer_id)
    estimate = budgets.estimates_of([csp_customer_id]).get(csp_customer_id)
    return show(
        "csp/customer_budget.html",
        mark_ups=_rows(CspMarkUp, csp_customer_id),
        taxes=_rows(CspTaxRate, csp_customer_id),
        budget=budget and Money.of_minor(budget.amount_minor, budget.currency),
        told=_names(budget.recipients) if budget else [],
        use=_use(budget, estimate),
        estimate=estimate,
        estimated=estimate and csp_words.amount(estimate.cost, estimate.currency),
        tax_rate=percent(around["c"].tax_rate),
        own_tax=any(row["counts"] for row in _rows(CspTaxRate, csp_customer_id)),
        **around,
    )


@screen.get('/<any("mark-up", "tax-rate"):rate>')
@needs("csp-customer:manage", capacity="partner")
def ask_rate(csp_customer_id: uuid.UUID, rate: str) -> Response:
    one(CspCustomer, csp_customer_id)
    return _rate_page(SetRate(valid_from=today()), csp_customer_id, rate)


@screen.post('/<any("mark-up", "tax-rate"):rate>')
@needs("csp-customer:manage", capacity="partner")
def set_rate(csp_customer_id: uuid.UUID, rate: str) -> Response:
    one(CspCustomer, csp_customer_id)
    form = SetRate()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: RATES[rate].setting(
                    csp_customer_id,
                    percent=form.percent.data,
                    valid_from=form.valid_from.data,
                    by=tenancy.current(),
                ),
                action=f"set-{rate}",
            )
            said = _(
                "%(percent)s from %(day)s on.",
                percent=percent(form.percent.data),
                day=csp_words.day(form.valid_from.data),
            )
            return go_to(f"{path_of(csp_customer_id)}{TAB}", toast=said)
        except Refused as no:
            form.refuse(no)
    return _rate_page(form, csp_customer_id, rate)


@screen.get('/<any("mark-up", "tax-rate"):rate>/<string:valid_from>/remove')
@needs("csp-customer:manage", capacity="partner")
def ask_remove(csp_customer_id: uuid.UUID, rate: str, valid_from: str) -> Response:
    return _remove_page(Remove(), csp_customer_id, rate, _day(valid_from))


@screen.post('/<any("mark-up", "tax-rate"):rate>/<string:valid_from>/remove')
@needs("csp-customer:manage", capacity="partner")
def remove(csp_customer_id: uuid.UUID, rate: str, valid_from: str) -> Response:
    one(CspCustomer, csp_customer_id)
    day, form = _day(valid_from), Remove()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: RATES[rate].removing(csp_customer_id, valid_from=day, by=tenancy.current()),
                action=f"remove-{rate}",
            )
            return go_to(f"{path_of(csp_customer_id)}{TAB}", toast=_("Removed. What counted before it counts on."))
        except Refused as no:
            form.refuse(no)
    return _remove_page(form, csp_customer_id, rate, day)


@screen.get("/budget/set")
@needs("csp-customer:manage", capacity="partner")
def ask_budget(csp_customer_id: uuid.UUID) -> Response:
    one(CspCustomer, csp_customer_id)
    budget = budgets.budget_of(csp_customer_id)
    if budget is None:
        return _budget_page(SetBudget(currency=_likely_currency(csp_customer_id)), csp_customer_id)
    amount = Money.of_minor(budget.amount_minor, budget.currency).amount
    return _budget_page(
        SetBudget(amount=amount, currency=budget.currency, recipients=budget.recipients), csp_customer_id
    )


@screen.post("/budget/set")
@needs("csp-customer:manage", capacity="partner")
def set_budget(csp_customer_id: uuid.UUID) -> Response:
    one(CspCustomer, csp_customer_id)
    form = SetBudget()
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: _set(csp_customer_id, form), action="set-csp-budget")
            said = _("No budget from now on.") if form.amount.data is None else _("The budget counts from now on.")
            return go_to(f"{path_of(csp_customer_id)}{TAB}", toast=said)
        except Refused as no:
            form.refuse(no)
    return _budget_page(form, csp_customer_id)


def _set(csp_customer_id: uuid.UUID, form: SetBudget) -> CspCustomer:
    by, amount = tenancy.current(), form.amount.data
    if amount is None:
        return budgets.remove_budget(csp_customer_id, by=by)
    told = check_recipients(form.recipients.data or (), by=by)
    return budgets.set_budget(csp_customer_id, amount=amount, currency=form.currency.data or "", recipients=told, by=by)


def _rows(model: type[CspMarkUp] | type[CspTaxRate], customer_id: uuid.UUID) -> list[dict[str, Any]]:
    """Newest day first; which one counts today, and which are to come."""
    rows, now, counts = mark_ups.rates_of(model, customer_id), today(), True
    shown = []
    for row in rows:
        begun = row.valid_from <= now
        shown.append(
            {
                "percent": percent(row.percent),
                "day": csp_words.day(row.valid_from),
                "valid_from": row.valid_from.isoformat(),
                "counts": begun and counts,
                "coming": not begun,
                "by": row.set_by_name,
                "at": row.set_at,
            }
        )
        counts = counts and not begun
    return shown


def _use(budget: Any, estimate: Any) -> dict[str, Any] | None:
    """How far the estimate is, for a bar; None where the two cannot be compared."""
    if budget is None or estimate is None or budget.currency != estimate.currency:
        return None
    amount = Money.of_minor(budget.amount_minor, budget.currency).amount
    used = rules.used_percent(estimate.cost, amount)
    levels = rules.levels_reached(estimate.cost, amount)
    expected = rules.expected(estimate.cost, estimate.begins, estimate.ends, today())
    passed = estimate.ends < today()
    return {
        "percent": percent(used),
        "month": month_words(estimate.month),
        "value": max(0, min(100, int(used))),
        "kind": "over" if rules.OVER in levels else "near" if levels else "",
        "over": rules.OVER in levels and not passed,
        "trending": not passed
        and rules.is_trending_over(estimate.cost, amount, estimate.begins, estimate.ends, today()),
        "expected": csp_words.amount(expected, estimate.currency),
    }


def _names(recipients: list[str]) -> list[str]:
    names = who_may_be_told(by=tenancy.current())
    return [names[one] for one in recipients if one in names]


def _likely_currency(customer_id: uuid.UUID) -> str:
    estimate = budgets.estimates_of([customer_id]).get(customer_id)
    found = estimate.currency if estimate else customer_of(customer_id).account_currency
    return found if found in currencies() else "USD"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 and text.isascii() else _nothing()
    except ValueError as wrong:
        raise NotVisible from wrong


def _nothing() -> date:
    raise NotVisible


def _rate_page(form: SetRate, csp_customer_id: uuid.UUID, rate: str) -> Response:
    return decision(
        form, csp_customer_id, rate, back=TAB, fields=[form.percent, form.valid_from],
        title=_("Set the %(rate)s", rate=RATES[rate].label), submit=_("Set the %(rate)s", rate=RATES[rate].label),
        sentence=RATES[rate].sentence,
    )  # fmt: skip


def _remove_page(form: Remove, csp_customer_id: uuid.UUID, rate: str, day: date) -> Response:
    one(CspCustomer, csp_customer_id)
    row = next((row for row in mark_ups.rates_of(RATES[rate].model, csp_customer_id) if row.valid_from == day), None)
    if row is None:
        raise NotVisible
    taken: Decimal = row.percent
    return decision(
        form, csp_customer_id, f"{rate}/{day.isoformat()}/remove", back=TAB, danger=True, fields=[],
        title=_("Remove the %(rate)s from %(day)s", rate=RATES[rate].label, day=csp_words.day(day)),
        submit=_("Remove the %(rate)s", rate=RATES[rate].label),
        sentence=_("%(percent)s no longer counts from %(day)s on; what counted before it does, or the account's default.", percent=percent(taken), day=csp_words.day(day)),
    )  # fmt: skip


def _budget_page(form: SetBudget, csp_customer_id: uuid.UUID) -> Response:
    likely = _likely_currency(csp_customer_id)
    form.currency.choices = offered([(one, one) for one in (likely, *sorted(currencies() - {likely}))])
    form.recipients.choices = offered(who_may_be_told(by=tenancy.current()).items())
    form.amount.description = _("Leave it empty to have none. A budget never stops consumption.")
    form.recipients.description = _("Nobody chosen: everybody who may set budgets. They are mailed what it costs you.")
    return decision(
        form, csp_customer_id, "budget/set", back=TAB, fields=[form.amount, form.currency, form.recipients],
        title=_("Set the monthly budget"), submit=_("Save the budget"),
        sentence=_("Mail is sent when Microsoft's estimate of what the customer costs you reaches 80\u00a0%, reaches 100\u00a0%, and first exceeds it, once a month each."),
    )  # fmt: skip
