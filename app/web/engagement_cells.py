"""Figures of an engagement's row: what its open month holds, and how long it waits for somebody."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from app.engagements import states
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.text import N_
from app.web import instants
from app.web.engagement_header import CLOSES_SOON
from app.web.figures import DASH

#: A request waits too long from here on.
LATE_AFTER = timedelta(hours=24)


class MonthCell(NamedTuple):
    """What the open month holds: an amount, or words instead of it."""

    minor: int | None
    words: str = ""
    #: the class that says how it is meant
    kind: str = ""
    #: small print under it
    small: str = ""


NOTHING = MonthCell(None, DASH)


def month_cell(
    row: Any, soon: Callable[[str, int, int | None], bool], said: Callable[[str], str], *, named: bool
) -> MonthCell:
    """Rated, waiting to be rated, or nothing yet. `soon` and `said`: closes_soon and gettext, or what remembers their answers;
    `named`: the rows differ in months."""
    if row.state not in states.BILLABLE or not row.open_month:
        return NOTHING
    month = instants.month_short(BillingMonth.of_number(row.open_month)) if named else ""
    if row.month_minor is not None:
        return MonthCell(row.month_minor, small=month)
    if row.month_waits:
        return MonthCell(None, said(N_("submitted")), "second", month)
    kind = "amber strong" if soon(row.cut_off, row.open_month, row.reopened_month) else "second"
    return MonthCell(None, said(N_("no entry yet")), kind, month)


def closes_at(row: Any) -> datetime | None:
    """None without an open month, and for one that was reopened: it takes entries until somebody ends that."""
    return _ends(row.cut_off, row.open_month, row.reopened_month)


def closes_soon(cut_off: str, month: int, reopened: int | None) -> bool:
    end = _ends(cut_off, month, reopened)
    return end is not None and end - clock.now() <= CLOSES_SOON


def _ends(cut_off: str, month: int, reopened: int | None) -> datetime | None:
    return None if not month or month == reopened else _closing(cut_off, month)


@lru_cache(maxsize=256)
def _closing(cut_off: str, month: int) -> datetime:
    return CUT_OFF_POLICIES[cut_off].closes_at(BillingMonth.of_number(month))


def waiting_cell(state: str, requested_at: datetime, asked_at: datetime | None) -> tuple[str, bool]:
    """How long somebody's decision has been waited for, and whether that is too long."""
    since = {states.PENDING: requested_at, states.COMPLETION_REQUESTED: asked_at}.get(state)
    if since is None:
        return DASH, False
    age = clock.now() - since
    return instants.duration(age), age > LATE_AFTER
