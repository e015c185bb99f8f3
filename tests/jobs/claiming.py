"""Workers in processes of their own, for tests that stop and kill them, and what the queues hold meanwhile."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from app.foundation.database import db

REPOSITORY = Path(__file__).parents[2]


class WorkerProcess:
    """`./run worker` on the tests' database."""

    def __init__(self, app: Flask, folder: Path) -> None:
        with app.app_context():
            url = db.engine.url.render_as_string(hide_password=False)
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "DEMO": "0",
            "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
            "INSTANCE_PATH": app.instance_path,
        }
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.commands.worker"],
                cwd=REPOSITORY,
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self) -> None:
        wait_for(lambda: "runs the jobs of" in self.said or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)


@contextmanager
def worker_processes(app: Flask, folder: Path, count: int) -> Iterator[list[WorkerProcess]]:
    """So many, ready; none is left behind."""
    started = [WorkerProcess(app, folder) for _ in range(count)]
    try:
        for worker in started:
            worker.wait_until_ready()
        yield started
    finally:
        for worker in started:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()


def wait_for(condition: Callable[[], Any], seconds: float) -> float:
    """Returns how long it took; fails when it does not come true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


def ask(app: Flask, statement: str, **values: Any) -> list[Any]:
    with app.app_context(), db.engine.connect() as connection:
        return list(connection.execute(text(statement), values).all())


def tell(app: Flask, statement: str, **values: Any) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text(statement), values)
