"""kill -9 between and inside pages loses nothing and doubles nothing: a discovering process is killed again and again."""

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

from app.commands.stand_in import Scale, World
from app.csp.discovery import states
from tests.databases import Restorer
from tests.makers.csp_runs import Stage, discovery
from tests.people import everybody

KILLS = 15


@pytest.fixture
def stage(app: Flask, restore_database: Restorer) -> Iterator[Stage]:
    people = everybody(app, restore_database)
    world = World(5, Scale(customers=30, subscriptions=80, invoices=12, lines=1500))
    with app.app_context(), discovery(people.viewer("ada"), world) as stage:
        stage.faults.habits.lines_page = stage.faults.habits.blob_lines = 40
        stage.faults.habits.customers_page = 7
        stage.faults.habits.slow_ms = 5
        yield stage


@pytest.fixture
def worker(app: Flask, stage: Stage, repository: Path) -> Iterator[Callable[[float | None], str]]:
    """Start a process and kill it after so many seconds (None: let it finish); says how it ended."""
    registration = stage.world.registration
    settings = app.config["SETTINGS"]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
        "DEMO": "0",
        "INSTANCE_PATH": str(settings.instance_path),
        "MICROSOFT_LOGIN_BASE": stage.microsoft.url,
        "PARTNER_CENTER_API_BASE": stage.microsoft.url,
        "MICROSOFT_GRAPH_BASE": stage.microsoft.url,
        "MICROSOFT_CLIENT_ID": registration.client_id,
        "MICROSOFT_CLIENT_SECRET": registration.client_secret,
    }
    command = [sys.executable, "-m", "tests.jobs.discovery_worker"]
    with subprocess.Popen(
        command, cwd=repository, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(kill_after: float | None) -> str:
            pid = int(asked("start"))
            if kill_after is not None:
                time.sleep(kill_after)
                os.kill(pid, signal.SIGKILL)
            return asked("ended how?")

        def asked(what: str) -> str:
            process.stdin.write(f"{what}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()


def test_killed_again_and_again(stage: Stage, worker: Callable[[float | None], str]) -> None:
    chance = random.Random()
    runs = kills = 0
    while kills < KILLS:
        if stage.last_or_none() is None or stage.last().state not in states.LIVE:
            stage.trigger()
            runs += 1
            if runs > 1:
                stage.world.late_line(chance.choice(stage.world.documents).number)
        ended = worker(chance.uniform(0.5, 3.0))
        assert ended in ("killed", "done")
        kills += ended == "killed"
    assert worker(None) == "done"
    assert stage.last().state == states.COMPLETED
    stage.trigger()
    assert worker(None) == "done"
    stage.agrees()
    assert not stage.microsoft.complaints
