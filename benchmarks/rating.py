"""Figure `rating`: the portal's own job over very many submitted entries, against set-based SQL that writes the same rows.

Both sides work on copies of one database, in processes of their own, slice by slice in turn: what disturbs the machine disturbs
both. What they come to is compared: every rated entry and every sum, to the minor unit.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.figure import OUTPUT, Asked, Line, in_words, median_ratio
from benchmarks.ground import copies, grounds, settings
from benchmarks.serving import ROOT

GOAL = "Rating costs little more than the rows it writes, at any size"
SIZES = (100_000, 1_000_000)
#: of the set-based limit's entries a second, without History's hash
NEAR = {"sqlite": 0.45, "postgresql": 0.8}
#: entries a second at the largest size, of those at the smallest
FLAT = 0.8
MOST_IN_COMMIT = 20_000
#: peak memory at the largest size, of that at the smallest
FLAT_MEMORY = 1.15
#: a size is cut into so many slices, of whole commits of the job and none above the largest; the limit commits once a slice
SLICES, LARGEST_SLICE = 5, 100_000
SIDES = ("portal", "limit")


class Side:
    """A process that rates as it is told, and says what it took."""

    def __init__(self, name: str, url: str) -> None:
        with (OUTPUT / "rating.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.rating_sides", name], env=settings(url) | {"DEMO": ""}, cwd=ROOT,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self._answer()

    def rate(self, entries: int) -> dict[str, Any]:
        return self._ask(str(entries))

    def totals(self) -> dict[str, Any]:
        return self._ask("")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _ask(self, what: str) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a side of rating ended; see {OUTPUT / 'rating.log'}")
        told: dict[str, Any] = json.loads(line)
        return told


@dataclass
class Measured:
    """What the slices of one size took, side by side."""

    slices: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in SIDES})

    def speeds(self, side: str, *, hashing: bool = True) -> list[float]:
        """Entries a second, slice by slice."""
        return [one["rated"] / (one["seconds"] - (0 if hashing else one["hash"])) for one in self.slices[side]]

    def overall(self, side: str) -> float:
        return sum(one["rated"] for one in self.slices[side]) / sum(one["seconds"] for one in self.slices[side])

    def most(self, side: str, what: str) -> float:
        return max(float(one[what]) for one in self.slices[side])


def measure(asked: Asked) -> Iterator[Line]:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for database in asked.databases:
        of_size = {}
        with grounds(database, asked.sizes, filler="rating_ground") as urls:
            for size, url in urls.items():
                of_size[size] = _raced(url, size)
                yield from _lines(database, size, of_size[size])
        least, most = of_size[min(of_size)], of_size[max(of_size)]
        if least is not most:
            at = f"at {in_words(min(of_size))}"
            speed = most.overall("portal") / least.overall("portal")
            yield Line("entries a second", database, max(of_size), at, speed, least=FLAT)
            memory = most.most("portal", "peak_kb") / least.most("portal", "peak_kb")
            note = f"{most.most('portal', 'peak_kb') / 1024:.0f} MB"
            yield Line("peak memory", database, max(of_size), at, memory, most=FLAT_MEMORY, note=note)


def _raced(url: str, size: int) -> Measured:
    measured, each = Measured(), min(LARGEST_SLICE, -(-size // SLICES // MOST_IN_COMMIT) * MOST_IN_COMMIT)
    with copies(url, len(SIDES)) as two, _both(two) as sides:
        left = size
        while left:
            for name, side in sides.items():
                measured.slices[name].append(side.rate(min(each, left)))
            left -= min(each, left)
        came_to = [side.totals() for side in sides.values()]
    if came_to[0] != came_to[1]:
        raise RuntimeError(f"the sides of rating do not come to the same: {came_to}")
    return measured


@contextmanager
def _both(urls: list[str]) -> Iterator[dict[str, Side]]:
    sides: dict[str, Side] = {}
    try:
        for name, url in zip(SIDES, urls, strict=True):
            sides[name] = Side(name, url)
        yield sides
    finally:
        for side in sides.values():
            side.end()


def _lines(database: str, size: int, measured: Measured) -> Iterator[Line]:
    limit = measured.speeds("limit")
    whole, rows_alone = measured.speeds("portal"), measured.speeds("portal", hashing=False)
    speeds = f"{median(rows_alone):,.0f} against {median(limit):,.0f} entries/s"
    yield Line(
        "rating, before the hash", database, size, "set-based SQL", median_ratio(rows_alone, limit), least=NEAR[database], note=speeds
    )
    hashed = sum(one["hash"] for one in measured.slices["portal"]) / size * 1e6
    note = f"{median(whole):,.0f} entries/s; History's hash {hashed:.1f} us an entry"
    yield Line("rating, with it", database, size, "set-based SQL", median_ratio(whole, limit), note=note)
    commit = measured.most("portal", "commit")
    yield Line(
        "largest commit", database, size, f"{MOST_IN_COMMIT:,} entries", commit / MOST_IN_COMMIT, most=1.0, note=f"{commit:,.0f} entries"
    )
