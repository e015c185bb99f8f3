"""`./run soak [--kills 200] [--every SECONDS] [--calm SECONDS] [--doubles 1000] [--database postgresql|sqlite] [--seed N]`.

Ends with 1 where something did not hold, and keeps the logs and the books then.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import create_engine

from app.notices.actions import LEASE
from benchmarks.__main__ import machine
from benchmarks.figure import OUTPUT
from benchmarks.serving import ROOT
from benchmarks.soak import board, rows, verdict
from benchmarks.soak.board import Board
from benchmarks.soak.books import Books
from benchmarks.soak.killing import Fate, Killer
from benchmarks.soak.memory import Growth, Watch
from benchmarks.soak.people import Customer, Operator, Partner, Reader
from benchmarks.soak.portals import Portal, started
from benchmarks.soak.program import Program, same_again
from benchmarks.soak.visitor import GaveUp

#: all rated, all mail sent: as a rule within the first, else within the second after the last lease has ended
CALM_WITHIN_SECONDS, DRAINED_WITHIN_SECONDS = 15.0, 45.0
#: between two things that one person does, on the average
REST_SECONDS = 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./run soak", description="Everybody works while processes are killed.")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--kills", type=int, help="200 on PostgreSQL, 50 on SQLite")
    parser.add_argument(
        "--every",
        type=float,
        help="seconds between two kills, on the average: 2, on SQLite 6; where the portal takes long to start, as much longer",
    )
    parser.add_argument("--calm", type=float, default=30.0, help="seconds of work without kills afterwards (30)")
    parser.add_argument("--doubles", type=int, default=1000, help="how often one write is sent with one key (1000)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing that was started is left behind
    on_postgres = given.database == "postgresql"
    kills = given.kills if given.kills is not None else 200 if on_postgres else 50
    every = given.every or (2.0 if on_postgres else 6.0) * slowness()
    with started(given.database) as portal:
        print(f"{given.database}, {kills} kills, one every {every:.1f} s; {machine()}", flush=True)
        soak = Soak(portal, given.seed, every, given.doubles)
        soak.run(kills, given.calm)
        return soak.told()


def slowness() -> float:
    """How many seconds it takes here to load the portal, at least one: a process killed before it has started did no work."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import app.commands.serve"], cwd=ROOT, check=True)
    return max(1.0, time.monotonic() - began)


class Someone(Protocol):
    name: str
    dice: random.Random

    def sign_in(self) -> None: ...

    def live(self) -> None:
        """One thing that this person does."""


