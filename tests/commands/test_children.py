"""A process that is kept alive: ready when it says so, at once no longer when it has ended, ready again after its next start."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.commands.scale import children
from app.commands.scale.children import Child


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "SHORTEST_WAIT_SECONDS", 0.1)


def test_ready_is_what_answers_and_lives(tmp_path: Path) -> None:
    async def run() -> None:
        loads = [asyncio.Event(), asyncio.Event()]
        starts: list[str] = []

        async def until_loaded() -> None:
            await loads[len(starts) - 1].wait()

        sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = Child("web-1", sleeps, dict(os.environ), tmp_path / "log", until_loaded)
        keeping = asyncio.create_task(child.keep(starts.append))
        try:
            await until(lambda: len(starts) == 1)
            assert not child.ready.is_set(), "it runs, and does not answer yet"
            loads[0].set()
            await asyncio.wait_for(child.ready.wait(), 30)

            os.kill(child.pid, signal.SIGKILL)
            await until(lambda: len(starts) == 2)
            assert not child.ready.is_set(), "it was started again, and does not answer yet"
            loads[1].set()
            await asyncio.wait_for(child.ready.wait(), 30)
        finally:
            await child.stop()
            await keeping
        assert not child.ready.is_set()

    asyncio.run(run())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


def test_what_is_left_of_one_that_still_loads_lets_go_at_once(tmp_path: Path) -> None:
    """A gunicorn's worker that is loading only takes note of SIGTERM, and would hold the port for as long as it loads."""
    loads = "import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: None); print(os.getpid(), flush=True)"
    worker = f"{loads}\nend = time.monotonic() + 600\nwhile time.monotonic() < end: time.sleep(1)"
    master = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"

    async def run() -> None:
        async def never() -> None:
            await asyncio.Event().wait()

        starts: list[str] = []
        child = Child("web-1", [sys.executable, "-c", master], dict(os.environ), tmp_path / "log", never)
        keeping = asyncio.create_task(child.keep(starts.append))
        try:
            await until(lambda: bool((tmp_path / "log").exists() and (tmp_path / "log").read_text().strip()))
            left = int((tmp_path / "log").read_text().split()[0])
            os.kill(child.pid, signal.SIGKILL)
            await until(lambda: not lives(left))
        finally:
            await child.stop()
            keeping.cancel()

    asyncio.run(run())


def lives(pid: int) -> bool:
    """Also not as one that has ended and whom nobody has asked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
