"""Several entries of the rating queue decided at once: each at the amount shown, each in its own transaction, told one by one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.billing import waiting
from app.billing.model import BillingEntry
from app.billing.review import amounts_now, reviewed_among
from app.billing.rules import is_overdue
from app.billing.states import IN_REVIEW
from app.foundation import clock, tenancy
from app.foundation.money import Money
from app.foundation.refusals import AlreadyDone, KeyReused, MissingRole, NotVisible, Refused
from app.web.fields import Carried, PortalForm, TextField
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.submissions import No, submit_each
from app.web.templating import translate

screen = Blueprint("decide_entries", __name__)

QUEUE = "/reviews/rating"
HERE = f"{QUEUE}/decide"
#: two pages of the queue; what is beyond was not ticked by a person
MOST = 100


class Approve(PortalForm):
    """Nothing to enter: each row carries its entry and the amount that was shown for it."""

    verb = Carried(default="approve")


class Reject(PortalForm):
    verb = Carried(default="reject")
    reason = TextField(
        _l("Reason"), most=500, lines=True, description=_l("One for all of them; each partner reads it on its entry.")
    )


@dataclass(frozen=True)
class Told:
    """What became of one entry. `no` empty: it is decided as asked."""

    row: Any
    no: str


@screen.before_request
def see_tests() -> None:
    """The queue's entries, those of end-to-end tests included."""
    tenancy.set_viewer(tenancy.as_tester(tenancy.current()))


@screen.get(HERE)
@needs("rating-queue:decide", capacity="operator")
def ask() -> Response:
    """What was ticked in the queue, at its amounts now, to be confirmed."""
    ticked = _ids(request.args.getlist("entry"))
    if not ticked:
        return go_to(QUEUE, toast=_("Tick the entries first, then choose what becomes of them."), kind="blocked")
    return _asked(ticked, _form(request.args.get("verb", "")))


@screen.post(HERE)
@needs("rating-queue:decide", capacity="operator")
def decide() -> Response:
    ticked = _ids(request.form.getlist("entry"))
    form = _form(request.form.get("verb", ""))
    if not ticked:
        return go_to(QUEUE, toast=_("Tick the entries first, then choose what becomes of them."), kind="blocked")
    if not form.validate_on_submit():
        return _asked(ticked, form)
    shown = [(entry_id, request.form.get(f"shown-{entry_id}", "")[:60]) for entry_id in ticked]
    outcomes = submit_each(
        form, shown, lambda entry_id, amount: _decide(entry_id, amount, form), action="decide-entries"
    )
    return _told(form, outcomes)


def _decide(entry_id: uuid.UUID, shown: str, form: Approve | Reject) -> BillingEntry:
    by = tenancy.current()
    if isinstance(form, Reject):
        return waiting.reject(entry_id, reason=form.reason.data, by=by)
    if not shown:
        raise Refused("entry", _("It had no amount on the page: look at it by itself."))
    return waiting.approve(entry_id, shown=shown, by=by)


def _asked(ticked: Sequence[uuid.UUID], form: Approve | Reject) -> Response:
    rows = reviewed_among(ticked)
    me = tenancy.current().member_id
    open_ones = [row for row in rows.values() if row.state == IN_REVIEW and row.submitted_by_id != me]
    amounts = amounts_now(row.id for row in open_ones)
    approves = isinstance(form, Approve)
    listed = [row for row in open_ones if not approves or amounts.get(row.id) is not None]
    now = clock.now()
    return show(
        "operator/decide_entries.html",
        block="decision",
        status=form.status,
        form=form,
        approves=approves,
        rows=listed,
        amounts=amounts,
        sums=_sums(listed, amounts),
        tests=any(row.is_test for row in listed),
        left_out=len(ticked) - len(listed),
        overdue={row.id for row in listed if is_overdue(row.submitted_at, now)},
    )


def _told(form: Approve | Reject, outcomes: dict[uuid.UUID, No | None]) -> Response:
    """Back to the queue when all is done; else each entry with what became of it."""
    done = sum(no is None for no in outcomes.values())
    words = (
        ngettext("%(num)s rated", "%(num)s rated", done)
        if isinstance(form, Approve)
        else ngettext("%(num)s rejected", "%(num)s rejected", done)
    )
    left = len(outcomes) - done
    if not left:
        return go_to(QUEUE, toast=f"{words}.")
    rows = reviewed_among(outcomes)
    told = [Told(row, _words(outcomes[key])) for key, row in rows.items()]
    again = [key for key, row in rows.items() if outcomes[key] and row.state == IN_REVIEW]
    return show(
        "operator/decided_entries.html",
        status=409,
        heading=_("%(done)s, %(left)s left", done=words, left=left),
        approves=isinstance(form, Approve),
        told=told,
        unseen=len(outcomes) - len(rows),
        again="&".join(f"entry={key}" for key in again),
    )


def _words(no: No | None) -> str:
    match no:
        case None:
            return ""
        case Refused():
            return translate(no)
        case AlreadyDone():
            return _("Somebody else has decided it meanwhile.")
        case KeyReused():
            return _("This form was sent before with another amount or reason; the first one counts.")
        case NotVisible() | MissingRole():
            return _("It is not in your queue.")


def _form(verb: str) -> Approve | Reject:
    return Reject() if verb == "reject" else Approve()


def _ids(texts: Sequence[str]) -> list[uuid.UUID]:
    """What was ticked, each once, at most MOST; what is no id was not ticked on our page."""
    found: dict[uuid.UUID, None] = {}
    for text in texts[: 10 * MOST]:
        try:
            found[uuid.UUID(text)] = None
        except ValueError:
            continue
    return list(found)[:MOST]


def _sums(rows: Sequence[Any], amounts: dict[uuid.UUID, Money | None]) -> list[Money]:
    """What the real ones come to, one amount a currency. A test is in no total."""
    sums: dict[str, Money] = {}
    for row in rows:
        amount = amounts.get(row.id)
        if amount is not None and not row.is_test:
            sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
    return [sums[currency] for currency in sorted(sums)]
