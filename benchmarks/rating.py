"""Figure `rating`: the portal's own job over very many submitted entries, against set-based SQL that writes the same rows.

Both sides work on copies of one database, in processes of their own, slice by slice in turn: what disturbs the machine disturbs
both. What they come to is compared: every rated entry and every sum, to the minor unit. SQLite has one writer, so one runner; on
PostgreSQL the job is shared out, and is measured with one runner, with one worker process as `./run worker` starts it, which works
on two shares at a time, and with two runners in processes of their own.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.figure import OUTPUT, Asked, Line, in_words, median_ratio
from benchmarks.ground import copy_of, grounds
from benchmarks.rating_runners import Runners, ready

GOAL = "Rating costs little more than the rows it writes, at any size"
SIZES = (100_000, 1_000_000)
#: of the set-based limit's entries a second, without History's hash
NEAR = {"sqlite": 0.45, "postgresql": 0.8}
#: (the portal's side, how many of its processes share the job); the last of them is held to the bound
RUNNERS = {"sqlite": (("portal", 1),), "postgresql": (("portal", 1), ("worker", 1), ("portal", 2))}
#: and how many shares are worked on at a time
AT_ONCE = {("portal", 1): 1, ("worker", 1): 2, ("portal", 2): 2}
Runs = tuple[str, int]
#: entries a second at the largest size, of those at the smallest
FLAT = 0.8
MOST_IN_COMMIT = 20_000
#: peak memory at the largest size, of that at the smallest
FLAT_MEMORY = 1.15
#: a size is cut into so many slices, of whole commits of the job and none above the largest; the limit commits once a slice
SLICES, LARGEST_SLICE = 5, 100_000
#: a worker's: at each one's end one thread waits for the other, so few and large; a size that is one slice is measured twice
WORKER_SLICE = 500_000


@dataclass
class Measured:
    """What the slices of one size took on one side."""

    slices: list[dict[str, Any]] = field(default_factory=list)

    def speeds(self, *, hashing: bool = True) -> list[float]:
        """Entries a second, slice by slice."""
        return [one["rated"] / (one["seconds"] - (0 if hashing else one["hash"])) for one in self.slices]

    @property
    def overall(self) -> float:
        return self.total("rated") / self.total("seconds")

    def total(self, what: str) -> float:
        return sum(float(one[what]) for one in self.slices)

    def most(self, what: str) -> float:
        return max(float(one[what]) for one in self.slices)


def measure(asked: Asked) -> Iterator[Line]:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for database in asked.databases:
        with grounds(database, asked.sizes, fill="rating_ground") as urls:
            for runners in RUNNERS[database]:
                if asked.only not in _name(runners):
                    continue
                of_size = {}
                for size, url in urls.items():
                    portal, limit = _raced(url, size, runners)
                    yield from _lines(database, size, runners, portal, limit)
                    of_size[size] = portal
                yield from _flat(database, runners, of_size)


def _raced(url: str, size: int, runners: Runs) -> tuple[Measured, Measured]:
    each = min(LARGEST_SLICE, -(-size // SLICES // MOST_IN_COMMIT) * MOST_IN_COMMIT)
    if runners[0] == "worker":
        each = min(size, WORKER_SLICE)
    portal, limit = Measured(), Measured()
    for _ in range(2 if each == size else 1):
        _race(url, size, each, runners, (portal, limit))
    return portal, limit


def _race(url: str, size: int, each: int, runners: Runs, measured: tuple[Measured, Measured]) -> None:
    """Both sides from the beginning to the end, slice by slice in turn."""
    with ExitStack() as stack:
        ours = stack.enter_context(ready(runners[0], stack.enter_context(copy_of(url, "portal")), runners[1]))
        theirs = stack.enter_context(ready("limit", stack.enter_context(copy_of(url, "limit")), 1))
        left = [size, size]
        while any(more > 0 for more in left):
            for nr, side in enumerate((ours, theirs)):
                if left[nr] > 0:
                    measured[nr].slices.append(side.rate(each))
                    left[nr] -= measured[nr].slices[-1]["rated"]
        _compare(ours, theirs)


def _compare(ours: Runners, theirs: Runners) -> None:
    come_to = ours.totals(), theirs.totals()
    if come_to[0] != come_to[1]:
        raise RuntimeError(f"the sides of rating do not come to the same: {come_to}")


def _lines(database: str, size: int, runners: Runs, portal: Measured, limit: Measured) -> Iterator[Line]:
    name, bound = _name(runners), NEAR[database] if runners == RUNNERS[database][-1] else None
    whole, alone, sets = portal.speeds(), portal.speeds(hashing=False), limit.speeds()
    paired = min(len(whole), len(sets))
    note = f"{median(alone):,.0f} against {median(sets):,.0f} entries/s"
    ratio = median_ratio(alone[:paired], sets[:paired])
    yield Line(f"{name}, before the hash", database, size, "set-based SQL", ratio, least=bound, note=note)
    hashed = portal.total("hash") * AT_ONCE[runners] / portal.total("rated") * 1e6
    note = f"{median(whole):,.0f} entries/s; History's hash takes {hashed:.1f} us an entry"
    ratio = median_ratio(whole[:paired], sets[:paired])
    yield Line(f"{name}, with it", database, size, "set-based SQL", ratio, note=note)
    commit = portal.most("commit")
    note = f"{commit:,.0f} entries"
    yield Line(
        f"{name}, largest commit",
        database,
        size,
        in_words(MOST_IN_COMMIT),
        commit / MOST_IN_COMMIT,
        most=1.0,
        note=note,
    )


def _flat(database: str, runners: Runs, of_size: dict[int, Measured]) -> Iterator[Line]:
    small, large = min(of_size), max(of_size)
    if small == large:
        return
    name, at = _name(runners), f"at {in_words(small)}"
    note = f"{of_size[large].overall:,.0f} against {of_size[small].overall:,.0f} entries/s"
    yield Line(
        f"{name}, speed", database, large, at, of_size[large].overall / of_size[small].overall, least=FLAT, note=note
    )
    peaks = [of_size[size].most("peak_kb") for size in (large, small)]
    note = f"{peaks[0] / 1024:.0f} against {peaks[1] / 1024:.0f} MB a runner"
    yield Line(f"{name}, peak memory", database, large, at, peaks[0] / peaks[1], most=FLAT_MEMORY, note=note)


def _name(runners: Runs) -> str:
    side, count = runners
    if side == "worker":
        return "one worker process (two shares at once)"
    return "one runner" if count == 1 else f"{count} runners"