class Soak:
    def __init__(self, portal: Portal, seed: int, every: float, doubles: int) -> None:
        self.portal, self.seed, self.doubles = portal, seed, doubles
        self.books, self.board, self.stop = Books(), Board(), threading.Event()
        on_postgres = portal.database_url.startswith("postgresql")
        self.killer = Killer(portal, seed, every, database=on_postgres)
        self.key = _key(portal, "ada@northbridge.example")
        self.began = time.time()
        self.growths: list[Growth] = []

    def run(self, kills: int, calm: float) -> None:
        watch = Watch(self.portal)
        everybody = [threading.Thread(target=self._live, args=(one,)) for one in self._people()]
        everybody.append(threading.Thread(target=self._double))
        for one in everybody:
            one.start()
        try:
            for number in range(1, kills + 1):
                victim = self.killer.wait_and_kill()
                print(f"\r{number:4} {victim.name:<16}", end="", file=sys.stderr, flush=True)
            time.sleep(calm)
        finally:
            print(file=sys.stderr)
            self.stop.set()
            for one in everybody:
                one.join()
            watch.stop()
        self.growths = watch.growth()
        self._drain()

    def _people(self) -> list[Someone]:
        numbers = iter(range(self.seed * 100, self.seed * 100 + 100))

        def met(make: Callable[..., Someone], name: str, house: str, *more: str) -> Someone:
            email = f"{name}@{house}.example"
            return make(name, email, self.portal.address, self.books, next(numbers), self.board, *more)

        program = Program("program", self.key, self.portal.address, self.books, 1, self.board, board.NORTHBRIDGE)
        return [
            met(Customer, "dot", "acme"), met(Customer, "eve", "globex"),
            met(Partner, "ada", "northbridge", board.NORTHBRIDGE, "abe"),
            met(Partner, "abe", "northbridge", board.NORTHBRIDGE, "ada"),
            met(Partner, "cy", "contrail", board.CONTRAIL),
            met(Reader, "ben", "northbridge"),
            met(Operator, "olga", "operator"), met(Operator, "otto", "operator"),
            program,
        ]  # fmt: skip

    def _live(self, person: Someone) -> None:
        try:
            person.sign_in()
            while not self.stop.is_set():
                try:
                    person.live()
                except GaveUp:
                    continue
                time.sleep(person.dice.uniform(0, 2 * REST_SECONDS))
        except Exception as broken:
            self.books.surprised(f"{person.name} broke off: {type(broken).__name__}: {broken}")

    def _double(self) -> None:
        """One write over and over, as soon as there is something to write to."""
        program = Program("again", self.key, self.portal.address, self.books, 7, self.board, board.NORTHBRIDGE)
        place = None
        while self.doubles and not self.stop.is_set() and place is None:
            time.sleep(0.2)
            seen = program.billable()
            place = self.board.take(board.ACTIVE, program.dice, only=seen) if seen else None
        if place:
            time.sleep(3)  # who looked at it before it was taken may still end it
            same_again(program, self.portal.address, self.key, place, self.doubles)

    def _drain(self) -> None:
        """Until all is rated and sent. What a killed sender had claimed waits for the end of its lease: the clock is moved there."""
        if not self._drained(CALM_WITHIN_SECONDS):
            later = datetime.now(UTC) + LEASE + timedelta(minutes=1)
            self.portal.flask("demo", "clock", later.isoformat())
            self._drained(DRAINED_WITHIN_SECONDS)
        time.sleep(1)

    def _drained(self, seconds: float) -> bool:
        engine = create_engine(self.portal.database_url)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                with engine.connect() as connection:
                    if not any(rows.waiting(connection)):
                        return True
                time.sleep(0.5)
            return False
        finally:
            engine.dispose()

    def told(self) -> int:
        """Prints the verdict; 0 when everything held."""
        findings = [
            *verdict.judge(self.books, rows.read(self.portal.database_url), self.killer.fate),
            verdict.memory(self.growths),
            verdict.logged(self.portal.logs(), self.killer.fate),
        ]
        checked = self.portal.flask("check", "all")
        findings.append(
            verdict.Finding("flask check all", 1, [] if checked.returncode == 0 else [checked.stdout + checked.stderr])
        )
        self._say(self.killer.fate)
        for finding in findings:
            print(f"{'NO' if finding.problems else 'ok'}  {finding.claim} ({finding.looked} looked at)")
            for problem in finding.problems[: verdict.SAID]:
                print(f"      {problem[:600]}")
            if (more := len(finding.problems) - verdict.SAID) > 0:
                print(f"      and {more} more")
        failed = any(finding.problems for finding in findings)
        if failed:
            self._keep(findings)
        return 1 if failed else 0

    def _say(self, fate: Fate) -> None:
        statuses = ", ".join(f"{status}: {times}" for status, times in self.books.by_status().items())
        writes = self.books.writes
        print(f"{time.time() - self.began:.0f} s; {len(fate.kills)} kills, {len(fate.database_away)} database restarts")
        print(f"answers: {statuses}; {len(self.books.cuts)} connections cut, {len(self.books.refused)} refused")
        again = sum(max(0, write.sent - 1) for write in writes)
        print(f"writes: {len(writes)}, of which {again} sends were repeats")
        for write in writes:
            if "answered" in write.facts:
                print(f"one write with one key: sent {write.sent} times, answered {write.facts['answered']} times")
        for one in self.growths:
            print(f"memory of {one.role}: {one.first_mb:.0f} MB, then {one.last_mb:.0f} MB ({one.samples} samples)")

    def _keep(self, findings: list[verdict.Finding]) -> None:
        kept = OUTPUT / "soak"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for log in self.portal.logs():
            shutil.copy(log, kept)
        told = {
            "findings": [vars(finding) for finding in findings],
            "writes": [vars(write) for write in self.books.writes],
            "kills": self.killer.fate.kills,
            "database away": self.killer.fate.database_away,
            "cuts": self.books.cuts,
        }
        (kept / "books.json").write_text(json.dumps(told, indent=1, default=str))
        print(f"logs and books are kept in {kept}")


def _key(portal: Portal, email: str) -> str:
    made = portal.flask("api-key", "create", "--member", email)
    if made.returncode:
        raise RuntimeError(made.stdout + made.stderr)
    return made.stdout.split()[-1]


if __name__ == "__main__":
    sys.exit(main())
