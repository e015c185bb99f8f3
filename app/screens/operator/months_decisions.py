"""What is done with a month: close it, freeze it again, ask to reopen it, confirm or decline what somebody else asked."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.foundation import tenancy, transitions
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.months import actions, closing, queries, reopening, states
from app.months.model import Month, MonthReopening
from app.web.fields import PortalForm, TextField
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.instants import month as month_words
from app.web.months_shown import BOOKS, shown_month
from app.web.submissions import submit_once

screen = Blueprint("months_decisions", __name__)

HERE = '/months/<month:month>/<any("reject-after-grace", "roll-forward"):book>'


class Nothing(PortalForm):
    """Nothing to enter."""


class Reopen(PortalForm):
    reason = TextField(_l("Reason"), most=500, lines=True, description=_l("It stays in the month's history."))


@screen.get(f"{HERE}/close", endpoint="ask_close")
@screen.post(f"{HERE}/close")
@needs("month:manage", capacity="operator")
def close(month: BillingMonth, book: str) -> Response:
    row = _row(month, book)
    return _decide(
        row,
        Nothing(),
        lambda form: closing.close(row, by=tenancy.current()),
        row.state in (states.FROZEN, states.REOPENED),
        {
            "title": _("Close %(month)s", month=month_words(row.month)),
            "submit": _("Close %(month)s", month=month_words(row.month)),
            "sentence": _(
                "Its totals and the root hash of all history are stored. From then on nothing is booked in it; what turns out wrong is corrected in an open month."
            ),
            "toast": _(
                "%(month)s is closed. Its totals and the history root are stored.", month=month_words(row.month)
            ),
        },
    )


@screen.get(f"{HERE}/freeze", endpoint="ask_freeze")
@screen.post(f"{HERE}/freeze")
@needs("month:manage", capacity="operator")
def freeze(month: BillingMonth, book: str) -> Response:
    """Of a reopened month: no more entries, while what is undecided is decided."""
    row = _row(month, book)
    return _decide(
        row,
        Nothing(),
        lambda form: _frozen(row),
        row.state == states.REOPENED,
        {
            "title": _("Freeze %(month)s", month=month_words(row.month)),
            "submit": _("Freeze %(month)s", month=month_words(row.month)),
            "sentence": _("No entry is accepted any more; entries already submitted are still rated."),
            "toast": _("%(month)s is frozen.", month=month_words(row.month)),
        },
    )


@screen.get(f"{HERE}/reopen", endpoint="ask_reopen")
@screen.post(f"{HERE}/reopen")
@needs("month:manage", capacity="operator")
def reopen(month: BillingMonth, book: str) -> Response:
    row, form = _row(month, book), Reopen()
    return _decide(
        row,
        form,
        lambda form: reopening.ask_to_reopen(row, reason=form.reason.data, by=tenancy.current()),
        _can(row, states.REOPEN) and queries.waiting_reopening(row.id) is None,
        {
            "title": _("Ask to reopen %(month)s", month=month_words(row.month)),
            "submit": _("Ask to reopen it"),
            "kind": "danger",
            "fields": [form.reason],
            "sentence": _(
                "Somebody else confirms it. Then partners may add entries to %(month)s again, until it is closed by hand.",
                month=month_words(row.month),
            ),
            "toast": _("Asked for. Somebody else confirms it."),
        },
    )


@screen.get(f"{HERE}/confirm-reopening", endpoint="ask_confirm")
@screen.post(f"{HERE}/confirm-reopening")
@needs("month:manage", capacity="operator")
def confirm(month: BillingMonth, book: str) -> Response:
    row = _row(month, book)
    wish = queries.waiting_reopening(row.id)
    return _decide(
        row,
        Nothing(),
        lambda form: reopening.confirm(_still(wish), by=tenancy.current()),
        wish is not None,
        {
            "title": _("Reopen %(month)s", month=month_words(row.month)),
            "submit": _("Reopen %(month)s", month=month_words(row.month)),
            "kind": "danger",
            "sentence": _(
                "Partners may add entries to %(month)s again, until it is closed by hand. %(who)s asked for it: %(reason)s",
                month=month_words(row.month),
                who=wish.asked_by_name if wish else "",
                reason=wish.reason if wish else "",
            ),
            "toast": _("%(month)s takes entries again.", month=month_words(row.month)),
        },
    )


@screen.get(f"{HERE}/decline-reopening", endpoint="ask_decline")
@screen.post(f"{HERE}/decline-reopening")
@needs("month:manage", capacity="operator")
def decline(month: BillingMonth, book: str) -> Response:
    row = _row(month, book)
    wish = queries.waiting_reopening(row.id)
    return _decide(
        row,
        Nothing(),
        lambda form: reopening.decline(_still(wish), by=tenancy.current()),
        wish is not None,
        {
            "title": _("Leave %(month)s as it is", month=month_words(row.month)),
            "submit": _("Decline the reopening"),
            "sentence": _("The month stays as it is, and the wish is told in its history as declined."),
            "toast": _("Declined. %(month)s stays as it is.", month=month_words(row.month)),
        },
    )


def _decide(
    row: Month, form: PortalForm, do: Callable[[Any], Any], offered: bool, words: dict[str, Any]
) -> Response:  # fmt: skip
    """GET asks, POST does; 409 with the month as it stands now where that is offered no more."""
    here, toast = f"/months/{row.month}", words.pop("toast")
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: do(form), action=request.endpoint or "")
            return go_to(here, toast=toast)
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _fresh(row)
    if not offered:
        return _fresh(row)
    asked = {
        "eyebrow": str(BOOKS[row.book]),
        "action": request.path,
        "cancel": here,
        "form": form,
        "live": True,
        **words,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)


def _fresh(row: Month) -> Response:
    here = f"/months/{row.month}"
    shown = [shown_month(one) for one in queries.books_of(row.month)]
    return show_fresh(here, "operator/month.html", month=row.month, shown=shown, earlier=[], books=BOOKS, stale=True)


def _row(month: BillingMonth, book: str) -> Month:
    found = next((row for row in queries.books_of(month) if row.book == book), None)
    if found is None:
        raise NotVisible
    return found


def _can(row: Month, action: str) -> bool:
    return transitions.next_state(states.TRANSITIONS, row.state, action) is not None


def _still(wish: MonthReopening | None) -> MonthReopening:
    if wish is None:
        raise AlreadyDone(states.CONFIRMED, states.CONFIRM)
    return wish


def _frozen(row: Month) -> Month:
    if row.state != states.REOPENED:  # an open month is the job's, at its cut-off
        raise AlreadyDone(row.state, states.FREEZE)
    actions.freeze(row, by=tenancy.current())
    return row
