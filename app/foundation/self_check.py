"""What a room checks about its own rows: what must hold whatever happened, tampering included."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: one verdict a row looked at, streamed: "" where it holds, else a sentence that says what is wrong
Verdicts = Iterator[str]


@dataclass(frozen=True)
class Check:
    """`claim` says what holds when nothing is wrong. Each room's checks.py offers its own in `checks()`."""

    claim: str
    verdicts: Callable[[], Verdicts]
