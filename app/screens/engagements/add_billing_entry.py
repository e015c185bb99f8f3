"""Add billing entry: month, metric, quantity, notes; what it will come to and until when, before Next submits it."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField
from wtforms.validators import ValidationError

from app.billing import actions
from app.billing.actions import Draft
from app.billing.explanations import Preview, preview
from app.billing.lookalikes import lookalike_of
from app.billing.model import BillingEntry
from app.billing.queries import provisional_amounts
from app.billing.rating import prices_for
from app.billing.rules import needs_review
from app.catalog.model import Programme
from app.catalog.queries import PlanPrices, PricedMetric, programme_of, step_sentence
from app.engagements.model import Engagement
from app.engagements.queries import EngagementPage
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import one
from app.months.queries import OpenMonth
from app.web.amounts_explained import explained
from app.web.engagement_header import address, crumbs, engagement_asked_for
from app.web.entry_list import months_to_bill
from app.web.fields import Carried, MonthCards, PortalForm, QuantityField, TextField, offered
from app.web.figures import money_with_currency
from app.web.fragments import go_to, show, wants_fragment
from app.web.guard import needs
from app.web.instants import deadline
from app.web.price_words import price_words
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("add_billing_entry", __name__)


class AddEntry(PortalForm):
    month = MonthCards(_l("Month the work belongs to"))
    metric = SelectField(_l("Metric"), validate_choice=False)
    quantity = QuantityField(_l("Quantity"))
    notes = TextField(_l("Notes"), most=500, lines=True, optional=True)
    #: the entry that the page's warning names, so that it is asked about once
    warned = Carried(default="")
    different = BooleanField(_l("It is different work, submit it as well"))

    def validate_metric(self, field: SelectField) -> None:
        if self.metric_id is None:
            raise ValidationError(_("Choose one of the plan's metrics."))

    @property
    def metric_id(self) -> uuid.UUID | None:
        try:
            return uuid.UUID(self.metric.data or "")
        except ValueError:
            return None

    @property
    def draft(self) -> Draft | None:
        """What was entered, where every field has its shape."""
        if self.month.data is None or self.metric_id is None or self.quantity.data is None or self.errors:
            return None
        return Draft(self.metric_id, self.month.data, self.quantity.data, self.notes.data or "")


class Unasked(Exception):
    """The person has not seen the question yet: nothing was submitted."""


@screen.get("/engagements/<uuid:engagement_id>/billing-entries/new")
@needs("billing-entry:submit")
def show_form(engagement_id: uuid.UUID) -> Response:
    page = engagement_asked_for(engagement_id)
    programme = programme_of(page.engagement.product_id)
    form = AddEntry(data=_start(page.engagement, programme))
    return _show(page, programme, form)


@screen.post("/engagements/<uuid:engagement_id>/billing-entries/new")
@needs("billing-entry:submit")
def submit(engagement_id: uuid.UUID) -> Response:
    """Next. With `preview` among the fields it only shows the amount."""
    page = engagement_asked_for(engagement_id)
    programme = programme_of(page.engagement.product_id)
    form = AddEntry()
    fine = form.validate_on_submit()
    if "preview" in request.form:
        return _show(page, programme, form)
    if fine:
        try:
            entry_id, _first = submit_once(
                form, lambda: _submit(page.engagement, programme, form), action="add-billing-entry"
            )
            return go_to(
                f"{address(engagement_id)}/billing-entries",
                toast=_submitted_words(one(BillingEntry, entry_id), page.engagement, programme),
            )
        except Refused as no:
            form.refuse(no)
        except Unasked:
            pass  # the question is on the page below
        except AlreadyDone:
            page = engagement_asked_for(engagement_id)
    return _show(page, programme, form, status=422)


def _submit(engagement: Engagement, programme: Programme, form: AddEntry) -> BillingEntry:
    """Inside the submission's transaction: a second click finds the key spent, not the first click's entry as a twin."""
    draft = form.draft
    assert draft is not None
    question = lookalike_of(engagement.id, draft)
    if (
        question
        and actions.takes_entries(engagement)
        and not form.different.data
        and form.warned.data != str(question.row.id)
    ):
        actions.checked(engagement, programme, draft, clock.now())  # a rule's no comes before a question
        raise Unasked
    return actions.submit(engagement, draft, by=tenancy.current())


def _submitted_words(entry: BillingEntry, engagement: Engagement, programme: Programme) -> str:
    """What comes next: the machine within seconds, or a person where the amount is above the programme's threshold."""
    threshold = programme.review_threshold
    amount = provisional_amounts(engagement).get(entry.id) if threshold else None
    if amount is not None and needs_review(amount, threshold):
        return _(
            "%(number)s submitted. It is above %(amount)s, so it waits for the operator's review.",
            number=entry.number,
            amount=money_with_currency(threshold),
        )
    return _("%(number)s submitted, rating takes seconds", number=entry.number)


