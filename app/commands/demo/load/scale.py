"""How large a load is, and how it is cut into slices: each a stretch of time whose requests are written in one transaction."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

#: at most so many in one transaction
MOST_ENGAGEMENTS, MOST_ENTRIES = 3000, 10_000


@dataclass(frozen=True)
class Slice:
    """The `number`-th slice, from 0: its requests come between these two shares of the whole time, in millionths."""

    number: int
    engagements: int
    entries: int
    begins: int
    ends: int


@dataclass(frozen=True)
class Scale:
    """What was asked for. Two loads with equal scales are one and the same: the second goes on where the first stopped."""

    engagements: int
    entries: int
    months: int
    seed: int

    @property
    def key(self) -> str:
        """Names the load: of its dice, and of the series that counts the slices written."""
        said = f"{self.engagements} {self.entries} {self.months} {self.seed}"
        return "LD" + hashlib.sha256(said.encode()).hexdigest()[:8].upper()

    @property
    def partners(self) -> int:
        """Beside the two of the demo."""
        return min(24, 2 + self.engagements // 20_000)

    @property
    def customers(self) -> int:
        return min(3000, 12 + self.engagements // 100)

    @property
    def slices(self) -> int:
        return max(1, -(-self.engagements // MOST_ENGAGEMENTS), -(-self.entries // MOST_ENTRIES))

    def cut(self, first: int = 0) -> Iterator[Slice]:
        """The slices from the `first` on, in the order of time."""
        count = self.slices
        for number in range(first, count):
            yield Slice(
                number,
                _part(self.engagements, number, count),
                _part(self.entries, number, count),
                10**6 * number // count,
                10**6 * (number + 1) // count,
            )


def _part(whole: int, number: int, count: int) -> int:
    """The number-th of `count` parts of a whole, which add up to it."""
    return whole * (number + 1) // count - whole * number // count
