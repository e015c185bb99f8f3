"""The question before statements are issued, of one customer or of all, and what is said afterwards."""

import uuid
from typing import Any

from flask import Response, request
from flask_babel import gettext as _
from flask_babel import ngettext

from app.web.csp_invoice_page import InvoicePage, invoice_page, shown
from app.web.fields import Carried, PortalForm
from app.web.fragments import show, show_fresh

#: names in the question; of more the number is said
MOST_NAMED = 12


class Issue(PortalForm):
    #: what the question named; if it comes to something else by then, it is asked again
    shown = Carried(default="")


def ask(page: InvoicePage, form: Issue, *, title: str, names: list[str], customer_id: Any = None) -> Response:
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


def issued(count: int) -> str:
    return ngettext("%(num)s statement issued.", "%(num)s statements issued.", count)


def fresh(document_id: uuid.UUID) -> Response:
    """409 with the invoice as it stands now."""
    page = invoice_page(document_id)
    return show_fresh(page.here, "csp/invoice.html", **shown(page), stale=True)
