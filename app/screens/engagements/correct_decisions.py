"""One correction: what was asked for, by whom and why, what it would book now, and the second person's decision."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing import corrections, states
from app.billing.corrections_outlook import Outlook, outlook
from app.billing.corrections_queries import booked_for, may_decide, open_to
from app.billing.model import BillingEntry, Correction
from app.billing.queries import may_view_billing
from app.catalog.model import Metric, Programme
from app.engagements.queries import EngagementPage, engagement_page
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, MissingRole, Refused
from app.foundation.tenancy import acting_for_all, one
from app.web.corrections_shown import in_words, lines_of
from app.web.engagement_header import address, crumbs
from app.web.fields import Carried, PortalForm, TextField
from app.web.figures import money_with_currency
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.instants import month as month_words
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("correct_decisions", __name__)

HERE = "/engagements/<uuid:engagement_id>/corrections/<uuid:correction_id>"


class Approve(PortalForm):
    """Nothing to enter."""

    #: the amounts and the month that the question names; if they are others by then, it is asked again
    shown = Carried(default="")


class Reject(PortalForm):
    reason = TextField(_l("Reason"), most=500, lines=True, description=_l("Who asked for it reads it."))


class Withdraw(PortalForm):
    pass


@screen.get(HERE)
@needs("billing-entry:view")
def show_correction(engagement_id: uuid.UUID, correction_id: uuid.UUID) -> Response:
    page = engagement_page(engagement_id)
    return show("engagements/correction.html", block="panel", **_shown(page, correction_id), stale=False)


@screen.get(f"{HERE}/approve", endpoint="ask_approve")
@screen.post(f"{HERE}/approve")
@needs("correction:decide")
def approve(engagement_id: uuid.UUID, correction_id: uuid.UUID) -> Response:
    form = Approve()
    return _decide(
        engagement_id,
        correction_id,
        form,
        lambda correction: corrections.approve(correction, shown=form.shown.data or "", by=tenancy.current()),
        _approve_words,
        lambda correction: may_decide(correction, tenancy.current()) is None,
    )


@screen.get(f"{HERE}/reject", endpoint="ask_reject")
@screen.post(f"{HERE}/reject")
@needs("correction:decide")
def reject(engagement_id: uuid.UUID, correction_id: uuid.UUID) -> Response:
    form = Reject()
    return _decide(
        engagement_id,
        correction_id,
        form,
        lambda correction: corrections.reject(correction, reason=form.reason.data, by=tenancy.current()),
        _reject_words,
        lambda correction: correction.asked_by_id != tenancy.current().member_id,
    )


@screen.get(f"{HERE}/withdraw", endpoint="ask_withdraw")
@screen.post(f"{HERE}/withdraw")
@needs("correction:request")
def withdraw(engagement_id: uuid.UUID, correction_id: uuid.UUID) -> Response:
    return _decide(
        engagement_id,
        correction_id,
        Withdraw(),
        lambda correction: corrections.withdraw(correction, by=tenancy.current()),
        _withdraw_words,
        lambda correction: correction.asked_by_id == tenancy.current().member_id,
    )


def _decide(
    engagement_id: uuid.UUID,
    correction_id: uuid.UUID,
    form: PortalForm,
    do: Callable[[Correction], Correction],
    words: Callable[[Correction, Any], dict[str, Any]],
    may: Callable[[Correction], bool],
) -> Response:
    """GET asks, POST decides; 409 with the correction as it stands now when somebody decided it meanwhile."""
    page = engagement_page(engagement_id)
    correction = corrections.correction_of(engagement_id, correction_id)
    here = f"{address(engagement_id)}/corrections/{correction_id}"
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: do(one(Correction, correction_id)), action=request.endpoint or "")
            return go_to(here, toast=words(correction, form)["toast"])
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _fresh(page, correction_id, here)
    correction = corrections.correction_of(engagement_id, correction_id)
    if correction.state != states.REQUESTED:
        return _fresh(page, correction_id, here)
    if request.method == "GET" and not may(correction):
        return go_to(here)  # that page says why
    asked = {
        "eyebrow": correction.number,
        "action": request.path,
        "cancel": here,
        "form": form,
        "live": True,
        **words(correction, form),
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)


def _approve_words(correction: Correction, form: Approve) -> dict[str, Any]:
    found, why_not = _outlook(correction)
    form.shown.data = found.shown if found else ""
    sentence = translate(why_not) if why_not else ""
    if found:
        facts = {
            "reversal": money_with_currency(found.reversal),
            "rebill": money_with_currency(found.rebill),
            "month": month_words(found.booked_month),
        }
        sentence = _(
            "%(reversal)s is taken back and %(rebill)s billed anew, both booked in %(month)s; no one can change it afterwards.",
            **facts,
        )
    return {
        "title": _("Approve correction"),
        "submit": _("Approve and book"),
        "sentence": sentence,
        "toast": _("%(number)s is approved and booked.", number=correction.number),
    }


def _reject_words(correction: Correction, form: Reject) -> dict[str, Any]:
    return {
        "title": _("Reject correction"),
        "submit": _("Reject correction"),
        "kind": "danger",
        "fields": [form.reason],
        "sentence": _(
            "Nothing is booked and the entry stays as it is. %(who)s reads your reason and may ask again.",
            who=correction.asked_by_name,
        ),
        "toast": _("%(number)s is rejected.", number=correction.number),
    }


def _withdraw_words(correction: Correction, form: Withdraw) -> dict[str, Any]:
    return {
        "title": _("Take the correction back"),
        "submit": _("Take %(number)s back", number=correction.number),
        "kind": "danger",
        "sentence": _("Nothing is booked and the entry stays as it is."),
        "toast": _("%(number)s is taken back.", number=correction.number),
    }


def _fresh(page: EngagementPage, correction_id: uuid.UUID, here: str) -> Response:
    return show_fresh(here, "engagements/correction.html", stale=True, **_shown(page, correction_id))


def _outlook(correction: Correction) -> tuple[Outlook | None, Refused | None]:
    """What it would book now; why it cannot be booked any more."""
    try:
        return outlook(one(BillingEntry, correction.entry_id), correction.quantity, waiting=correction), None
    except Refused as no:
        return None, no


def _shown(page: EngagementPage, correction_id: uuid.UUID) -> dict[str, Any]:
    correction = corrections.correction_of(page.engagement.id, correction_id)
    viewer, here = tenancy.current(), address(page.engagement.id)
    with acting_for_all("a programme's rules decide for every party"):
        programme = one(Programme, correction.programme_id)
    if not may_view_billing(viewer, takes_all_three=programme.viewing_takes_all_three):
        raise MissingRole("billing-entry:view-with-all-three")
    entry = one(BillingEntry, correction.entry_id)
    unit = one(Metric, entry.metric_id).unit
    waits = correction.state == states.REQUESTED
    found, refusal = _outlook(correction) if waits else (None, None)
    why_not = may_decide(correction, viewer)
    verbs = open_to(correction, viewer)
    return {
        "page": page,
        "e": page.engagement,
        "here": here,
        "back": f"{here}/billing-entries",
        "own": f"{here}/corrections/{correction.id}",
        "crumbs": [
            *crumbs(page, viewer),
            (page.engagement.name, here),
            (_("Billing entries"), f"{here}/billing-entries"),
        ],
        "correction": correction,
        "entry": entry,
        "unit": unit,
        "words": in_words(entry.quantity, correction.quantity, unit),
        "lines": lines_of(entry, correction.quantity, found) if found else [],
        "found": found,
        "changed": found is not None and found.shown != corrections.shown_of(correction),
        "refusal": translate(refusal) if refusal else "",
        "waits": waits,
        "approves": states.APPROVE in verbs,
        "rejects": states.REJECT in verbs,
        "withdraws": states.WITHDRAW in verbs,
        "why_not": translate(why_not) if why_not and waits else "",
        "booked": booked_for(correction),
    }
