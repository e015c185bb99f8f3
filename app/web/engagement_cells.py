"""Figures of an engagement's row: what its open month holds, and how long it waits for somebody."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from app.engagements import states
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.money import Money
from app.foundation.text import N_
from app.web import instants
from app.web.engagement_header import CLOSES_SOON
from app.web.figures import DASH

#: A request waits too long from here on.
LATE_AFTER = timedelta(hours=24)


class Cell(NamedTuple):
    """One figure of a row and the class that says how it is meant."""

    text: Any
    kind: str = ""
    #: small print under it
    small: str = ""


NOTHING = Cell(DASH)


def month_cell(row: Any, written: Any, say: Any, *, named: bool) -> Cell:
    """What the open month holds: rated, waiting to be rated, or nothing yet. `named`: the rows differ in their months."""
    if row.state not in states.BILLABLE or not row.open_month:
        return NOTHING
    month = instants.month_short(BillingMonth.of_number(row.open_month)) if named else ""
    if row.month_minor is not None:
        return Cell(written(Money.of_minor(row.month_minor, row.currency)), "", month)
    if row.month_waits:
        return Cell(say(N_("submitted")), "second", month)
    end = closes_at(row)
    soon = end is not None and end - clock.now() <= CLOSES_SOON
    return Cell(say(N_("no entry yet")), "amber strong" if soon else "second", month)


def closes_at(row: Any) -> datetime | None:
    """None without an open month, and for one that was reopened: it takes entries until somebody ends that."""
    if not row.open_month or row.open_month == row.reopened_month:
        return None
    return _closing(row.cut_off, row.open_month)


@lru_cache(maxsize=256)
def _closing(cut_off: str, month: int) -> datetime:
    return CUT_OFF_POLICIES[cut_off].closes_at(BillingMonth.of_number(month))


def waiting_cell(state: str, requested_at: datetime, asked_at: datetime | None) -> Cell:
    since = {states.PENDING: requested_at, states.COMPLETION_REQUESTED: asked_at}.get(state)
    if since is None:
        return NOTHING
    age = clock.now() - since
    return Cell(instants.duration(age), "bad strong" if age > LATE_AFTER else "")
