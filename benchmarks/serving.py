"""The portal as a production server runs it, measured: what CPU its processes and its database's backends take for a page.

One gunicorn worker with two threads on loopback. Milliseconds of CPU are steadier than any clock on the wall, and they are
what a machine runs out of. Linux only: they are read from /proc.
"""

import html
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg

from benchmarks import ground
from benchmarks.figure import OUTPUT

PASSWORD = "portal-demo"  # noqa: S105  the demo's, as its sign-in page says
ROOT = Path(__file__).parents[1]
#: who asks PostgreSQL for the others
ASKS = "bench"
#: Signs the client in; the answer redirects where it is let in.
SignIn = Callable[[httpx.Client, str], httpx.Response]


class Server:
    """One running portal, with somebody of the demo signed in at each of `people`."""

    def __init__(
        self, url: str, port: int, process: subprocess.Popen[bytes], people: dict[str, str], sign_in: SignIn
    ) -> None:
        self.url, self.address, self.process = url, f"http://127.0.0.1:{port}", process
        self._wait()
        self.clients = {name: self._signed_in(email, sign_in) for name, email in people.items()}
        self.anybody = httpx.Client(base_url=self.address)

    def get(self, who: str, path: str) -> str:
        """The page as text. Anything but success ends the run: a fast error page must not count."""
        answer = self.clients[who].get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code} to {who}")
        return answer.text

    def take_apart(self, name: str, page: str) -> str:
        """Where the static page of the same bytes is."""
        path = f"/bench/{quote(name, safe='')}"
        self.anybody.put(path, content=page.encode()).raise_for_status()
        return path

    def cpu_of(
        self,
        who: str | None,
        path: str,
        times: int,
        *,
        fits: Callable[[str], bool] = bool,
        headers: Mapping[str, str] | None = None,
    ) -> float:
        """Milliseconds of CPU for one request, over `times` of them. An answer that does not fit ends the run."""
        client = self.clients[who] if who else self.anybody
        before = cpu_seconds(self._processes())
        for _ in range(times):
            answer = client.get(path, headers=headers)
            if answer.status_code != 200 or not fits(answer.text):
                raise RuntimeError(f"{path} answered {answer.status_code}, or not what was to be measured")
        after = cpu_seconds(before)
        if not set(self.workers) <= after.keys():
            raise RuntimeError("a worker ended while it was measured")
        # a backend that ended served nobody here: the workers keep theirs
        return sum(seconds - before[pid] for pid, seconds in after.items()) / times * 1000

    @property
    def workers(self) -> list[int]:
        return children(self.process.pid)

    def _processes(self) -> list[int]:
        """The workers, and on PostgreSQL the backends that serve them."""
        found = self.workers
        if self.url.startswith("postgresql"):
            with psycopg.connect(self.url, application_name=ASKS) as connection:
                rows = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                    "AND backend_type = 'client backend' AND application_name <> %s",
                    [ASKS],  # the one that asked before may still be on its way out
                )
                found += [row[0] for row in rows]
        return found

    def _wait(self) -> None:
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                httpx.get(f"{self.address}/healthz", timeout=5)  # whatever it says: it answers
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError(f"the portal does not start; see {OUTPUT / 'server.log'}")

    def _signed_in(self, email: str, sign_in: SignIn) -> httpx.Client:
        client = httpx.Client(base_url=self.address, timeout=600, headers={"Accept-Encoding": "identity"})
        answer = sign_in(client, email)
        if not answer.is_redirect:
            raise RuntimeError(f"{email or 'the peer'} was not let in: {answer.status_code}")
        return client


def of_the_portal(client: httpx.Client, email: str) -> httpx.Response:
    form = client.get("/sign-in").text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)"[^>]* value="([^"]*)"', form))
    sent = {**{name: html.unescape(value) for name, value in hidden.items()}, "email": email, "password": PASSWORD}
    return client.post("/sign-in", data=sent)


@contextmanager
def serving(
    url: str,
    people: dict[str, str],
    application: str = "benchmarks.wsgi",
    sign_in: SignIn = of_the_portal,
    more: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """`application`: a module with a WSGI `application`, ours or a peer's; `more`: of its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "2",
        "--no-control-socket", "--log-level", "warning",
        "--keep-alive", "600",  # no shorter than a client keeps its own: a server that closes first may cut off who just asks
    ]  # fmt: skip
    OUTPUT.mkdir(parents=True, exist_ok=True)
    environment = {**ground.settings(url), "PORT": str(port), **(more or {})}
    with (OUTPUT / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield Server(url, port, process, people, sign_in)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def forget_peak(pid: int) -> None:
    """From here on peak_memory() is of what comes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_memory(pid: int) -> float:
    """MB that the process held at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def cpu_seconds(processes: Iterable[int]) -> dict[int, float]:
    """User and system time so far of each that is still there."""
    found = {}
    for pid in processes:
        with suppress(FileNotFoundError, ProcessLookupError):  # ended, before it was looked at or while it was
            found[pid] = _cpu_seconds(Path(f"/proc/{pid}"))
    return found


def _cpu_seconds(process: Path) -> float:
    """schedstat counts nanoseconds; where it is off, stat's hundredths must do."""
    if not (process / "schedstat").exists():
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    nanoseconds = 0
    for task in (process / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # one thread of it
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9
