"""kill -9 at any moment loses nothing and doubles nothing: a rating process is killed fifty times, somewhere."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.foundation.tenancy import acting_for_all
from tests.jobs.rating_stage import each_decided_once, left, some_entries, submit_like, submit_many, sums_are_the_tariff

KILLS = 50
ENTRIES = 900


@pytest.fixture
def submitted(app: Flask) -> Flask:
    """More than fifty processes get through."""
    submit_many(app, ENTRIES)
    return app


@pytest.fixture
def worker(app: Flask, repository: Path) -> Iterator[Callable[[float | None], str]]:
    """Start a rating process and kill it after so many seconds (None: let it finish); says how it ended."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    command = [sys.executable, "-m", "tests.jobs.rating_worker", url]
    with subprocess.Popen(command, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(kill_after: float | None) -> str:
            pid = int(asked("start"))
            if kill_after is not None:
                time.sleep(kill_after)
                os.kill(pid, signal.SIGKILL)  # one that has ended by itself is not reaped before it is asked about
            return asked("ended how?")

        def asked(what: str) -> str:
            process.stdin.write(f"{what}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()


def test_killed_fifty_times(submitted: Flask, worker: Callable[[float | None], str]) -> None:
    chance = random.Random()
    reach, waiting, hits, kills = 0.3, left(submitted), 0, 0
    while kills < KILLS:
        ended = worker(chance.uniform(0.02, reach))
        before, waiting = waiting, left(submitted)
        if ended == "killed":
            kills += 1
            hits += waiting < before
        else:  # a machine that was busy is quick again: it was through before its kill, which does not count as one
            assert (ended, waiting) == ("done", 0)
        # from before the first entry to well among them, however fast this machine is just now
        reach = max(0.1, reach * 0.9) if waiting < before else min(2.0, reach * 1.3)
        if waiting < 150:
            with submitted.app_context():
                submit_like(some_entries(), chance, 300)
            waiting = left(submitted)
    assert hits > KILLS / 5, "nearly every one was killed before its first entry"
    assert worker(None) == "done"
    assert not left(submitted)
    with submitted.app_context(), acting_for_all("a test looks"):
        each_decided_once()
        sums_are_the_tariff()
    checked = submitted.test_cli_runner().invoke(args=["check", "all"])
    assert checked.exit_code == 0, checked.output
