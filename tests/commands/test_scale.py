"""`./run scale` as a person starts it: two web processes, three workers; killed ones come back, Ctrl-C ends it all."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests import databases
from tests.conftest import SERVER
from tests.jobs.claiming import wait_for
from tests.people import hidden_fields

pytestmark = pytest.mark.postgres
REPOSITORY = Path(__file__).parents[2]


class Scale:
    def __init__(self, url: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.folder, self.log = folder, folder / "scale.log"
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "PORT": str(self.port),
            "INSTANCE_PATH": str(folder),
            "DEMO": "1",
        }
        environment.pop("PORTAL_URL", None)
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.commands.scale"],
                cwd=REPOSITORY,
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def book(self) -> dict[str, Any]:
        return json.loads((self.folder / "scale.json").read_text())


@pytest.fixture(scope="module")
def database(database_url: str, pytestconfig: pytest.Config) -> Iterator[str]:
    with databases.postgres_database(pytestconfig.stash[SERVER], f"portal_scale_{os.getpid()}") as url:
        yield url


@pytest.fixture(scope="module")
def scale(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scale]:
    started = Scale(database, tmp_path_factory.mktemp("scale"))
    try:
        wait_for(lambda: "share the jobs" in started.said or started.process.poll() is not None, 300)
        assert started.process.poll() is None, started.said
        yield started
    finally:
        if started.process.poll() is None:
            started.process.send_signal(signal.SIGINT)
            started.process.wait(60)


def answers(scale: Scale, count: int) -> list[int]:
    """One connection each, so one process after the other."""
    return [httpx.get(f"http://127.0.0.1:{scale.port}/readyz").status_code for _ in range(count)]


def logged(scale: Scale, name: str, path: str) -> int:
    return (scale.folder / "scale" / f"{name}.log").read_text().count(f'"path": "{path}"')


def test_it_says_where_and_who(scale: Scale) -> None:
    assert f"http://127.0.0.1:{scale.port}" in scale.said
    assert "olga@operator.example" in scale.said and "portal-demo" in scale.said
    assert set(scale.book["processes"]) == {"web-1", "web-2", "worker-1", "worker-2", "worker-3"}


def test_one_session_holds_in_both_processes_and_the_caller_is_known(scale: Scale, database: str) -> None:
    here = f"http://127.0.0.1:{scale.port}"
    before = [logged(scale, name, "/operations") for name in ("web-1", "web-2")]
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=here, limits=limits, follow_redirects=True) as olga:
        page = olga.get("/sign-in")
        form = hidden_fields(page.text, "/sign-in")
        olga.post("/sign-in", data={**form, "email": "olga@operator.example", "password": "portal-demo"})
        wait_for(lambda: olga.get("/operations").text.count("jobs only") == 3, 30)
        assert [olga.get("/operations").status_code for _ in range(4)] == [200] * 4
    after = [logged(scale, name, "/operations") for name in ("web-1", "web-2")]
    assert all(now > then for now, then in zip(after, before, strict=True))
    with psycopg.connect(database) as connection:
        sources = connection.execute("SELECT source FROM member_session ORDER BY created_at DESC LIMIT 1").fetchall()
    assert sources == [("127.0.0.1",)], "who is asking comes through the relay"


def test_tries_to_sign_in_are_counted_over_both(scale: Scale) -> None:
    here = f"http://127.0.0.1:{scale.port}"
    statuses = []
    for _ in range(20):
        with httpx.Client(base_url=here) as somebody:
            form = hidden_fields(somebody.get("/sign-in").text, "/sign-in")
            wrong = {**form, "email": "eve@globex.example", "password": "guess"}
            statuses.append(somebody.post("/sign-in", data=wrong).status_code)
        if statuses[-1] == 429:
            break
    assert statuses[-1] == 429, statuses
    (one, two) = (logged(scale, name, "/sign-in") for name in ("web-1", "web-2"))
    assert one and two


def test_metrics_are_the_sum_of_all(scale: Scale) -> None:
    def told() -> str:
        return httpx.get(f"http://127.0.0.1:{scale.port}/metrics").text

    def asked() -> float:
        text = told()
        line = 'portal_requests_total{endpoint="health.alive",method="GET",status="200"} '
        return float(text.partition(line)[2].partition("\n")[0] or 0)

    before = asked()
    for _ in range(6):
        httpx.get(f"http://127.0.0.1:{scale.port}/healthz")
    assert asked() == before + 6
    # the workers count in the same folder, from their first run on
    wait_for(lambda: 'portal_job_runs_total{job="rate_billing_entries"}' in told(), 30)


@pytest.mark.parametrize("name", ["worker-2", "web-1"])
def test_a_killed_process_comes_back_and_nobody_waits_for_it(scale: Scale, name: str) -> None:
    pid = scale.book["processes"][name]
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)
    assert answers(scale, 6) == [200] * 6
    wait_for(lambda: scale.book["processes"][name] != pid, 15)
    assert f"{name} (process {pid}) was ended by SIGKILL and was started again." in scale.said
    assert answers(scale, 6) == [200] * 6, "while it starts nobody is sent to it"


def test_ctrl_c_ends_it_all(scale: Scale) -> None:
    processes = scale.book["processes"].values()
    began = time.monotonic()
    scale.process.send_signal(signal.SIGINT)
    assert scale.process.wait(40) == 0
    assert time.monotonic() - began < 20
    assert not [pid for pid in processes if alive(pid)]
    assert not (scale.folder / "scale.json").exists()
    assert "Traceback" not in scale.said, scale.said
    for log in (scale.folder / "scale").glob("*.log"):
        assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
