"""What stands around every tab of a CSP customer's page, its decisions included."""

import uuid
from typing import Any

from flask import Response
from flask_babel import gettext as _

from app.csp.customers.queries import customer_of, missing_of
from app.csp.permissions import MANAGE_CUSTOMERS
from app.foundation import tenancy
from app.members import invitations
from app.notices.addresses import refused_among
from app.web import csp_words
from app.web.csp_amounts import percent
from app.web.csp_linking import awaited_at
from app.web.fragments import show
from app.web.instants import instant_text

NAMES = ("subscriptions", "budget", "invoices", "history")


def path_of(customer_id: uuid.UUID) -> str:
    return f"/csp/customers/{customer_id}"


def head(customer_id: uuid.UUID, tab: str) -> dict[str, Any]:
    """The customer's row, its tabs, and why it is incomplete with what to do about each reason. NotVisible for another's."""
    row = customer_of(customer_id)
    here = path_of(customer_id)
    labels = {
        "subscriptions": (_("Subscriptions"), here),
        "budget": (_("Budget settings"), f"{here}/budget"),
        "invoices": (_("Invoices"), f"{here}/invoices"),
        "history": (_("History"), f"{here}/history"),
    }
    return {
        "c": row,
        "here": here,
        "tabs": [{"label": label, "path": path, "current": name == tab} for name, (label, path) in labels.items()],
        "missing": [(csp_words.MISSING[one], csp_words.what_to_do(one), one) for one in missing_of(row)],
        "contact": csp_words.contact(row),
        "mark_up": percent(row.mark_up),
        "awaited": _awaited(row),
    }


def _awaited(row: Any) -> dict[str, str] | None:
    """Who was invited to begin the linked organisation, and what became of it, while nobody has come."""
    by = tenancy.current()
    found = awaited_at(row, by=by) if by.may(MANAGE_CUSTOMERS) else None
    if found is None:
        return None
    refused = refused_among([found.email]).get(found.email)
    said = {
        invitations.EXPIRED: _("invited %(when)s, expired unanswered", when=instant_text(found.sent_at)),
        "declined": _("invited %(when)s, declined", when=instant_text(found.sent_at)),
        "withdrawn": _("the invitation was withdrawn"),
    }.get(found.standing, _("invited %(when)s, not answered yet", when=instant_text(found.sent_at)))
    return {
        "email": found.email,
        "said": _("its mail server refuses the address: %(word)s", word=refused.word) if refused else said,
    }


def decision(
    form: Any, customer_id: uuid.UUID, verb: str, *, danger: bool = False, back: str = "", **words: Any
) -> Response:
    """A short decision about the customer: a dialog, or a page of its own."""
    here = path_of(customer_id)
    kind = {"kind": "danger"} if danger else {}
    return show(
        "confirm_page.html", block="decision", status=form.status,
        decision={
            "eyebrow": customer_of(customer_id).name, "action": f"{here}/{verb}", "cancel": f"{here}{back}", "form": form,
            "live": True, **kind, **words,
        },
    )  # fmt: skip
