"""The timetable."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from inspect import getmodule

from app.jobs import (
    alert_budgets,
    announce_prices,
    check_history,
    discover,
    forget_notices,
    forget_sessions,
    forget_sign_in_tries,
    forget_submissions,
    forget_webhooks,
    freeze_months,
    purge_lines,
    rate_billing_entries,
    remind_of_months,
    run_checks,
    schedule_discovery,
    send_digests,
    send_notices,
    send_webhooks,
)
from app.jobs.work import Handler, ShareHandler

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True)
class InShares:
    """How many machines do one job at once, where there are many."""

    of: int
    #: the numbers of the shares that have work now
    due: Callable[[], Collection[int]]
    run: ShareHandler


@dataclass(frozen=True)
class Job:
    name: str
    every_seconds: int
    run: Handler
    #: how long after the start it runs first: what is rare must not wait a whole day, nor weigh on the start
    first_after_seconds: int = 1
    #: None: one runner at a time is enough
    in_shares: InShares | None = None

    @property
    def does(self) -> str:
        """The first sentence of the job's file."""
        return " ".join((getmodule(self.run).__doc__ or "").partition("\n\n")[0].split())


JOBS = {
    job.name: job
    for job in (
        Job(
            "rate_billing_entries",
            1,
            rate_billing_entries.run,
            in_shares=InShares(rate_billing_entries.SHARES, rate_billing_entries.shares_due, rate_billing_entries.run),
        ),
        Job("send_notices", 2, send_notices.run),
        Job("send_webhooks", 2, send_webhooks.run),
        Job("freeze_months", 5, freeze_months.run),
        Job("run_checks", 2, run_checks.run),
        Job("discover", 2, discover.run),
        Job("schedule_discovery", MINUTE, schedule_discovery.run, first_after_seconds=15),
        Job("purge_lines", MINUTE, purge_lines.run, first_after_seconds=45),
        Job("send_digests", 5 * MINUTE, send_digests.run, first_after_seconds=20),
        Job("remind_of_months", 10 * MINUTE, remind_of_months.run, first_after_seconds=MINUTE),
        Job("announce_prices", MINUTE, announce_prices.run),
        Job("alert_budgets", MINUTE, alert_budgets.run, first_after_seconds=30),
        Job("check_history", HOUR, check_history.run, first_after_seconds=5 * MINUTE),
        Job("forget_submissions", DAY, forget_submissions.run, first_after_seconds=10 * MINUTE),
        Job("forget_webhooks", DAY, forget_webhooks.run, first_after_seconds=12 * MINUTE),
        Job("forget_sign_in_tries", DAY, forget_sign_in_tries.run, first_after_seconds=11 * MINUTE),
        Job("forget_sessions", DAY, forget_sessions.run, first_after_seconds=12 * MINUTE),
        Job("forget_notices", DAY, forget_notices.run, first_after_seconds=13 * MINUTE),
    )
}
