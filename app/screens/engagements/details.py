"""Details of an engagement, and the decisions that live there: approve, reject, mark as complete, reject completion."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, Field, RadioField

from app.billing.queries import unbilled_open_months
from app.billing.tab_ground import details_tab
from app.catalog.queries import programme_of
from app.engagements import actions, menu, states
from app.engagements.model import Engagement
from app.engagements.queries import EngagementPage
from app.foundation import clock, tenancy
from app.foundation.refusals import AlreadyDone, Refused
from app.months.queries import taking_entries
from app.web.engagement_details import details_of
from app.web.engagement_header import address, also_a_test, engagement_asked_for, engagement_header
from app.web.engagement_history import who_was_faster
from app.web.fields import PortalForm, TextField, offered
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.submissions import submit_once

screen = Blueprint("details", __name__)

KEEP, DELETE = "keep-active", "delete"


class Approve(PortalForm):
    pass


class Reject(PortalForm):
    reason = TextField(_l("Reason"), most=1000, lines=True, description=_l("The client reads it."))


class MarkComplete(PortalForm):
    note = TextField(
        _l("Closing note"),
        most=1000,
        lines=True,
        optional=True,
        description=_l("Kept in the history, for you and the operator."),
    )


class RejectCompletion(PortalForm):
    outcome = RadioField(
        _l("What happens to the engagement"),
        choices=offered([(DELETE, _l("Reject and delete engagement")), (KEEP, _l("Decline, keep active"))]),
    )
    reason = TextField(_l("Reason"), most=1000, lines=True, description=_l("The client reads it."))
    understood = BooleanField(
        _l("I understand that the engagement leaves Current engagements and takes no more entries")
    )

    def validate(self, extra_validators: Any = None) -> bool:
        fine = super().validate(extra_validators=extra_validators)
        if self.outcome.data == DELETE and not self.understood.data:
            self.understood.errors = [_("Tick this to delete the engagement, or choose to keep it active.")]
            return False
        return fine


@screen.get("/engagements/<uuid:engagement_id>")
@needs("engagement:view")
def show_details(engagement_id: uuid.UUID) -> Any:
    return _details(engagement_id)


def _details(engagement_id: uuid.UUID, *, faster: dict[str, Any] | None = None) -> Any:
    """The tab; with `faster` it is the fresh panel after a lost race, 409, wherever it was asked for from."""
    tab = also_a_test(lambda: details_tab(engagement_id))
    header = engagement_header(tab.page, "details")
    context = {**header, **details_of(tab, sees_billing=header["sees_billing"]), "faster": faster}
    if faster:
        return show_fresh(address(engagement_id), "engagements/details.html", **context)
    return show("engagements/details.html", block="panel", **context)


@screen.get("/engagements/<uuid:engagement_id>/approve", endpoint="ask_approve")
@screen.post("/engagements/<uuid:engagement_id>/approve")
@needs("engagement:decide")
def approve(engagement_id: uuid.UUID) -> Any:
    return _decide(
        engagement_id,
        states.APPROVE,
        Approve,
        lambda e, form: actions.approve(e, by=tenancy.current()),
        lambda page, form: {
            "title": _("Approve engagement"),
            "submit": _("Approve"),
            "sentence": _(
                "The test becomes Active, and work is billable from that instant, as in earnest. No client is mailed."
            )
            if page.engagement.is_test
            else _(
                "The engagement becomes Active, work is billable from that instant, and %(client)s is told by e-mail.",
                client=page.customer_name,
            ),
        },
        lambda page, form: (
            _("Approved. The test is active; add a billing entry next.")
            if page.engagement.is_test
            else _("Approved. The engagement is active, and %(client)s is told by e-mail.", client=page.customer_name)
        ),
    )


@screen.get("/engagements/<uuid:engagement_id>/reject", endpoint="ask_reject")
@screen.post("/engagements/<uuid:engagement_id>/reject")
@needs("engagement:decide")
def reject(engagement_id: uuid.UUID) -> Any:
    return _decide(
        engagement_id,
        states.REJECT,
        Reject,
        lambda e, form: actions.reject(e, reason=form.reason.data, by=tenancy.current()),
        lambda page, form: {
            "title": _("Reject engagement"),
            "submit": _("Reject the test") if page.engagement.is_test else _("Reject and tell the client"),
            "sentence": _("The test ends here with your reason. No client is mailed; start another one at any time.")
            if page.engagement.is_test
            else _(
                "It moves to Past engagements with your reason, and %(client)s may ask again.",
                client=page.customer_name,
            ),
            "kind": "danger",
            "fields": [_reason(page, form)],
        },
        lambda page, form: (
            _("Rejected. The test has ended.")
            if page.engagement.is_test
            else _("Rejected. %(client)s is told by e-mail.", client=page.customer_name)
        ),
    )


@screen.get("/engagements/<uuid:engagement_id>/mark-complete", endpoint="ask_mark_complete")
@screen.post("/engagements/<uuid:engagement_id>/mark-complete")
@needs("engagement:complete")
def mark_complete(engagement_id: uuid.UUID) -> Any:
    return _decide(
        engagement_id,
        states.MARK_AS_COMPLETE,
        MarkComplete,
        lambda e, form: actions.mark_as_complete(e, note=form.note.data or "", by=tenancy.current()),
        lambda page, form: {
            "title": _("Mark as complete"),
            "submit": _("Mark as complete"),
            "sentence": _("The test ends; entries already submitted are still rated, and no client is mailed.")
            if page.engagement.is_test
            else _(
                "The engagement moves to Past engagements; entries already submitted are still rated, and nothing more can be billed."
            ),
            "fields": _mark_complete_fields(page, form),
        },
        lambda page, form: (
            _("Complete. The test has been through all of it once its entries are rated.")
            if page.engagement.is_test
            else _("Complete. %(client)s is told by e-mail.", client=page.customer_name)
        ),
    )


@screen.get("/engagements/<uuid:engagement_id>/reject-completion", endpoint="ask_reject_completion")
@screen.post("/engagements/<uuid:engagement_id>/reject-completion")
@needs("engagement:complete")
def reject_completion(engagement_id: uuid.UUID) -> Any:
    words = {
        DELETE: _("Rejected. The engagement was deleted and moved to Past engagements."),
        KEEP: _("Declined. The engagement stays active."),
    }
    return _decide(
        engagement_id,
        states.REJECT_COMPLETION_REQUEST,
        RejectCompletion,
        lambda e, form: actions.reject_completion(
            e, outcome=form.outcome.data, reason=form.reason.data, by=tenancy.current()
        ),
        lambda page, form: {
            "title": _("Reject completion request"),
            "submit": Markup('<span class="when-delete">{}</span><span class="when-keep">{}</span>').format(
                _("Reject and delete engagement"), _("Decline, keep active")
            ),
            "sentence": _(
                "%(client)s asked to complete this engagement and is told your decision and its reason by e-mail.",
                client=page.customer_name,
            ),
            "kind": "danger",
            "fields": _drawn("reject_completion", form=form),
        },
        lambda page, form: words[form.outcome.data],
    )


def _decide(
    engagement_id: uuid.UUID,
    action: str,
    form_class: type[PortalForm],
    do: Callable[[Engagement, Any], Engagement],
    dialog: Callable[[EngagementPage, Any], dict[str, Any]],
    toast: Callable[[EngagementPage, Any], str],
) -> Any:
    """GET asks, POST decides. 409 with the fresh panel when the engagement offers `action` no more, or changed since the form."""
    page = engagement_asked_for(engagement_id)
    form = (
        form_class()
        if request.method == "POST"
        else form_class(version=page.engagement.version, **_preset(page, action))
    )
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: do(_as_seen(form, engagement_id, action), form), action=action)
            return go_to(address(engagement_id), toast=toast(page, form))
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _lost(engagement_id)
    if action not in {line.action for line in menu.lines_for(page.engagement.state, tenancy.current())}:
        return _lost(engagement_id)
    here = address(engagement_id)
    asked = {
        "eyebrow": page.engagement.number,
        "action": request.path,
        "cancel": here,
        "form": form,
        "live": True,
        **dialog(page, form),
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)


def _as_seen(form: PortalForm, engagement_id: uuid.UUID, action: str) -> Engagement:
    """The engagement, if it still is as the form showed it."""
    engagement = tenancy.one(Engagement, engagement_id, lock=True)
    if form.seen_version is not None and form.seen_version != engagement.version:
        raise AlreadyDone(engagement.state, action)
    return engagement


def _lost(engagement_id: uuid.UUID) -> Any:
    return _details(engagement_id, faster=who_was_faster(engagement_id))


def _preset(page: EngagementPage, action: str) -> dict[str, Any]:
    if action != states.REJECT_COMPLETION_REQUEST:
        return {}
    asked = request.args.get("outcome")
    return {"outcome": asked if asked in (KEEP, DELETE) else actions.default_outcome(page.engagement)}


def _reason(page: EngagementPage, form: Reject) -> Field:
    if page.engagement.is_test:
        form.reason.description = _("Kept in the history of the test.")
    return form.reason


def _mark_complete_fields(page: EngagementPage, form: MarkComplete) -> Markup:
    takes = taking_entries(clock.now())[programme_of(page.engagement.product_id).cut_off]
    unbilled = unbilled_open_months(page.engagement, [one.month for one in takes])
    return _drawn("mark_complete", form=form, unbilled=unbilled, here=address(page.engagement.id))


def _drawn(decision: str, **context: Any) -> Markup:
    """The inside of a decision that is more than a list of fields."""
    return Markup(render_template(f"engagements/{decision}_fields.html", **context))  # noqa: S704  our template, escaped
