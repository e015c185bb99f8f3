"""A portal in a process of its own: started, asked by its command line, stopped."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

REPOSITORY = Path(__file__).parents[2]
START_WITHIN_SECONDS = 90
#: The moment every browser test begins at: October 2026 is still open for a day, and so is November.
MOMENT = "2026-11-01T20:00:00Z"
DATABASE = "portal.sqlite3"


class Portal:
    """The demo on a SQLite file of its own, in `folder`; `url` answers until stop()."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "portal.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PORT": str(self.port),
            "PORTAL_URL": self.url,
            "DATABASE_URL": f"sqlite:///{self.folder / DATABASE}",
            "INSTANCE_PATH": str(self.folder),
            "DEMO": "1",
            "DEMO_NOW": MOMENT,
        }

    def start(self) -> "Portal":
        command = [sys.executable, "-m", "app.commands.serve"]
        with self._log.open("a") as out:
            self._process = subprocess.Popen(command, cwd=REPOSITORY, env=self.environment, stdout=out, stderr=out)
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urlopen(f"{self.url}/healthz", timeout=START_WITHIN_SECONDS):
                    return self
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        said = self._log.read_text()[-3000:]
        self.stop()
        pytest.fail(f"the portal did not start:\n{said}", pytrace=False)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def flask(self, *words: str, typed: str = "") -> str:
        """`flask demo clock 2026-11-03T00:00:00Z` and the like, beside the running portal; what it printed."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, input=typed, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def spoil(self, *statements: str) -> None:
        """Let the database be otherwise than the running portal expects."""
        with closing(sqlite3.connect(self.folder / DATABASE, timeout=15)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()


def copy_of(template: Path, folder: Path) -> Portal:
    """A portal on a copy of a seeded database, with the key that seals links in it; not started yet."""
    shutil.copy2(template.with_name("demo-secret-key"), folder)
    with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(folder / DATABASE)) as copy:
        source.backup(copy)
    return Portal(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
