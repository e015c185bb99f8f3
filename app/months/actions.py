"""Holding a month open while an entry goes in, and freezing it once its time is over."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer
from app.months import events, states
from app.months.model import Month


def hold(book: str, month: BillingMonth) -> Month:
    """The month's row, shared until the caller's transaction ends: a freeze waits for it, other submits do not.

    On SQLite the transaction's write lock does the same. Read the clock after this, not before: the instant that counts
    must lie in the time during which no freeze can have happened.
    """
    with transaction() as session:
        wanted = (
            select(Month)
            .where(Month.book == book, Month.month == month)
            .with_for_update(read=True)
            .execution_options(populate_existing=True)
        )
        row = session.scalar(wanted)
        if row is None:
            try:
                with session.begin_nested():
                    session.add(Month(book=book, month=month))
            except IntegrityError:
                pass  # somebody made it in the same moment
            row = session.scalars(wanted).one()
        return row


def is_frozen(month: Month) -> bool:
    """Whether it takes no entry: frozen, or closed as well."""
    return month.state in states.SHUT


def is_reopened(month: Month) -> bool:
    """Whether it takes entries though its cut-off has passed."""
    return month.state == states.REOPENED


def freeze(month: Month, *, by: Viewer) -> None:
    """Close the month's book for entries. Waits for the submits that hold it; AlreadyDone when it is frozen.

    The job does it at the cut-off; by hand it ends what a reopening began.
    """
    by.must(events.MANAGE)
    with transaction():
        row = held_alone(month)
        change_state(row, states.FREEZE, by=by, columns={"frozen_at": clock.now()}, month=str(row.month))


def held_alone(month: Month) -> Month:
    """The month's row, read afresh, nobody else's until the caller's transaction ends: submits and freezes wait."""
    wanted = select(Month).where(Month.id == month.id).with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(wanted).one()


def months_to_freeze() -> list[Month]:
    """Open months whose cut-off has passed, oldest first. A reopened one is not among them: a person ends what a person began."""
    now = clock.now()
    open_rows = db.session.scalars(select(Month).where(Month.state == states.OPEN).order_by(Month.month)).all()
    return [row for row in open_rows if CUT_OFF_POLICIES[row.book].closes_at(row.month) <= now]


def ensure_rows(month: BillingMonth) -> int:
    """Make the month's row in every book, so that a month without a submit freezes like the others. Returns how many."""
    present = set(db.session.scalars(select(Month.book).where(Month.month == month)))
    missing = [book for book in CUT_OFF_POLICIES if book not in present]
    for book in missing:
        hold(book, month)
    return len(missing)
