"""The timetable."""

from dataclasses import dataclass

from app.jobs import (
    check_history,
    forget_sign_in_tries,
    forget_submissions,
    forget_webhooks,
    freeze_months,
    rate_billing_entries,
    send_notices,
    send_webhooks,
)
from app.jobs.work import Handler

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Job:
    name: str
    every_seconds: int
    run: Handler
    #: how long after the start it runs first: what is rare must not wait a whole day, nor weigh on the start
    first_after_seconds: int = 1


JOBS = {
    job.name: job
    for job in (
        Job("rate_billing_entries", 1, rate_billing_entries.run),
        Job("send_notices", 2, send_notices.run),
        Job("send_webhooks", 2, send_webhooks.run),
        Job("freeze_months", 5, freeze_months.run),
        Job("check_history", HOUR, check_history.run, first_after_seconds=5 * MINUTE),
        Job("forget_submissions", DAY, forget_submissions.run, first_after_seconds=10 * MINUTE),
        Job("forget_webhooks", DAY, forget_webhooks.run, first_after_seconds=12 * MINUTE),
        Job("forget_sign_in_tries", DAY, forget_sign_in_tries.run, first_after_seconds=11 * MINUTE),
    )
}
