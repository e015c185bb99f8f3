"""Figure `batches`: billing entries sent to the API a thousand a call, against a bare bulk insert of the same entries' rows.

The API's calls carry a real key and an Idempotency-Key each, go over HTTP, are judged record by record and leave entries, History
and announcements behind. The bare insert puts the very same rows, under other ids, numbers and record keys, into the same table of
another copy of the database, a thousand a commit: by COPY on PostgreSQL, by executemany on SQLite. Calls and inserts take turns.
"""

import json
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psycopg
from sqlalchemy import create_engine, make_url, select

from app.billing.model import BillingEntry
from app.catalog.model import Metric
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.parties.model import Organisation
from benchmarks.figure import Asked, Line, median_ratio
from benchmarks.ground import copy_of, grounds, settings
from benchmarks.serving import ROOT, Server, forget_peak, peak_memory, serving

GOAL = "What a program sends in bulk is not far from a bulk insert"
SIZES = (10_000,)
RECORDS = 1_000
#: calls a round, each on engagements of its own
CALLS = 5
ENTRIES = 5
#: of the bare insert's speed
LEAST = 0.2
PATH = "/api/v1/billing-entries/batch"
_ADA = "ada@northbridge.example"


@dataclass
class Sender:
    """One database, round by round; seconds a call."""

    server: Server
    bare: "Bare"
    key: str
    #: (engagement, code of its metric) of Northbridge's active engagements
    places: list[tuple[uuid.UUID, str]]
    sent: list[float] = field(default_factory=list)
    inserted: list[float] = field(default_factory=list)
    peak: float = 0

    def round(self) -> None:
        (worker,) = self.server.workers
        forget_peak(worker)
        sent = inserted = 0.0
        for _ in range(CALLS):
            keys, seconds = self._call()
            sent += seconds
            inserted += self.bare.insert(keys)
        self.sent.append(sent / CALLS)
        self.inserted.append(inserted / CALLS)
        self.peak = max(self.peak, peak_memory(worker))

    def _call(self) -> tuple[list[str], float]:
        some = [self.places.pop() for _ in range(RECORDS // ENTRIES)]
        month = str(BillingMonth.at(clock.now()))
        records = [
            {"key": str(uuid.uuid4()), "engagement_id": str(engagement), "metric": metric, "month": month,
             "quantity": str(hours), "notes": f"Night shift, {hours} tickets"}
            for engagement, metric in some for hours in range(1, 1 + ENTRIES)
        ]  # fmt: skip
        body = json.dumps({"records": records}).encode()
        heads = {
            "Authorization": f"Bearer {self.key}",
            "Idempotency-Key": str(uuid.uuid4()),
            "Content-Type": "application/json",
        }
        began = time.perf_counter()
        answer = self.server.anybody.post(PATH, content=body, headers=heads, timeout=120)
        seconds = time.perf_counter() - began
        results = answer.raise_for_status().json()["results"]
        if refused := [one for one in results if one["result"] != "created"]:
            raise RuntimeError(f"{len(refused)} of {len(results)} were not created: {refused[0]}")
        return [record["key"] for record in records], seconds


class Bare:
    """Puts rows of entries that stand in `source` into `target`, past everything."""

    def __init__(self, source: str, target: str) -> None:
        self._postgres = source.startswith("postgresql")
        self._source, self._target = (_driver(url) for url in (source, target))
        self._columns = [column.name for column in BillingEntry.__mapper__.columns]

    def insert(self, keys: Sequence[str]) -> float:
        rows = [self._anew(row) for row in self._found(keys)]
        if len(rows) != len(keys):
            raise RuntimeError(f"{len(keys)} were sent, {len(rows)} stand there")
        listed = ", ".join(self._columns)
        began = time.perf_counter()
        if self._postgres:
            with self._target.cursor() as cursor, cursor.copy(f"COPY billing_entry ({listed}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join("?" * len(self._columns))
            self._target.executemany(f"INSERT INTO billing_entry ({listed}) VALUES ({places})", rows)
        self._target.commit()
        return time.perf_counter() - began

    def close(self) -> None:
        self._source.close()
        self._target.close()

    def _found(self, keys: Sequence[str]) -> list[Any]:
        place = "%s" if self._postgres else "?"
        marks = ", ".join([place] * len(keys))
        wanted = f"SELECT {', '.join(self._columns)} FROM billing_entry WHERE record_key IN ({marks})"
        found: list[Any] = self._source.execute(wanted, list(keys)).fetchall()
        self._source.rollback()
        return found

    def _anew(self, row: Sequence[Any]) -> list[Any]:
        another = uuid.uuid4()
        changed = {
            "id": another if self._postgres else another.hex,
            "number": f"B-{another.hex[:16]}",
            "record_key": str(another),
        }
        return [changed.get(name, value) for name, value in zip(self._columns, row, strict=True)]


def measure(asked: Asked) -> Iterator[Line]:
    for database in asked.databases:
        with ExitStack() as stack:
            for size, kept in stack.enter_context(grounds(database, asked.sizes)).items():
                sender = stack.enter_context(_sender(kept))
                for _ in range(asked.rounds):
                    sender.round()
                sent, bare = median(sender.sent), median(sender.inserted)
                yield Line(
                    f"API batches of {RECORDS:,}", database, size, "bare bulk insert", median_ratio(sender.inserted, sender.sent),
                    least=LEAST, note=f"{RECORDS / sent:,.0f} entries/s, bare {RECORDS / bare:,.0f}; server at most {sender.peak:.0f} MB",
                )  # fmt: skip


@contextmanager
def _sender(kept: str) -> Iterator[Sender]:
    with ExitStack() as stack:
        ours = stack.enter_context(copy_of(kept))
        theirs = stack.enter_context(copy_of(kept, "bare"))
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "api-key", "create", "--member", _ADA]
        told = subprocess.run(command, env=settings(ours), cwd=ROOT, check=True, capture_output=True, text=True).stdout
        server = stack.enter_context(serving(ours, {}))
        bare = Bare(ours, theirs)
        stack.callback(bare.close)
        yield Sender(server, bare, told.split()[-1], _places(ours))


def _places(url: str) -> list[tuple[uuid.UUID, str]]:
    engine = create_engine(url)
    found = (
        select(Engagement.id, Metric.code)
        .join(Organisation, Organisation.id == Engagement.partner_id)
        .join(Metric, Metric.plan_id == Engagement.plan_id)
        .where(
            Organisation.name.startswith("Northbridge"),
            Engagement.state == states.ACTIVE,
            Metric.position == 1,
            Engagement.is_test.is_(False),
        )
        .order_by(Engagement.requested_at)
    )
    with engine.connect() as connection:
        places = [(row.id, row.code) for row in connection.execute(found)]
    engine.dispose()
    return places


def _driver(url: str) -> Any:
    if url.startswith("postgresql"):
        return psycopg.connect(url)
    connection = sqlite3.connect(str(make_url(url).database), timeout=15)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "cache_size=-64000"):  # as the portal's own
        connection.execute(f"PRAGMA {pragma}")
    return connection
