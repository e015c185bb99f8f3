"""What a room checks about its own rows: what must hold whatever happened, tampering included.

Each room's checks.py offers its own in `checks()`; create_app feeds them, so nobody keeps a central list of what is checked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: one verdict a row looked at, streamed: "" where it holds, else a sentence that says what is wrong
Verdicts = Iterator[str]


@dataclass(frozen=True)
class Check:
    """`claim` says what holds when nothing is wrong."""

    claim: str
    verdicts: Callable[[], Verdicts]


@dataclass(frozen=True)
class Verdict:
    """What became of one check: rows looked at, rows that are wrong, and the first sentences about them."""

    claim: str
    looked: int
    wrong: int
    sentences: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.wrong

    @property
    def unsaid(self) -> int:
        """Rows that are wrong and of which no sentence is kept."""
        return self.wrong - len(self.sentences)


#: sentences kept of a check, and letters of each; the count says how many there are
SAID, LONGEST = 20, 500
#: Fed in create_app, once a process, in the order in which they are told.
SOURCES: list[Callable[[], list[Check]]] = []


def offer(checks: Callable[[], list[Check]]) -> None:
    """Register a room's checks. Safe to call again with the same function."""
    if checks not in SOURCES:
        SOURCES.append(checks)


def every_check() -> list[Check]:
    return [check for checks in SOURCES for check in checks()]


def examine(check: Check, looked_at: Callable[[int, int], None] = lambda looked, wrong: None) -> Verdict:
    """Walk one check to its end. `looked_at` is told of every row, for progress; what it raises ends the walk."""
    looked, wrong = 0, 0
    sentences: list[str] = []
    for sentence in _to_the_end(check):
        looked += 1
        if sentence:
            wrong += 1
            if len(sentences) < SAID:
                sentences.append(sentence[:LONGEST])
        looked_at(looked, wrong)
    return Verdict(check.claim, looked, wrong, tuple(sentences))


def _to_the_end(check: Check) -> Verdicts:
    """The verdicts; a row so wrong that the check cannot read it ends them with a sentence, and the next check goes on."""
    verdicts = check.verdicts()
    while True:
        try:
            sentence = next(verdicts, None)
        except Exception as trouble:
            yield f"cannot be checked further: {type(trouble).__name__}: {trouble}"
            return
        if sentence is None:
            return
        yield sentence
