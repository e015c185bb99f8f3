"""Closing a month: its totals and the root hash of all history are stored, once nothing in it is undecided and all ties."""

from app.foundation import clock
from app.foundation.announcements import Announcement
from app.foundation.beside import read_beside
from app.foundation.change_state import change_state
from app.foundation.database import transaction
from app.foundation.history import History, HistoryHead
from app.foundation.idempotency import Submission
from app.foundation.money import Money
from app.foundation.numbers import next_number
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.transitions import next_state
from app.months import checklist, events, reopening, states
from app.months.actions import held_alone
from app.months.checklist import NotReady, Total
from app.months.model import Month, MonthClose, MonthCloseTotal, MonthReopening
from app.months.root import Root, mark_chains


def close(month: Month, *, by: Viewer) -> MonthClose:
    """Store what the month came to. NotReady with all that is in the way; AlreadyDone when it is closed.

    A reopened month is frozen first, in the same transaction: if it cannot be closed, it stays reopened. The row is held alone,
    so nothing is submitted or corrected into the month meanwhile, and what is rated into it was undecided, and in the way. A
    wish to reopen it that waits is declined with it. The month is counted while the chains are marked: the marks of a month that
    turns out not to be ready are rolled back.
    """
    by.must(events.MANAGE)
    with transaction(), acting_for_all("a close reads every party's rows"):
        row = held_alone(month)
        if row.state == states.REOPENED:
            change_state(row, states.FREEZE, by=by, columns={"frozen_at": clock.now()}, month=str(row.month))
        elif row.state == states.CLOSED:
            raise AlreadyDone(row.state, states.CLOSE)
        reopening.end_waiting(row, by=by)
        as_it_is = Month(book=row.book, month=row.month, state=row.state)
        with read_beside(lambda: _ready(as_it_is), written=NOT_COUNTED) as counted:
            # the series' lock puts closes of different books in order, so that each sees the marks of the one before
            sequence = int(next_number("CLOSE", first=1).rpartition("-")[2])
            root = mark_chains(sequence)
            totals = counted()
        return _stored(row, totals, sequence, root, by)


#: what the transaction of a close may have written, and no line of the checklist asks
NOT_COUNTED = (Month, MonthReopening, History, HistoryHead, Announcement, Submission)


def _ready(month: Month) -> list[Total]:
    """The month's totals, if nothing is in the way."""
    totals = checklist.totals_of(month)
    blocking = checklist.in_the_way(month, totals)
    if blocking or next_state(states.TRANSITIONS, month.state, states.CLOSE) is None:
        raise NotReady(month.month, blocking)
    return totals


def _stored(row: Month, totals: list[Total], sequence: int, root: Root, by: Viewer) -> MonthClose:
    """The close with its totals, written before the month's own event, which tells its root."""
    now = clock.now()
    with transaction() as session:
        closed = MonthClose(
            month_id=row.id,
            sequence=sequence,
            closed_at=now,
            closed_by=by.label,
            root_hash=root.hash,
            chains=root.chains,
            events=root.events,
        )
        session.add(closed)
        session.flush()
        session.add_all(
            MonthCloseTotal(
                close_id=closed.id,
                programme_id=total.programme_id,
                currency=total.currency,
                lines=total.lines,
                gross_minor=total.gross_minor,
                due_minor=total.due_minor,
                tax_minor=total.tax_minor,
            )
            for total in totals
        )
        change_state(row, states.CLOSE, by=by, columns={"closed_at": now}, **_facts(row, totals, root))
    return closed


def _facts(row: Month, totals: list[Total], root: Root) -> dict[str, object]:
    return {
        "month": str(row.month),
        "totals": ", ".join(str(gross) for gross in gross_by_currency(totals)) or "nothing",
        "root": root.hash,
        "chains": root.chains,
        "events": root.events,
    }


def gross_by_currency(totals: list[Total]) -> list[Money]:
    """What customers are charged without tax, one amount a currency."""
    sums: dict[str, int] = {}
    for total in totals:
        sums[total.currency] = sums.get(total.currency, 0) + total.gross_minor
    return [Money.of_minor(sums[currency], currency) for currency in sorted(sums)]
