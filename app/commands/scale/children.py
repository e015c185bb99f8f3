"""Processes that are kept alive: started, started again when they end, stopped together."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

#: a child that ends within this time is broken, and waits longer and longer before its next start
SETTLED_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 10.0
STOP_WITHIN_SECONDS = 20.0


class Child:
    """One process with its own children, in a process group of their own, so that Ctrl-C reaches the parent alone."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.name, self._command, self._environment, self._log = name, command, environment, log
        self.pid = 0
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self, said: Callable[[str], None]) -> None:
        """Run it, and again whenever it ends, until stop(). `said` is told of each start, and why if it is not the first."""
        wait, why = 0.5, ""
        while not self._stopping:
            began = time.monotonic()
            await self._start()
            said(why)
            assert self._process is not None
            ended = await self._process.wait()
            self._sweep(signal.SIGTERM)
            if self._stopping:
                return
            wait = 0.5 if time.monotonic() - began > SETTLED_SECONDS else min(wait * 2, LONGEST_WAIT_SECONDS)
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
