"""How often somebody may ask: so many times a window.

On PostgreSQL the requests of all processes are counted together, in the database. On SQLite in this process's memory: there is
one as a rule, and a count should not take the one place to write from those who have something to write.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from threading import Lock
from typing import Protocol
from uuid import UUID

from app.foundation.request_counts import count_one

#: Beyond so many callers, those whose window is over are forgotten.
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Taken:
    """What is left after this request; `allowed` False: it was one too many."""

    allowed: bool
    limit: int
    remaining: int
    #: until the window begins anew
    seconds: int


class Limit(Protocol):
    def take(self, caller: UUID, now: datetime) -> Taken:
        """Count one more request of this caller."""


class SharedWindows:
    """Like Windows, over all processes on one PostgreSQL."""

    def __init__(self, limit: int, length: timedelta = timedelta(minutes=1)) -> None:
        self.limit, self.length = limit, length

    def take(self, caller: UUID, now: datetime) -> Taken:
        since, count = count_one(caller, now, self.length)
        return _taken(since, count, self.limit, self.length, now)


class Windows:
    """`limit` requests in each window of `length`, which begins with a caller's first request in it."""

    def __init__(self, limit: int, length: timedelta = timedelta(minutes=1)) -> None:
        self.limit, self.length = limit, length
        self._begun: dict[UUID, tuple[datetime, int]] = {}
        self._lock = Lock()

    def take(self, caller: UUID, now: datetime) -> Taken:
        with self._lock:
            if len(self._begun) > _MOST_REMEMBERED:
                self._begun = {one: kept for one, kept in self._begun.items() if kept[0] > now - self.length}
            since, count = self._begun.get(caller, (now, 0))
            if not since <= now < since + self.length:  # over, or the demo's clock was moved back
                since, count = now, 0
            count += 1
            self._begun[caller] = (since, count)
        return _taken(since, count, self.limit, self.length, now)


def _taken(since: datetime, count: int, limit: int, length: timedelta, now: datetime) -> Taken:
    seconds = max(1, ceil((since + length - now).total_seconds()))
    return Taken(count <= limit, limit, max(0, limit - count), seconds)
