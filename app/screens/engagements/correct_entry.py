"""Correct a rated entry of a closed month: the right quantity and why, and both lines before anything is sent."""

import uuid

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing import actions, corrections
from app.billing.corrections import Wish
from app.billing.corrections_outlook import Outlook, outlook, why_not_correctable
from app.billing.model import BillingEntry, Correction
from app.catalog.model import Metric, Programme
from app.catalog.queries import step_sentence
from app.engagements.queries import EngagementPage, engagement_page
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import acting_for_all, one
from app.web.corrections_shown import lines_of
from app.web.engagement_header import address, crumbs
from app.web.fields import Carried, PortalForm, QuantityField, TextField
from app.web.fragments import go_to, show, wants_fragment
from app.web.guard import needs
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("correct_entry", __name__)


class Correct(PortalForm):
    quantity = QuantityField(_l("Right quantity"), zero=True)
    reason = TextField(_l("Reason"), most=500, lines=True)
    #: the amounts and the month that the page shows: what is sent is what was seen
    shown = Carried(default="")


class Unseen(Exception):
    """The person has not seen these two lines yet: nothing was asked for."""


@screen.get("/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>/correct")
@needs("correction:request")
def show_form(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    page = engagement_page(engagement_id)
    return _show(page, actions.entry_of(engagement_id, entry_id), Correct())


@screen.post("/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>/correct")
@needs("correction:request")
def ask(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """Asks for it once both lines have been shown as they are; with `preview` among the fields it only shows them."""
    page = engagement_page(engagement_id)
    entry = actions.entry_of(engagement_id, entry_id)
    form = Correct()
    fine = form.validate_on_submit()
    if "preview" in request.form:
        return _show(page, entry, form)
    if fine:
        try:
            correction_id, _first = submit_once(form, lambda: _ask(entry, form), action="correct-billing-entry")
            number = one(Correction, correction_id).number
            return go_to(
                f"{address(engagement_id)}/corrections/{correction_id}",
                toast=_("%(number)s asked for. Somebody else decides it.", number=number),
            )
        except Refused as no:
            form.refuse(no)
        except Unseen:
            pass  # both lines are on the page below
        except AlreadyDone:
            entry = actions.entry_of(engagement_id, entry_id)
    return _show(page, entry, form, status=422)


def _ask(entry: BillingEntry, form: Correct) -> Correction:
    found = outlook(entry, form.quantity.data)
    if form.shown.data != found.shown:
        corrections.checked_reason(form.reason.data)
        raise Unseen
    return corrections.ask(
        entry, Wish(form.quantity.data, form.reason.data), shown=form.shown.data, by=tenancy.current()
    )


def _show(page: EngagementPage, entry: BillingEntry, form: Correct, status: int = 200) -> Response:
    here = address(page.engagement.id)
    blocked = why_not_correctable(entry)
    found, why_not = (None, None) if blocked else _outlook(entry, form)
    if form.is_submitted() and not wants_fragment() and why_not and not form.errors:
        form.refuse(why_not)  # "Show both lines" without script: the no belongs on its field
    form.shown.data = found.shown if found else ""
    metric = one(Metric, entry.metric_id)
    answer = form.status if form.is_submitted() and form.quantity.raw else 200
    # a preview that is late, its form already sent, tells how it stands; nobody was refused anything
    glance = wants_fragment() and "preview" in request.form
    return show(
        "engagements/correct_entry.html",
        block="preview",
        status=(200 if glance else 409) if blocked else max(status, answer, 422 if why_not else 200),
        page=page,
        e=page.engagement,
        entry=entry,
        here=here,
        back=f"{here}/billing-entries",
        crumbs=[
            crumbs(page, tenancy.current())[-1],
            (page.engagement.name, here),
            (_("Billing entries"), f"{here}/billing-entries"),
        ],
        blocked=translate(blocked) if blocked else "",
        form=form,
        unit=metric.unit,
        step=step_sentence(metric.step),
        found=found,
        lines=lines_of(entry, form.quantity.data, found) if found else [],
        live=wants_fragment(),
        threshold=_programme(entry).review_threshold,
        why_not=translate(why_not) if why_not else "",
    )


def _programme(entry: BillingEntry) -> Programme:
    with acting_for_all("a programme's threshold decides for every party"):
        return one(Programme, entry.programme_id)


def _outlook(entry: BillingEntry, form: Correct) -> tuple[Outlook | None, Refused | None]:
    if form.quantity.data is None or form.quantity.errors:
        return None, None
    try:
        return outlook(entry, form.quantity.data), None
    except Refused as no:
        return None, no
