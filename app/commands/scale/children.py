"""Processes that are kept alive: started, started again when they end, stopped together."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

#: a child that ends within this time is broken, and waits longer and longer before its next start
SETTLED_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 10.0
#: before each start again: a gunicorn worker whose master was killed takes connections on for up to a second
SHORTEST_WAIT_SECONDS = 1.5
STOP_WITHIN_SECONDS = 20.0


async def at_once() -> None:
    """What is ready as soon as it is started."""


class Child:
    """One process with its own children, in a process group of their own, so that Ctrl-C reaches the parent alone.

    `ready` is set once `readied`, asked after each start, has returned, and unset as soon as the process has ended.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: dict[str, str],
        log: Path,
        readied: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        self.name, self._command, self._environment, self._log, self._readied = name, command, environment, log, readied
        self.pid = 0
        self.ready = asyncio.Event()
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self, said: Callable[[str], None]) -> None:
        """Run it, and again whenever it ends, until stop(). `said` is told of each start, and why if it is not the first."""
        wait, why = SHORTEST_WAIT_SECONDS, ""
        while not self._stopping:
            began = time.monotonic()
            await self._start()
            said(why)
            assert self._process is not None
            getting_ready = asyncio.create_task(self._get_ready())
            ended = await self._process.wait()
            getting_ready.cancel()
            # what is left of one that was ready may finish its requests; else it only loads, and keeps its port until it has
            self._sweep(signal.SIGTERM if self.ready.is_set() else signal.SIGKILL)
            self.ready.clear()
            if self._stopping:
                return
            settled = time.monotonic() - began > SETTLED_SECONDS
            wait = SHORTEST_WAIT_SECONDS if settled else min(wait * 2, LONGEST_WAIT_SECONDS)
            why = f"{self.name} (process {self.pid}) {how(ended)} and was started again."
            await asyncio.sleep(wait)

    async def stop(self) -> None:
        self._stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_WITHIN_SECONDS)
        except TimeoutError:
            self._sweep(signal.SIGKILL)
            await self._process.wait()

    async def _start(self) -> None:
        with self._log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.pid = self._process.pid

    async def _get_ready(self) -> None:
        await self._readied()
        self.ready.set()

    def _sweep(self, what: signal.Signals) -> None:
        """To whatever is left of its group: a master that was killed leaves its workers behind."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, what)


def how(ended: int) -> str:
    """'was ended by SIGKILL', 'ended with 1'."""
    if ended >= 0:
        return f"ended with {ended}"
    try:
        return f"was ended by {signal.Signals(-ended).name}"
    except ValueError:
        return f"was ended by signal {-ended}"