def _start(engagement: Engagement, programme: Programme) -> dict[str, Any]:
    """What the form begins with: the month that closes first, or a rejected entry that is to be corrected."""
    months = [one.month for one in months_to_bill(engagement, programme)]
    like = request.args.get("like", "")
    try:
        earlier = actions.entry_of(engagement.id, uuid.UUID(like)) if like else None
    except ValueError:
        earlier = None
    if earlier is None:
        asked = next((month for month in months if str(month) == request.args.get("month")), None)
        return {"month": asked or (months[0] if months else None)}
    month = earlier.service_month if earlier.service_month in months else months[0] if months else None
    return {
        "month": month,
        "metric": str(earlier.metric_id),
        "quantity": earlier.quantity.normalize(),
        "notes": earlier.notes,
    }


def _show(page: EngagementPage, programme: Programme, form: AddEntry, status: int = 200) -> Response:
    engagement = page.engagement
    takes = months_to_bill(engagement, programme)
    months = [one.month for one in takes]
    refused = not actions.takes_entries(engagement)
    month = form.month.data if form.month.data in months else months[0] if months else None
    prices = prices_for(engagement)
    metrics = [] if month is None else _offered(prices.in_month(month))
    chosen = _chosen(form, metrics)
    draft = None if refused else form.draft
    came_to, why_not = _previewed(engagement, programme, draft, prices)
    if form.is_submitted() and not wants_fragment() and why_not and not form.errors:
        form.refuse(why_not)  # "Show amount" without script: the no belongs on its field
    return show(
        "engagements/add_billing_entry.html",
        block="preview",
        status=409
        if refused
        else max(status, form.status if form.is_submitted() and form.quantity.raw else 200, 422 if why_not else 200),
        page=page,
        e=engagement,
        here=address(engagement.id),
        crumbs=[
            crumbs(page, tenancy.current())[-1],
            (engagement.name, address(engagement.id)),
            (_("Billing entries"), f"{address(engagement.id)}/billing-entries"),
        ],
        refused=refused,
        form=form,
        cards=_cards(takes),
        closed=_just_closed(engagement, programme, [one.month for one in takes if one.closes_at]),
        month=month,
        metrics=metrics,
        chosen=chosen,
        price=price_words(chosen) if chosen else "",
        step=step_sentence(chosen.metric.step) if chosen else "",
        preview=came_to,
        how=explained(came_to.explanation) if came_to else None,
        why_not=translate(why_not) if why_not else "",
        question=lookalike_of(engagement.id, draft) if draft else None,
        closes=next((deadline(one.closes_at) for one in takes if one.month == month and one.closes_at), None),
        in_grace=month is not None and clock.now() >= month.next.starts_at,
        threshold=programme.review_threshold,
        live=wants_fragment(),
    )


def _offered(metrics: list[PricedMetric]) -> list[PricedMetric]:
    """What may be billed and costs something in the month; where nothing does, all that may be, and the rule says why not."""
    billable = [priced for priced in metrics if priced.billable]
    return [priced for priced in billable if priced.tariff] or billable


def _chosen(form: AddEntry, metrics: list[PricedMetric]) -> PricedMetric | None:
    form.metric.choices = offered([(str(priced.metric.id), priced.metric.name) for priced in metrics])
    chosen = next((priced for priced in metrics if priced.metric.id == form.metric_id), None)
    if chosen is None and metrics:
        chosen = metrics[0]
        form.metric.data = form.metric.data or str(chosen.metric.id)
    return chosen


def _previewed(
    engagement: Engagement, programme: Programme, draft: Draft | None, prices: PlanPrices
) -> tuple[Preview | None, Refused | None]:
    if draft is None:
        return None, None
    try:
        return preview(engagement, programme, draft, prices), None
    except Refused as no:
        return None, no


def _cards(takes: list[OpenMonth]) -> list[dict[str, Any]]:
    """The open months as ui.radio_cards takes them, each with its closing instant, the viewer's time and the time left."""
    first = next((one for one in takes if one.closes_at), None)
    cards = []
    for open_month in takes:
        card = {"value": str(open_month.month), "label": translate("%(month)s", {"month": open_month.month})}
        if open_month.closes_at is None:
            cards.append({**card, "small": _("reopened until the operator closes it again"), "end": ""})
            continue
        closes: Any = deadline(open_month.closes_at)
        facts = {"utc": closes.utc, "local": closes.local}
        small = _("closes %(utc)s (%(local)s)", **facts) if closes.local else _("closes %(utc)s", **facts)
        card = {**card, "small": small, "end": _("%(left)s left", left=closes.left)}
        cards.append({**card, "icon": "timer"} if open_month is first else card)
    return cards


def _just_closed(
    engagement: Engagement, programme: Programme, months: list[BillingMonth]
) -> tuple[BillingMonth, Any] | None:
    """The month before the open ones and its closing instant, if there was anything to bill in it."""
    if not months or engagement.active_from is None or not months[0].previous.overlaps(engagement.active_from, None):
        return None
    return months[0].previous, programme.policy.closes_at(months[0].previous)
