"""Resident memory of the portal's processes while they live, so that what grows with work shows, and what grows with age."""

import os
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.soak.portals import Portal

#: processes of one kind are compared at one age: a younger one has not answered everything once yet
FROM_AGE, TO_AGE = 6.0, 40.0
#: what the last third may have more than the first, besides a tenth
MORE_MB = 6.0
EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Sample:
    at: float
    role: str
    pid: int
    age: float
    mb: float


@dataclass(frozen=True)
class Growth:
    """Medians of a role in the first and in the last third of the run."""

    role: str
    first_mb: float
    last_mb: float
    samples: int

    @property
    def flat(self) -> bool:
        return self.last_mb <= self.first_mb * 1.1 + MORE_MB


class Watch:
    """Samples until stop()."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._stopping = threading.Event()
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            for process in self._portal.processes():
                with suppress(OSError, IndexError, ValueError):
                    sample = Sample(time.time(), process.role, process.pid, age_of(process.pid), rss_of(process.pid))
                    self.samples.append(sample)

    def growth(self) -> list[Growth]:
        """A role a line; those with too few samples of that age in a third are left out."""
        if not self.samples:
            return []
        began, ended = self.samples[0].at, self.samples[-1].at
        third = (ended - began) / 3
        thirds: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
        for sample in self.samples:
            if sample.role != "relay" and not FROM_AGE <= sample.age <= TO_AGE:
                continue
            if sample.at <= began + third:
                thirds[sample.role][0].append(sample.mb)
            elif sample.at >= ended - third:
                thirds[sample.role][1].append(sample.mb)
        return [
            Growth(role, median(first), median(last), len(first) + len(last))
            for role, (first, last) in sorted(thirds.items())
            if len(first) >= 5 and len(last) >= 5
        ]


def rss_of(pid: int) -> float:
    """MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def age_of(pid: int) -> float:
    """Seconds since it was started."""
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - started / os.sysconf("SC_CLK_TCK")
