"""Rating queue: entries that wait for a person, and those the machine has not rated within 24 hours."""

import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing import queries, rating, states
from app.billing.corrections_waiting import waiting_for
from app.billing.model import BillingEntry
from app.billing.review import amounts_now, outlook, partners_waiting, reviewed
from app.billing.rules import is_overdue
from app.catalog.model import Programme
from app.foundation import clock, tenancy
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import one
from app.web.amounts_explained import due_words, explained
from app.web.exports import download
from app.web.fields import Carried, PortalForm, TextField
from app.web.figures import money_with_currency, quantity
from app.web.filters import Choice, Reference
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.instants import month as month_words
from app.web.listing import ListOf
from app.web.queue_file import COLUMNS, queue_rows
from app.web.submissions import submit_once
from app.web.templating import translate

screen = Blueprint("rating_queue", __name__)

HERE = "/reviews/rating"
#: corrections that wait, named above the entries
CORRECTIONS_SHOWN = 3
OVERDUE = {"only": _l("overdue only")}
TESTS = {"only": _l("only tests"), "none": _l("without tests")}


@screen.before_request
def see_tests() -> None:
    """Entries of end-to-end tests are reviewed here like real ones, marked as what they are."""
    tenancy.set_viewer(tenancy.as_tester(tenancy.current()))


class Approve(PortalForm):
    """Nothing to enter."""

    #: the amount that the question names; if it is another one by then, the question is asked again
    shown = Carried(default="")


class Reject(PortalForm):
    reason = TextField(_l("Reason"), most=500, lines=True, description=_l("The partner reads it on the entry."))


@screen.get(HERE)
@screen.get(f"{HERE}.<any(csv, xlsx):kind>")
@needs("rating-queue:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    partners: dict[uuid.UUID, str] = partners_waiting()
    listing = ListOf(
        Choice("overdue", _l("Age"), OVERDUE),
        Reference("partner", _l("Partner"), partners),
        Choice("tests", _l("Tests"), TESTS, unset=_l("shown")),
    ).read()
    asked = listing.values
    found = queries.rating_queue(
        overdue_only=bool(asked["overdue"]),
        partner_id=asked["partner"],
        tests=None if asked["tests"] is None else asked["tests"] == "only",
    )
    if kind:
        tenancy.set_viewer(tenancy.as_usual(tenancy.current()))  # a test leaves the portal in no file
        return download(kind, "rating-queue", COLUMNS, queue_rows(found))
    page = page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before, oldest_first=True)
    now, me = clock.now(), tenancy.current()
    return show(
        "operator/rating_queue.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        amounts=amounts_now(row.id for row in page.rows),
        overdue={row.id for row in page.rows if is_overdue(row.submitted_at, now)},
        decides={row.id for row in page.rows if may_decide(row, me)},
        me=me.member_id,
        all_ticked=request.args.get("tick") == "all",
        corrections=lambda: waiting_for(me, CORRECTIONS_SHOWN),  # asked by the page alone, not by a part of it
    )


@screen.get(f"{HERE}/<uuid:entry_id>")
@needs("rating-queue:view", capacity="operator")
def show_entry(entry_id: uuid.UUID) -> Response:
    return show("operator/reviewed_entry.html", block="panel", stale=False, **_entry(reviewed(entry_id)))


@screen.get(f"{HERE}/<uuid:entry_id>/approve", endpoint="ask_approve")
@screen.post(f"{HERE}/<uuid:entry_id>/approve")
@needs("rating-queue:decide", capacity="operator")
def approve(entry_id: uuid.UUID) -> Response:
    form = Approve()
    return _decide(
        entry_id,
        form,
        lambda entry: rating.approve(entry, shown=form.shown.data or "", by=tenancy.current()),
        _approve_words,
    )


@screen.get(f"{HERE}/<uuid:entry_id>/reject", endpoint="ask_reject")
@screen.post(f"{HERE}/<uuid:entry_id>/reject")
@needs("rating-queue:decide", capacity="operator")
def reject(entry_id: uuid.UUID) -> Response:
    form = Reject()
    return _decide(
        entry_id, form, lambda entry: rating.reject(entry, reason=form.reason.data, by=tenancy.current()), _reject_words
    )


