"""Figure `submitted_to_rated`: how long a partner's program waits from the answer to its submission until it reads "rated".

A portal behind gunicorn and a worker beside it, as in production. One program sends RATE entries a second for SECONDS, CALL of them
a call, at fixed times whatever the answers take; another asks for rated entries twice a second. Together they stay within the API's
own limit of 600 requests a minute, which is why entries go several a call. What the asking itself takes is on the portal's bill.
"""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
from sqlalchemy import create_engine, select

from app.catalog.model import Metric
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.parties.model import Organisation
from benchmarks.figure import OUTPUT, Asked, Line
from benchmarks.ground import copy_of, grounds, settings
from benchmarks.serving import ROOT, serving

GOAL = "What is submitted is rated before the partner asks again"
SIZES = (1_000,)
#: entries a second, and how many of them a call
RATE, CALL = 100, 25
SECONDS = 40
ASKS_EVERY = 0.5
#: seconds, of 95 in a hundred entries
MOST = 5.0
ENTRIES = "/api/v1/billing-entries"
_ADA = "ada@northbridge.example"


class Partner:
    """Two threads of one program: one submits, one looks. Times are this clock's, by the entry's id."""

    def __init__(self, address: str, key: str, places: list[tuple[uuid.UUID, str]]) -> None:
        self._submitter, self._looker = (
            httpx.Client(base_url=address, timeout=60, headers={"Authorization": f"Bearer {key}"}) for _ in range(2)
        )
        self._places, self._month = places, str(BillingMonth.at(clock.now()))
        self.answered: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self.late = 0.0

    def play(self) -> list[float]:
        """Seconds from answer to seen, in order."""
        looking = threading.Thread(target=self._look, daemon=True)
        looking.start()
        began = time.perf_counter()
        for number in range(SECONDS * RATE // CALL):
            due = began + number * CALL / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            self._submit(number)
            self.late = max(self.late, time.perf_counter() - due)
        looking.join(60)
        if missing := self.answered.keys() - self.seen.keys():
            raise RuntimeError(f"{len(missing)} of {len(self.answered)} were not rated within a minute of the last one")
        return sorted(max(0.0, self.seen[one] - at) for one, at in self.answered.items())

    def _submit(self, number: int) -> None:
        records = []
        for place in range(CALL):
            engagement, metric = self._places[(number * CALL + place) % len(self._places)]
            records.append(
                {"key": str(uuid.uuid4()), "engagement_id": str(engagement), "metric": metric, "month": self._month,
                 "quantity": "1", "notes": f"Ticket {number}-{place}"}
            )  # fmt: skip
        heads = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
        answer = self._submitter.post(f"{ENTRIES}/batch", content=json.dumps({"records": records}), headers=heads)
        now = time.perf_counter()
        for result in answer.raise_for_status().json()["results"]:
            if result["result"] != "created":
                raise RuntimeError(f"not created: {result}")
            self.answered[result["id"]] = now

    def _look(self) -> None:
        while len(self.seen) < SECONDS * RATE:
            began = time.perf_counter()
            self._ask()
            time.sleep(max(0.0, began + ASKS_EVERY - time.perf_counter()))

    def _ask(self) -> None:
        """Rated entries of the month, newest first, page by page until one holds nothing new."""
        query: dict[str, Any] = {"status": "rated", "month": self._month, "limit": 200}
        while True:
            page = self._looker.get(ENTRIES, params=query).raise_for_status().json()
            now, new = time.perf_counter(), 0
            for item in page["items"]:
                if item["notes"].startswith("Ticket ") and item["id"] not in self.seen:
                    self.seen[item["id"]], new = now, new + 1
            if not new or not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]


def measure(asked: Asked) -> Iterator[Line]:
    for database in asked.databases:
        with grounds(database, asked.sizes) as urls:
            for size, kept in urls.items():
                with _partner(kept) as partner:
                    took = partner.play()
                middle, p95, most = (took[int(len(took) * part)] for part in (0.5, 0.95, 0.999))
                note = (
                    f"{len(took):,} entries, {RATE} a second, {CALL} a call: half within {middle:.1f} s, p95 {p95:.1f} s, "
                    f"nearly all {most:.1f} s; calls answered at most {partner.late:.1f} s late"
                )
                yield Line("submitted to rated, p95", database, size, "a second", p95, most=MOST, note=note)


@contextmanager
def _partner(kept: str) -> Iterator[Partner]:
    with ExitStack() as stack:
        url = stack.enter_context(copy_of(kept))
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "api-key", "create", "--member", _ADA]
        told = subprocess.run(command, env=settings(url), cwd=ROOT, check=True, capture_output=True, text=True).stdout
        server = stack.enter_context(serving(url, {}))
        stack.enter_context(_working(url))
        yield Partner(server.address, told.split()[-1], _places(url))


@contextmanager
def _working(url: str) -> Iterator[None]:
    """The worker that production runs beside gunicorn; it has begun when it says so."""
    with (OUTPUT / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "app.commands.worker"]
        worker = subprocess.Popen(command, env=settings(url), cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert worker.stdout
    try:
        if "runs the jobs" not in worker.stdout.readline():
            raise RuntimeError(f"the worker does not start; see {OUTPUT / 'worker.log'}")
        yield
    finally:
        worker.terminate()
        worker.communicate(timeout=60)


def _places(url: str) -> list[tuple[uuid.UUID, str]]:
    """(engagement, code of its first metric) of active engagements of Northbridge's."""
    found = (
        select(Engagement.id, Metric.code)
        .join(Organisation, Organisation.id == Engagement.partner_id)
        .join(Metric, Metric.plan_id == Engagement.plan_id)
        .where(Organisation.name.startswith("Northbridge"), Engagement.state == "active", Engagement.is_test.is_(False))
        .where(Metric.position == 1, Engagement.number >= "ENG-100000")
    )
    engine = create_engine(url)
    with engine.connect() as connection:
        places = [(row.id, row.code) for row in connection.execute(found)]
    engine.dispose()
    return places
