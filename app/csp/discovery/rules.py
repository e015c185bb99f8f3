"""When discovery runs, what it reads again, and where it goes on. Pure."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from app.csp.accounts import states as accounts
from app.csp.discovery.states import ERROR, STOPPED
from app.foundation.text import N_

#: "periodically system triggered per partner twice a day"
RUN_EVERY = timedelta(hours=12)
_CYCLE = int(RUN_EVERY.total_seconds() // 60)
#: a worker that gave no sign of life for so long has lost its run to the next one
SILENT_AFTER = timedelta(seconds=15)
#: what a stopped or failed run has fetched lately is not fetched again by the run after it
GOES_ON_WITHIN = timedelta(hours=12)
#: documents as young as this, counted back from the account's newest, are compared line by line in every run
RECENT = timedelta(days=62)
#: an older document is compared by one run in so many, about once a month: what changes no total stands in no listing
COMPARED_EVERY_RUNS = 60
#: a customer's own page, whose contact no listing tells, is read again by one run in so many: about once a week
DETAILS_EVERY_RUNS = 14
#: so many calls of one kind in a row that reach nobody: the kind is given up for this run
GIVE_UP_AFTER = 3

#: why an account has no runs
NO_RUN = {
    accounts.DRAFT: N_("Login with Microsoft first: the account is not connected."),
    accounts.CONSENT_PENDING: N_("Finish Login with Microsoft first: the account is not connected."),
    accounts.RECONSENT_NEEDED: N_("Microsoft asks for a new consent: sign in again first."),
    accounts.DISABLED: N_("The account is disabled; enable it first."),
    accounts.DISCONNECTED: N_("The account is disconnected."),
}


def why_no_run(account_state: str) -> str | None:
    """The sentence that refuses a run; None where it may be: a connected account, and no other."""
    return None if account_state == accounts.CONNECTED else NO_RUN[account_state]


def offset_of(account_id: uuid.UUID) -> timedelta:
    """Which minute of the twelve hours is this account's: its id modulo 720, so that accounts do not all begin at once."""
    return timedelta(minutes=account_id.int % _CYCLE)


def last_slot(account_id: uuid.UUID, now: datetime) -> datetime:
    """The account's latest minute at or before `now`."""
    minutes, own = int(now.timestamp() // 60), account_id.int % _CYCLE
    return datetime.fromtimestamp(((minutes - own) // _CYCLE * _CYCLE + own) * 60, UTC)


def next_slot(account_id: uuid.UUID, now: datetime) -> datetime:
    """The account's next minute after `now`."""
    return last_slot(account_id, now) + RUN_EVERY


def is_due(account_id: uuid.UUID, now: datetime, *, connected_at: datetime | None, asked_at: datetime | None) -> bool:
    """Whether the system's own run of the present twelve hours is still to be made.

    A run that anybody asked for since counts as it. An account connected after its minute waits for the next: "Later" means later.
    """
    slot = last_slot(account_id, now)
    return all(then is None or then < slot for then in (connected_at, asked_at))


def is_silent(heartbeat_at: datetime | None, now: datetime) -> bool:
    """Whether the worker that has a run is taken for dead: 15.0 s after its last sign of life no, later yes."""
    return heartbeat_at is None or now - heartbeat_at > SILENT_AFTER


def details_are_due(tenant_id: str, run_number: int, *, has_details: bool, is_refused: bool) -> bool:
    """Whether a customer's own page is read in this run: nothing was read since the listing last said something new, or Microsoft
    refused it; else in one run of fourteen, another for each customer."""
    if not has_details or is_refused:
        return True
    return sum(tenant_id.encode()) % DETAILS_EVERY_RUNS == run_number % DETAILS_EVERY_RUNS


class DocumentRead(NamedTuple):
    """How far a document's lines are read."""

    invoice_date: datetime
    #: whether any version was read whole
    has_lines: bool
    #: whether the lines were read since the listing last said something new about their sum
    is_compared: bool
    #: total less the sum of its billing lines; None without lines
    difference: Decimal | None
    #: when the lines in force were read
    read_at: datetime | None


#: the lines are read into a new version; the lines are read and compared, and only loaded when they are others
LOAD, COMPARE = "load", "compare"


def is_its_turn(document_number: str, run_number: int) -> bool:
    """Whether an old document is compared in this run: one run in sixty, another for each."""
    return sum(document_number.encode()) % COMPARED_EVERY_RUNS == run_number % COMPARED_EVERY_RUNS


def lines_due(
    document: DocumentRead, *, newest: datetime, goes_on_from: datetime | None, is_its_turn: bool = False
) -> str | None:
    """LOAD, COMPARE or None.

    Loaded: never read whole, or the listing says another total, currency, amendment or set of lines. Compared: what does not
    reconcile, for a late line may mend it, and what is recent, for a late line may come with another that cancels it; 62 days back
    from the newest document yes, a second more in its turn only. Not compared: what the run that this one goes on from has just read.
    """
    if not (document.has_lines and document.is_compared):
        return LOAD
    if goes_on_from is not None and document.read_at is not None and document.read_at >= goes_on_from:
        return None
    if document.difference or is_its_turn or newest - document.invoice_date <= RECENT:
        return COMPARE
    return None


def may_go_on_with(listed_then: str | None, listed_now: str, begun_at: datetime, run_begun_at: datetime) -> bool:
    """Whether a reading that was cut short is gone on with: the listing says the same as then, and it began less than twelve hours
    before this run. Else its first pages may be another document's than its last ones."""
    return listed_then == listed_now and run_begun_at - begun_at < GOES_ON_WITHIN


class LastRun(NamedTuple):
    state: str
    begun_at: datetime | None
    ended_at: datetime | None


def goes_on_from(last: LastRun | None, now: datetime) -> datetime | None:
    """Since when what was read need not be read again: the beginning of the run before, if it was cut short lately."""
    if last is None or last.begun_at is None or last.ended_at is None or last.state not in (STOPPED, ERROR):
        return None
    return last.begun_at if now - last.ended_at <= GOES_ON_WITHIN else None


def still_to_read(ids: Iterable[str], begun_after: str, after: str | None) -> list[str]:
    """In their order, but those after `begun_after` first: where one run was cut short the next begins, and it misses none.

    `after`: the last one this run has read; None: it has read none.
    """
    ordered = sorted(ids)
    later, earlier = [one for one in ordered if one > begun_after], [one for one in ordered if one <= begun_after]
    if after is None:
        return later + earlier
    if after > begun_after:
        return [one for one in later if one > after] + earlier
    return [one for one in earlier if one > after]


def share_done(done: int, known: int | None) -> float | None:
    """0 to 1 for a bar; None while it is not known of how much."""
    if known is None:
        return None
    return min(1.0, done / known) if known else 1.0
