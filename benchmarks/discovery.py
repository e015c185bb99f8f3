"""Figure `discovery`: reading a whole CSP account, against a bare client that fetches the same pages and only parses them.

Microsoft is the stand-in, in this process, which does nothing else meanwhile; its pages are made once and kept. Each discovery and each
bare fetch runs in a process of its own, in turn. SIZE is the number of invoice lines; customers, subscriptions and invoices go with it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from sqlalchemy import create_engine, text

from app.commands.stand_in import Faults, Habits, Scale, StandIn, World, standing_in
from app.csp.microsoft import sign_in
from app.csp.microsoft.bases import Bases
from benchmarks.figure import Asked, Line
from benchmarks.ground import copy_of, grounds, settings
from benchmarks.serving import ROOT

GOAL = "A discovery takes what the fetching takes; a second one with nothing new writes nothing"
SIZES = (200_000,)
#: milliseconds an answer takes: what a real provider does, and nothing, where the portal's own work shows
SLOW_MS = 50
MOST_SLOW = 1.25
MOST_AT_ONCE = {"sqlite": 4.0, "postgresql": 6.0}
MOST_AGAIN = 1.2
#: of the memory a process holds at its peak, beyond what it held before: with all lines / with a quarter of them
MOST_MEMORY = 1.25
#: what a run with nothing new leaves as it is
KEPT = ("csp_customer", "csp_subscription", "csp_usage", "csp_document", "csp_document_version", "csp_line", "csp_document_total", "history")  # fmt: skip


def scale(lines: int) -> Scale:
    """1,000 customers, 5,000 subscriptions and 60 invoices with 200,000 lines."""
    return Scale(max(12, lines // 200), max(30, lines // 40), min(60, max(9, lines // 3000)), lines)


def measure(asked: Asked) -> Iterator[Line]:
    for size in asked.sizes:
        with _microsoft(size) as microsoft:
            for database in asked.databases:
                with grounds(database, (0,)) as urls:
                    with copy_of(urls[0]) as url:
                        _discovery(url, microsoft)  # every page is made once
                    yield from _of_database(asked, size, database, urls[0], microsoft)


def _of_database(asked: Asked, size: int, database: str, ground: str, microsoft: StandIn) -> Iterator[Line]:
    if asked.only in "first":
        yield from _first(asked, size, database, ground, microsoft, 0, MOST_AT_ONCE[database])
        yield from _first(asked, size, database, ground, microsoft, SLOW_MS, MOST_SLOW)
    if asked.only in "again":
        yield from _again(asked, size, database, ground, microsoft)
    if asked.only in "memory":
        yield from _memory(size, database, ground, microsoft)


def _first(
    asked: Asked, size: int, database: str, ground: str, microsoft: StandIn, slow_ms: int, most: float
) -> Iterator[Line]:
    ratios, bare_took, took = [], [], []
    for _round in range(asked.rounds):
        with copy_of(ground) as url:
            microsoft.calls.clear()
            microsoft.habits.slow_ms = slow_ms
            run = _discovery(url, microsoft)
            plan = _plan(microsoft)
            bare = _bare(plan, microsoft)
        ratios.append(run["seconds"] / bare)
        bare_took.append(bare)
        took.append(run["seconds"])
        assert run["kinds"]["lines"][0] == sum(microsoft.world.counts().values()), run
    microsoft.habits.slow_ms = 0
    words = f"{slow_ms} ms an answer" if slow_ms else "no delay"
    note = f"{median(took):.1f} s against {median(bare_took):.1f} s"
    yield Line(f"first discovery, {words}", database, size, "bare fetch", median(ratios), most=most, note=note)


def _again(asked: Asked, size: int, database: str, ground: str, microsoft: StandIn) -> Iterator[Line]:
    with copy_of(ground) as url:
        _discovery(url, microsoft)
        for slow_ms in (SLOW_MS, 0):
            ratios, notes = [], []
            microsoft.habits.slow_ms = slow_ms
            for _round in range(asked.rounds):
                before = _rows(url)
                microsoft.calls.clear()
                run = _discovery(url, microsoft)
                written = {table: count for table, count in _rows(url).items() if count != before[table]}
                bare = _bare(_plan(microsoft), microsoft)
                ratios.append(run["seconds"] / bare)
                notes.append((run["seconds"], bare))
                if written:
                    raise RuntimeError(f"a second run with nothing new wrote {written}")
            microsoft.habits.slow_ms = 0
            words = f"{slow_ms} ms an answer" if slow_ms else "no delay"
            note = f"{median(a for a, _ in notes):.1f} s against {median(b for _, b in notes):.1f} s; no row written"
            # the bound is for what a real provider does; without delay it is printed
            most = MOST_AGAIN if slow_ms else None
            yield Line(
                f"second discovery, {words}",
                database,
                size,
                "bare fetch of the same",
                median(ratios),
                most=most,
                note=note,
            )


def _memory(size: int, database: str, ground: str, microsoft: StandIn) -> Iterator[Line]:
    """The same with a quarter of the lines and the same number of everything else: of so few invoices that a quarter still fills
    their pages, for a page is what is held."""
    grown = []
    for lines in (size // 4, size):
        whole = scale(size)
        with (
            _microsoft(lines, Scale(whole.customers, whole.subscriptions, max(3, whole.invoices // 5), lines)) as other,
            copy_of(ground) as url,
        ):
            run = _discovery(url, other)
            grown.append((run["peak_mb"] - run["before_mb"], run["peak_mb"]))
    note = f"{grown[0][1]:.0f} MB with {size // 4:,} lines, {grown[1][1]:.0f} MB with {size:,}"
    ratio = grown[1][1] / grown[0][1]
    yield Line("memory at its peak", database, size, "with a quarter of the lines", ratio, most=MOST_MEMORY, note=note)


@contextmanager
def _microsoft(size: int, of: Scale | None = None) -> Iterator[StandIn]:
    """Warm: every page was asked for once."""
    with standing_in(World(7, of or scale(size)), Faults(Habits(keeps_pages=True, export_polls=0))) as microsoft:
        yield microsoft


def _environment(url: str, microsoft: StandIn) -> dict[str, str]:
    registration = microsoft.world.registration
    return {
        **settings(url),
        "MICROSOFT_LOGIN_BASE": microsoft.url,
        "PARTNER_CENTER_API_BASE": microsoft.url,
        "MICROSOFT_GRAPH_BASE": microsoft.url,
        "MICROSOFT_CLIENT_ID": registration.client_id,
        "MICROSOFT_CLIENT_SECRET": registration.client_secret,
    }


def _discovery(url: str, microsoft: StandIn) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.discovery_run", microsoft.world.tenant_id]
    told = subprocess.run(
        command, env=_environment(url, microsoft), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, input=microsoft.refresh_token(),
    )  # fmt: skip
    run: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    if run["state"] != "completed":
        raise RuntimeError(f"the discovery ended as {run}")
    if os.environ.get("BENCH_SAYS_MORE"):
        print(f"    {run}", flush=True)
    return run


def _plan(microsoft: StandIn) -> dict[str, Any]:
    """What was fetched just now, for the bare client to fetch again."""
    details, lines, exports, read = set(), [], [], set()
    for call in microsoft.calls:
        _method, _, target = call.partition(" ")
        path, _, query = target.partition("?")
        parts = path.strip("/").split("/")
        if parts[:2] == ["v1", "customers"] and len(parts) == 3:
            details.add(parts[2])
        elif (
            parts[:2] == ["v1", "invoices"]
            and parts[-1] == "lineitems"
            and "seekOperation" not in query
            and "offset" not in query
        ):
            lines.append(target)
        elif parts[0] == "blobs":
            read.add(parts[1])
    for order in microsoft.graph.orders.values():
        if order.document is not None and order.kind == "billing":
            exports.append(order.document.number)
    microsoft.graph.orders.clear()
    return {
        "url": microsoft.url,
        "details": sorted(details),
        "lines": lines,
        "exports": [number for number in exports if number in read],
        "marks": [number for number in exports if number not in read],
    }


def _bare(plan: dict[str, Any], microsoft: StandIn) -> float:
    bases, registration = Bases(microsoft.url, microsoft.url, microsoft.url), microsoft.world.registration
    tokens, refresh = {}, microsoft.refresh_token()
    for audience in ("api", "graph"):
        grant = sign_in.refresh(
            bases, microsoft.world.tenant_id, client_id=registration.client_id, client_secret=registration.client_secret,
            refresh_token=refresh, audience=audience,
        )  # fmt: skip
        tokens[audience], refresh = grant.access_token, grant.refresh_token or refresh
    command = [sys.executable, "-m", "benchmarks.discovery_bare"]
    told = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, input=json.dumps({**plan, "tokens": tokens}),
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    )  # fmt: skip
    microsoft.graph.orders.clear()
    return float(told.stdout.splitlines()[-1])


def _rows(url: str) -> dict[str, Any]:
    """How many rows each table has, and of those that change in place what they say."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            told: dict[str, Any] = {}
            for table in KEPT:
                if table == "csp_line":
                    told[table] = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()
                else:
                    told[table] = sorted(map(repr, connection.execute(text(f"SELECT * FROM {table}"))))
            return told
    finally:
        engine.dispose()
