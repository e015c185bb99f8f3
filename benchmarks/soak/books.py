"""The driver's own books: every write with what it was answered, every answer counted, every cut connection with its moment."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any

#: what a write makes or does. The first four make rows that carry the write's mark
REQUEST, ENTRY, RECORD, GRID = "request", "entry", "record", "grid row"
DECISION, WITHDRAWAL, REVIEW = "decision", "withdrawal", "review"


@dataclass
class Write:
    """One thing that somebody wanted done once, however often it was sent."""

    kind: str
    who: str
    #: the mark that the made row carries, or the verb
    what: str
    #: id of the row that it was done to; "" for what is made
    subject: str = ""
    #: None until it is answered
    status: int | None = None
    #: id of the row that was made, where the answer tells it
    result: str = ""
    sent: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """It was answered that it is done, now or by an earlier try."""
        return self.status is not None and self.status < 400


@dataclass(frozen=True)
class Answer:
    at: float
    who: str
    method: str
    #: with ids left out
    route: str
    status: int
    #: of a 5xx
    retry_after: str = ""
    request_id: str = ""


class Books:
    """Shared by everybody. Instants are time.time(), as the logs have them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self.writes: list[Write] = []
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.broken: list[Answer] = []
        self.cuts: list[tuple[float, str, str, str]] = []
        #: connections that nobody accepted: the one process there is was just being started
        self.refused: list[float] = []
        self.surprises: list[str] = []

    def mark(self, word: str) -> str:
        """A text that no other write carries, and that is part of no other mark."""
        with self._lock:
            return f"Soak {word} {next(self._numbers):06}."

    def wanted(self, kind: str, who: str, what: str, subject: str = "", **facts: Any) -> Write:
        write = Write(kind, who, what, subject, facts=facts)
        with self._lock:
            self.writes.append(write)
        return write

    def answered(self, answer: Answer) -> None:
        with self._lock:
            self.answers[answer.method, answer.route, answer.status] += 1
            if answer.status >= 500:
                self.broken.append(answer)

    def cut(self, who: str, path: str, why: str) -> None:
        with self._lock:
            self.cuts.append((time.time(), who, path, why))

    def nobody_there(self) -> None:
        with self._lock:
            self.refused.append(time.time())

    def surprised(self, what: str) -> None:
        with self._lock:
            self.surprises.append(f"{time.strftime('%H:%M:%S', time.gmtime())} {what}")

    def of(self, *kinds: str) -> list[Write]:
        with self._lock:
            return [write for write in self.writes if write.kind in kinds]

    def undecided(self, subject: str) -> bool:
        """Whether a decision on it was sent and is not answered: it may be in force already."""
        return any(write.subject == subject and write.status is None for write in self.of(DECISION))

    def by_status(self) -> dict[int, int]:
        """Status -> how often."""
        with self._lock:
            statuses: Counter[int] = Counter()
            for (_, _, status), times in self.answers.items():
                statuses[status] += times
        return dict(sorted(statuses.items()))
