"""The processes that rate for figure `rating`: started, told how many, and asked what stands at the end."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.figure import OUTPUT
from benchmarks.ground import settings
from benchmarks.serving import ROOT

LOG = OUTPUT / "rating.log"


class Runners:
    """One side's processes, each with its share of the entries."""

    def __init__(self, side: str, url: str, count: int) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        with LOG.open("ab") as log:
            for number in range(count):
                command = [sys.executable, "-m", "benchmarks.rating_sides", side, str(number), str(count)]
                self.processes.append(
                    subprocess.Popen(
                        command, env=settings(url) | {"DEMO": ""}, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=log, text=True,
                    )
                )  # fmt: skip
        for process in self.processes:
            _answer(process)

    def rate(self, entries: int) -> dict[str, Any]:
        """All at once, each its part of so many. Seconds by this clock; what hashing took is what it took each, on average."""
        began = time.perf_counter()
        for process in self.processes:
            _tell(process, str(entries // len(self.processes)))
        took = [_answer(process) for process in self.processes]
        seconds = time.perf_counter() - began
        rated = sum(one["rated"] for one in took)
        if not rated:
            raise RuntimeError(f"nothing was rated; see {LOG}")
        return {
            "rated": rated, "seconds": seconds, "hash": sum(one["hash"] for one in took) / len(took),
            "commit": max(one["commit"] for one in took), "peak_kb": max(one["peak_kb"] for one in took),
        }  # fmt: skip

    def totals(self) -> dict[str, Any]:
        """What stands in the database; the runners end with it."""
        for process in self.processes:
            _tell(process, "")
        return [_answer(process) for process in self.processes][-1]

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()


@contextmanager
def ready(side: str, url: str, count: int) -> Iterator[Runners]:
    runners = Runners(side, url, count)
    try:
        yield runners
    finally:
        runners.end()


def _tell(process: subprocess.Popen[str], what: str) -> None:
    assert process.stdin
    process.stdin.write(f"{what}\n")
    process.stdin.flush()


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a runner of rating ended; see {LOG}")
    told: dict[str, Any] = json.loads(line)
    return told
