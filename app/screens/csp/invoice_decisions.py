"""What is done with an invoice: issue its statements, for all that are ready or for one customer; override what holds them back."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.csp.invoices.actions import override
from app.csp.statements import actions
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.web.csp_invoice_page import InvoicePage, invoice_page, shown
from app.web.fields import Carried, PortalForm, TextField
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.submissions import submit_each, submit_once
from app.web.templating import translate

screen = Blueprint("csp_invoice_decisions", __name__)

HERE = "/csp/invoices/<uuid:document_id>"
#: names in the question; of more the number is said
MOST_NAMED = 12


class Issue(PortalForm):
    #: what the question named; if it comes to something else by then, it is asked again
    shown = Carried(default="")


class Override(PortalForm):
    reason = TextField(
        _l("Reason"), most=1000, lines=True, description=_l("It stays in the document's history, with your name.")
    )


@screen.get(f"{HERE}/issue", endpoint="ask_issue_all")
@screen.post(f"{HERE}/issue")
@needs("csp-statement:issue", capacity="partner")
def issue_all(document_id: uuid.UUID) -> Response:
    """Every customer that is ready, each in a transaction of its own: one that cannot be issued never holds up the others."""
    page, form = invoice_page(document_id), Issue()
    ready = [(one, actions.amounts_of(page.amounts(one))) for one in page.ready_customers]
    if form.validate_on_submit():
        by = tenancy.current()
        found = submit_each(
            form,
            ready,
            lambda customer_id, amounts: actions.issue(document_id, customer_id, shown=amounts, by=by),
            action="issue-statements",
        )
        refused = [no for no in found.values() if isinstance(no, Refused)]
        issued = sum(1 for no in found.values() if no is None)
        if refused:
            toast = f"{_issued(issued)} {translate(refused[0])}"
            return go_to(page.here, toast=toast, kind="risk" if issued else "blocked")
        if issued:
            return go_to(page.here, toast=_issued(issued))
        return _fresh(document_id)
    if not ready:
        return _fresh(document_id)
    names = [row.part.name for row in page.ready if row.part.customer_id in dict(ready)]
    return _ask(
        page,
        form,
        title=ngettext("Issue %(num)s statement", "Issue %(num)s statements", len(ready)),
        names=list(dict.fromkeys(names)),
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
            return go_to(page.here, toast=_issued(1))
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _fresh(document_id)
    if billed_customer_id not in page.ready_customers:
        return _fresh(document_id)
    form.shown.data = actions.amounts_of(parts)
    return _ask(page, form, title=_("Issue the statement"), names=[parts[0].name], customer_id=billed_customer_id)


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
            return _fresh(document_id)
    if not page.bundle.in_the_way:
        return _fresh(document_id)
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


def _ask(page: InvoicePage, form: Issue, *, title: str, names: list[str], customer_id: Any = None) -> Response:
    rows = [row for row in page.ready if customer_id in (None, row.part.customer_id)]
    told = ", ".join(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        told = _("%(names)s and %(n)s more", names=told, n=len(names) - MOST_NAMED)
    unlinked = len({row.part.customer_id for row in rows if row.part.linked_organisation_id is None})
    told_by_mail = (
        ngettext(
            "%(num)s customer is not linked and is not told by mail.",
            "%(num)s customers are not linked and are not told by mail.",
            unlinked,
        )
        if unlinked
        else _("Each customer's people are told by mail.")
    )
    asked = {
        "eyebrow": page.title,
        "title": title,
        "submit": title,
        "sentence": _(
            "For %(names)s. What is issued is frozen and never changed. %(mail)s", names=told, mail=told_by_mail
        ),
        "action": request.path,
        "cancel": page.here,
        "form": form,
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)


def _issued(count: int) -> str:
    return ngettext("%(num)s statement issued.", "%(num)s statements issued.", count)


def _fresh(document_id: uuid.UUID) -> Response:
    """409 with the invoice as it stands now."""
    page = invoice_page(document_id)
    return show_fresh(page.here, "csp/invoice.html", **shown(page), stale=True)
