"""How often somebody may ask: so many times a window, counted in this process.

Kept in memory on purpose: it protects the machine that answers, and N machines let N times as much through. Nothing is
decided by it that must hold everywhere; tries to sign in are counted in the database (members/tries.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from threading import Lock
from uuid import UUID

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
        seconds = max(1, ceil((since + self.length - now).total_seconds()))
        return Taken(count <= self.limit, self.limit, max(0, self.limit - count), seconds)
