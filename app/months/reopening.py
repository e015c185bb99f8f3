"""Reopening a month: one person asks with a reason, another one confirms; the machine's owner does it in one step.

A reopened month takes entries again whatever the clock says, and the job that freezes months leaves it alone: its cut-off has
passed, so it would be frozen in the same minute. A person freezes or closes it again. What its last close stored stays stored,
and the next close stores anew.
"""

from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import transaction
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.months import events, states
from app.months.actions import held_alone, is_frozen
from app.months.model import Month, MonthReopening
from app.months.queries import waiting_reopening

BY_TWO = N_("by two people")
BY_THE_OWNER = N_("from the command line")


def ask_to_reopen(month: Month, *, reason: str, by: Viewer) -> MonthReopening:
    """Put the wish on record; nothing changes until somebody else confirms it. AlreadyDone when the month takes entries."""
    by.must(events.MANAGE)
    reason = _checked(reason)
    with transaction() as session:
        row = held_alone(month)
        if not is_frozen(row):
            raise AlreadyDone(row.state, states.REOPEN)
        wish = MonthReopening(
            month_id=row.id,
            reason=reason,
            state=states.REQUESTED,
            asked_by_id=by.member_id,
            asked_by_name=by.label,
            asked_at=clock.now(),
            version=1,
        )
        try:
            with session.begin_nested():
                session.add(wish)
        except IntegrityError as waits:
            raise Refused(
                "reason", N_("Somebody has asked for it already; another person has to confirm it.")
            ) from waits
        history.record(
            wish, events.REOPENING_ASKED, by=by, to_state=states.REQUESTED, month=str(row.month), reason=reason
        )
    return wish


def confirm(wish: MonthReopening, *, by: Viewer) -> Month:
    """The second person's yes: the month takes entries again. Never the one who asked."""
    _check_second(wish, by)
    with transaction():
        month = held_alone(one(Month, wish.month_id))
        _decide(wish, states.CONFIRM, month, by)
        _reopen(month, reason=wish.reason, how=BY_TWO, by=by)
    return month


def decline(wish: MonthReopening, *, by: Viewer) -> MonthReopening:
    """The second person's no, or the first one's second thought."""
    by.must(events.MANAGE)
    with transaction():
        _decide(wish, states.DECLINE, held_alone(one(Month, wish.month_id)), by)
    return wish


def reopen_at_once(month: Month, *, reason: str, by: Viewer) -> Month:
    """In one step, for whoever runs the machine and could change the database itself; told as such in History."""
    by.must(events.MANAGE)
    reason = _checked(reason)
    with transaction():
        row = held_alone(month)
        wish = waiting_reopening(row.id)
        if wish is not None:
            _decide(wish, states.CONFIRM, row, by)
        _reopen(row, reason=reason, how=BY_THE_OWNER, by=by)
    return row


def end_waiting(month: Month, *, by: Viewer) -> None:
    """Whoever closes the month declines what was asked of it as it stood: a yes that comes later would open a closed one.

    In the close's transaction, which holds the month alone.
    """
    wish = waiting_reopening(month.id)
    if wish is not None:
        _decide(wish, states.DECLINE, month, by)


def _decide(wish: MonthReopening, action: str, month: Month, by: Viewer) -> None:
    columns = {"decided_by_name": by.label, "decided_at": clock.now()}
    change_state(wish, action, by=by, columns=columns, month=str(month.month))


def _reopen(month: Month, *, reason: str, how: str, by: Viewer) -> None:
    columns = {"frozen_at": None, "closed_at": None}
    change_state(month, states.REOPEN, by=by, columns=columns, month=str(month.month), how=how, reason=reason)


def _check_second(wish: MonthReopening, by: Viewer) -> None:
    by.must(events.MANAGE)
    if by.member_id is not None and wish.asked_by_id == by.member_id:
        raise Refused("month", N_("You asked for this; somebody else has to confirm it."))


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused("reason", N_("Give a reason; it stays in the month's history."))
    if len(reason) > 500:
        raise Refused("reason", N_("Keep the reason below 500 characters."))
    return reason
