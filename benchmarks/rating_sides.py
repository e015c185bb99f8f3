"""`python -m benchmarks.rating_sides portal|limit NUMBER OF`: one runner of one side of figure `rating`, on DATABASE_URL.

Each line that it reads names how many entries to rate of its share, number NUMBER of OF; it answers with what that took, as one
line of JSON. An empty line: it says what stands in the database now, and ends.
"""

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from app import create_app
from app.foundation import chains, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.shares import WHOLE, Share
from app.foundation.tenancy import acting_for_all, current
from app.jobs import rate_billing_entries
from app.jobs.work import never
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

    def __init__(self) -> None:
        self.nanoseconds, self._hash = 0, chains._hash
        chains._hash = self  # type: ignore[assignment]

    def __call__(self, *row: Any) -> str:
        began = time.perf_counter_ns()
        made = self._hash(*row)
        self.nanoseconds += time.perf_counter_ns() - began
        return made


def portal(share: Share) -> Callable[[int], dict[str, Any]]:
    """The portal's own job, run after run, as a worker runs it, until there are so many or none is left."""
    hashing = Hashing()

    def rate(entries: int) -> dict[str, Any]:
        hashing.nanoseconds, rated, largest = 0, 0, 0
        while rated < entries:
            done = rate_billing_entries.run(by=current(), stopped=never, share=share)
            if done.failed:
                raise RuntimeError(f"the job failed at {done.failed}: {done.message}")
            if not done.rows:
                break
            rated, largest = rated + done.rows, max(largest, done.rows)
        return {"rated": rated, "commit": largest, "hash": hashing.nanoseconds / 1e9}

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
        rate = {"portal": portal, "limit": limit}[side](Share(number, of))
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
