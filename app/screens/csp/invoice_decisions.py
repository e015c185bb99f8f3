"""What is done with an invoice: issue one customer's statement (invoice_issuing: all of them); override what holds them back."""

import uuid

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.csp.invoices.actions import override
from app.csp.statements import actions
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.web.csp_invoice_page import invoice_page
from app.web.csp_issuing import Issue, ask, fresh, issued
from app.web.fields import PortalForm, TextField
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.submissions import submit_once

screen = Blueprint("csp_invoice_decisions", __name__)

HERE = "/csp/invoices/<uuid:document_id>"


class Override(PortalForm):
    reason = TextField(
        _l("Reason"), most=1000, lines=True, description=_l("It stays in the document's history, with your name.")
    )


@screen.get(f"{HERE}/customers/<uuid:billed_customer_id>/issue", endpoint="ask_issue_one")
@screen.post(f"{HERE}/customers/<uuid:billed_customer_id>/issue")
@needs("csp-statement:issue", capacity="partner")
def issue_one(document_id: uuid.UUID, billed_customer_id: uuid.UUID) -> Response:
    page, form = invoice_page(document_id), Issue()
    parts = page.amounts(billed_customer_id)
    if not parts:
        raise NotVisible
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: actions.issue(
                    document_id, billed_customer_id, shown=form.shown.data or "", by=tenancy.current()
                ),
                action="issue-statement",
            )
            return go_to(page.here, toast=issued(1))
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return fresh(document_id)
    if billed_customer_id not in page.ready_customers:
        return fresh(document_id)
    form.shown.data = actions.amounts_of(parts)
    return ask(page, form, title=_("Issue the statement"), names=[parts[0].name], customer_id=billed_customer_id)


@screen.get(f"{HERE}/override", endpoint="ask_override")
@screen.post(f"{HERE}/override")
@needs("csp-document:override", capacity="partner")
def override_document(document_id: uuid.UUID) -> Response:
    page, form = invoice_page(document_id), Override()
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: override(document_id, reason=form.reason.data, by=tenancy.current()),
                action="override-document",
            )
            return go_to(page.here, toast=_("Statements may be issued. The reason stands in the history."))
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return fresh(document_id)
    if not page.bundle.in_the_way:
        return fresh(document_id)
    asked = {
        "eyebrow": page.title,
        "title": _("Issue statements all the same"),
        "submit": _("Override"),
        "kind": "danger",
        "sentence": _(
            "Lines and total do not tie, or lines belong to nobody known: what you issue may not be all that Microsoft bills. The override ends as soon as lines are read anew."
        ),
        "action": request.path,
        "cancel": page.here,
        "form": form,
        "fields": [form.reason],
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)
