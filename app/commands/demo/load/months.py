"""The months under a load: closed ones are opened for its rows, and closed again with what they then come to."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from app.commands.demo.load.stage import NoStage, Stage
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import current
from app.months import actions, closing, reopening, states
from app.months.checklist import NotReady, said
from app.months.model import Month

WHY = "Demo data is loaded into the month."
#: how long after its cut-off a month is frozen by the machine
FROZEN_AFTER = timedelta(seconds=4)


def open_up(stage: Stage) -> None:
    """Reopen every closed month that the load bills for: what its close stored would no longer be what it comes to."""
    for row in _months(stage):
        if row.state == states.CLOSED:
            reopening.reopen_at_once(row, reason=WHY, by=current())


def hold(stage: Stage) -> None:
    """Inside a slice's transaction: nobody closes a month under it. NoStage when somebody has since it was opened."""
    wanted = select(Month).where(Month.month >= stage.first).order_by(Month.id).with_for_update(read=True)
    for row in db.session.scalars(wanted.execution_options(populate_existing=True)):
        if row.state == states.CLOSED and row.month <= BillingMonth.at(stage.until):
            raise NoStage(
                f"{row.month} of {row.book} was closed meanwhile. Give the command again: it opens it and goes on."
            )


def settle(stage: Stage, told: Callable[[str], None]) -> int:
    """Freeze what is past its cut-off, close all of it but the month that froze last. Returns how many could not be closed."""
    kept_open = 0
    for row in _months(stage):
        policy = CUT_OFF_POLICIES[row.book]
        if row.state == states.OPEN and policy.closes_at(row.month) <= stage.until:
            with clock.pinned(policy.closes_at(row.month) + FROZEN_AFTER):
                actions.freeze(row, by=current())
        if row.state in (states.FROZEN, states.REOPENED) and policy.closes_at(row.month.next) <= stage.until:
            try:
                closing.close(row, by=current())
            except NotReady as no:
                kept_open += 1
                told(f"{row.month} of {row.book} stays open: {'; '.join(said(line) for line in no.lines)}.")
            else:
                told(f"{row.month} of {row.book} closed.")
    return kept_open


def _months(stage: Stage) -> list[Month]:
    """Every book's months that the load may bill for, oldest first."""
    month, last, found = stage.first, BillingMonth.at(stage.until), []
    while month <= last:
        found += [actions.hold(book, month) for book in CUT_OFF_POLICIES]
        month = month.next
    return found
