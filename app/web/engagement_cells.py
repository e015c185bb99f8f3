"""What the present instant says of an engagement's row: when its open month closes, and how long it waits for somebody."""

from datetime import datetime, timedelta
from functools import lru_cache

from app.engagements import states
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.web import instants
from app.web.figures import DASH

#: A request waits too long from here on.
LATE_AFTER = timedelta(hours=24)
#: States in which somebody's decision is waited for; in any other the cells are
AWAITED = (states.PENDING, states.COMPLETION_REQUESTED)
NOBODY = (DASH, False)


def closes_at(cut_off: str, open_month: int, reopened_month: int | None) -> datetime | None:
    """None without an open month, and for one that was reopened: it takes entries until somebody ends that."""
    return None if not open_month or open_month == reopened_month else _closing(cut_off, open_month)


@lru_cache(maxsize=256)
def _closing(cut_off: str, month: int) -> datetime:
    return CUT_OFF_POLICIES[cut_off].closes_at(BillingMonth.of_number(month))


def waiting_for(state: str, requested_at: datetime, asked_at: datetime | None) -> tuple[str, bool]:
    """How long somebody's decision has been waited for, and whether that is too long."""
    if state == states.PENDING:
        since: datetime | None = requested_at
    elif state == states.COMPLETION_REQUESTED:
        since = asked_at
    else:
        return NOBODY
    if since is None:
        return NOBODY
    age = clock.now() - since
    return instants.duration(age), age > LATE_AFTER
