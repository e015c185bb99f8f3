"""Who is killed, when: kill -9 to one process after the other, and now and then the database goes away without a goodbye."""

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.soak.portals import Portal, Process

#: kills between two restarts of the database
RESTART_EVERY = 20


@dataclass
class Fate:
    """What was done to the portal. Instants are time.time()."""

    kills: list[tuple[float, str]] = field(default_factory=list)
    #: from its end to its answering again
    database_away: list[tuple[float, float]] = field(default_factory=list)


class Killer:
    def __init__(self, portal: Portal, seed: int, every: float, *, database: bool) -> None:
        self._portal, self._every, self._database = portal, every, database
        self._dice = random.Random(seed)
        self.fate = Fate()

    def wait_and_kill(self) -> Process:
        """One more; the moment is random, and so is the victim."""
        time.sleep(self._dice.uniform(0.1, 2 * self._every - 0.1))
        while True:
            living = [one for one in self._portal.processes() if one.role != "relay" and is_alive(one.pid)]
            if not living:
                time.sleep(0.1)
                continue
            victim = self._dice.choice(living)
            self.fate.kills.append((time.time(), victim.name))
            with suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGKILL)
            break
        if self._database and len(self.fate.kills) % RESTART_EVERY == 0:
            began = time.time()
            self._portal.restart_database()
            self.fate.database_away.append((began, time.time()))
        return victim


def is_alive(pid: int) -> bool:
    """And no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
