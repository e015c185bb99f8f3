"""`python -m benchmarks.rating_sides portal|worker|limit NUMBER OF`: one runner of one side of figure `rating`, on DATABASE_URL.

`worker` is the portal's job as one worker process works on it: several shares at a time. Each line that it reads names how many
entries to rate of its share, number NUMBER of OF; it answers with what that took, as one line of JSON. An empty line: it says what
stands in the database now, and ends.
"""

import hashlib
import json
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from flask import current_app
from sqlalchemy import text

from app import create_app
from app.foundation import chains, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.shares import WHOLE, Share
from app.foundation.tenancy import acting_for_all, current
from app.jobs import rate_billing_entries
from app.jobs.work import SHARES_AT_ONCE, never
from benchmarks.rating_limit import Limit

#: All that stands for the entries of the ground, each sum exact: both sides must come to the same.
SUMS = {
    "entries": "SELECT count(*), sum(amount_minor), sum(quantity_before), sum(quantity_after), sum(rated_sequence), sum(version)"
    " FROM billing_entry WHERE state = 'rated'",
    "groups": "SELECT count(*), sum(quantity), sum(amount_minor), sum(entries) FROM rating_group",
    "lines": "SELECT count(*), sum(gross_minor), sum(due_minor), sum(tax_minor), sum(length(description)) FROM charge_line",
    "months": "SELECT count(*), sum(gross_minor), sum(due_minor), sum(tax_minor), sum(lines) FROM charge_month",
    "programmes": "SELECT count(*), sum(gross_minor), sum(due_minor), sum(tax_minor), sum(lines) FROM programme_month",
    "history": "SELECT count(*), sum(sequence), sum(length(facts)) FROM history",
    "heads": "SELECT count(*), sum(length) FROM history_head",
    "announcements": "SELECT count(*), sum(sequence) FROM announcement",
}
EACH = "SELECT number, amount_minor, quantity_before, quantity_after, rated_sequence FROM billing_entry WHERE state = 'rated' ORDER BY number"


class Hashing:
    """What History's hash takes, measured where it is made. The measuring itself stays on the portal's bill."""

    def __init__(self, clock: Callable[[], int], one_in: int) -> None:
        self._clock, self._one_in = clock, one_in
        self._made = self._nanoseconds = 0
        self._hash = chains._hash
        chains._hash = self  # type: ignore[assignment]

    def __call__(self, *row: Any) -> str:
        self._made += 1
        if self._made % self._one_in:
            return self._hash(*row)
        began = self._clock()
        made = self._hash(*row)
        self._nanoseconds += self._clock() - began
        return made

    def begin(self) -> None:
        self._nanoseconds = 0

    @property
    def seconds(self) -> float:
        """Since begin(), in all threads together."""
        return self._nanoseconds * self._one_in / 1e9


class Job:
    """The portal's own job, run after run, as a worker runs it: of whichever share is next."""

    def __init__(self, shares: Iterable[Share]) -> None:
        self._shares = deque(shares)
        self._every, self._rated, self._largest, self._empty = len(self._shares), 0, 0, 0

    def begin(self) -> None:
        self._rated = self._largest = self._empty = 0

    def rate(self, entries: int) -> None:
        """In this thread, until so many are rated by all threads, or none is left."""
        while self._rated < entries and self._empty < self._every:
            share = self._shares.popleft()
            done = rate_billing_entries.run(by=current(), stopped=never, share=share)
            if done.failed:
                raise RuntimeError(f"the job failed at {done.failed}: {done.message}")
            self._shares.append(share)
            self._rated, self._largest = self._rated + done.rows, max(self._largest, done.rows)
            self._empty = 0 if done.rows else self._empty + 1

    @property
    def done(self) -> dict[str, Any]:
        return {"rated": self._rated, "commit": self._largest}


def portal(share: Share) -> Callable[[int], dict[str, Any]]:
    hashing, job = Hashing(time.perf_counter_ns, one_in=1), Job([share])

    def rate(entries: int) -> dict[str, Any]:
        hashing.begin()
        job.begin()
        job.rate(entries)
        return job.done | {"hash": hashing.seconds}

    return rate


def worker(share: Share) -> Callable[[int], dict[str, Any]]:
    """As one worker process works: on some shares at a time, each in a thread."""
    assert share == WHOLE
    # by the thread's own clock, as what another thread does meanwhile is no hash; that clock takes a sixth of what it measures
    hashing = Hashing(time.thread_time_ns, one_in=16)
    job = Job(Share(number, rate_billing_entries.SHARES) for number in range(rate_billing_entries.SHARES))
    here, threads = cast(Any, current_app)._get_current_object(), ThreadPoolExecutor(SHARES_AT_ONCE)

    def in_thread(entries: int) -> None:
        with here.app_context(), acting_for_all("a figure"):
            job.rate(entries)

    def rate(entries: int) -> dict[str, Any]:
        hashing.begin()
        job.begin()
        list(threads.map(in_thread, [entries] * SHARES_AT_ONCE))
        return job.done | {"hash": hashing.seconds / SHARES_AT_ONCE}

    return rate


def limit(share: Share) -> Callable[[int], dict[str, Any]]:
    assert share == WHOLE
    sets = Limit(BillingMonth.at(clock.now()))
    return lambda entries: {"rated": sets.rate(entries), "commit": entries, "hash": 0.0}


def totals() -> dict[str, Any]:
    with db.engine.connect() as connection:
        found: dict[str, Any] = {
            name: [int(sum_) for sum_ in connection.execute(text(sql)).one()] for name, sql in SUMS.items()
        }
        every, rows = hashlib.sha256(), connection.execution_options(stream_results=True).execute(text(EACH))
        for some in rows.partitions(5_000):
            every.update(repr([tuple(row) for row in some]).encode())
        return found | {"each": every.hexdigest()}


def main(side: str, number: int, of: int) -> None:
    app = create_app()
    with app.app_context(), acting_for_all("a figure"):
        rate = {"portal": portal, "worker": worker, "limit": limit}[side](Share(number, of))
        answer({"ready": True})
        for line in sys.stdin:
            if not line.strip():
                break
            began = time.perf_counter()
            done = rate(int(line))
            answer(
                done
                | {
                    "seconds": time.perf_counter() - began,
                    "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                }
            )
        answer(totals())


def answer(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