def _decide(entry_id: uuid.UUID, form: PortalForm, do: Any, words: Any) -> Response:
    """GET asks, POST decides; 409 with the entry as it stands now when somebody decided it meanwhile."""
    row = reviewed(entry_id)
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: do(one(BillingEntry, entry_id)), action=request.endpoint or "")
            return go_to(HERE, toast=words(row, form)["toast"])
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _fresh(entry_id)
    if row.state != states.IN_REVIEW:
        return _fresh(entry_id)
    if request.method == "GET" and not may_decide(row, tenancy.current()):
        return go_to(f"{HERE}/{entry_id}")  # one's own submission: that page says why
    asked = {
        "eyebrow": row.number,
        "action": request.path,
        "cancel": f"{HERE}/{entry_id}",
        "form": form,
        "live": True,
        **words(row, form),
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)


def _approve_words(row: Any, form: Approve) -> dict[str, Any]:
    amount = amounts_now([row.id]).get(row.id)
    form.shown.data = "" if amount is None else str(amount)
    facts = {
        "number": row.number,
        "amount": money_with_currency(amount),
        "partner": row.partner_name,
        "client": row.customer_name,
    }
    sentence = _(
        "%(number)s is rated at %(amount)s, %(client)s is charged for it, and no one can change it afterwards.", **facts
    )
    if amount is None:
        sentence = _(
            "%(number)s cannot be rated as it stands; reject it with the reason, so that %(partner)s can submit it again.",
            **facts,
        )
    return {
        "title": _("Approve billing entry"),
        "submit": _("Approve and rate"),
        "sentence": sentence,
        "toast": _("%(number)s is rated.", **facts),
    }


def _reject_words(row: Any, form: Reject) -> dict[str, Any]:
    facts = {"number": row.number, "partner": row.partner_name}
    return {
        "title": _("Reject billing entry"),
        "submit": _("Reject billing entry"),
        "kind": "danger",
        "fields": [form.reason],
        "sentence": _(
            "%(number)s is not charged, and %(partner)s reads your reason and may submit it again while the month is open.",
            **facts,
        ),
        "toast": _("%(number)s is rejected. %(partner)s reads your reason.", **facts),
    }


def _fresh(entry_id: uuid.UUID) -> Response:
    return show_fresh(f"{HERE}/{entry_id}", "operator/reviewed_entry.html", stale=True, **_entry(reviewed(entry_id)))


def may_decide(row: Any, me: tenancy.Viewer) -> bool:
    return row.state == states.IN_REVIEW and me.may("rating-queue:decide") and row.submitted_by_id != me.member_id


def _entry(row: Any) -> dict[str, Any]:
    """The entry's own page: what it is, what it would be rated at now and why, or how it was decided."""
    me = tenancy.current()
    programme = one(Programme, row.programme_id)
    undecided = row.state in states.UNDECIDED
    now = outlook(row) if undecided else None
    amount = now.explanation.rated.amount if now and now.explanation else None
    return {
        "row": row,
        "here": f"{HERE}/{row.id}",
        "programme": programme,
        "threshold": programme.review_threshold,
        "over_threshold": _over(amount, programme.review_threshold),
        "undecided": undecided,
        "amount": amount,
        "so_far": now.so_far if now else None,
        "explained": explained(now.explanation) if now and now.explanation else None,
        "due_words": due_words(now.explanation, programme) if now and now.explanation else "",
        "refusal": translate(now.refusal) if now and now.refusal else "",
        "overdue": undecided and is_overdue(row.submitted_at, clock.now()),
        "decides": may_decide(row, me),
        "own": row.submitted_by_id is not None and row.submitted_by_id == me.member_id,
        "what": f"{quantity(row.quantity)} {row.unit}, {month_words(row.service_month)}",
    }


def _over(amount: Money | None, threshold: Money | None) -> Money | None:
    """By how much the amount exceeds the programme's threshold; None where it does not."""
    if amount is None or threshold is None or not abs(amount) > threshold:
        return None
    return abs(amount) - threshold
