"""What a figure is asked, and the lines it answers with: a ratio, what it may come to, and whether it does."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

OUTPUT = Path(__file__).parent / "output"


@dataclass(frozen=True)
class Asked:
    """From the command line. `only`: lines whose name holds this text; "" for all."""

    sizes: tuple[int, ...]
    databases: tuple[str, ...]
    rounds: int
    only: str = ""


@dataclass(frozen=True)
class Line:
    """One measured ratio. Milliseconds are an indication of this machine; the ratio is the figure."""

    what: str
    database: str
    size: int
    #: of what to what: "page / static page"
    ratio_of: str
    ratio: float
    most: float | None = None
    least: float | None = None
    ms: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        return (self.most is None or self.ratio <= self.most) and (self.least is None or self.ratio >= self.least)


def median_ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Round by round, then the median: what disturbs a round disturbs both of it."""
    return median(a / b for a, b in zip(of, to, strict=True))


def in_words(size: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if size >= unit and size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


def table(lines: Iterable[Line]) -> str:
    heads = ("", "figure", "database", "size", "ratio", "of", "bound", "ms CPU", "")
    rows = [
        (
            "ok" if line.holds else "NO",
            line.what,
            line.database,
            in_words(line.size),
            f"{line.ratio:.2f}",
            line.ratio_of,
            f"<= {line.most}" if line.most is not None else f">= {line.least}" if line.least is not None else "",
            "" if line.ms is None else f"{line.ms:.2f}",
            line.note,
        )
        for line in lines
    ]
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, tuple("-" * width for width in widths), *rows)
    )


def keep(name: str, goal: str, machine: str, lines: Sequence[Line]) -> Path:
    """The lines as JSON and as a table below benchmarks/output; returns the table's file."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    told = {"figure": name, "goal": goal, "machine": machine, "lines": [asdict(line) for line in lines]}
    (OUTPUT / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n")
    file = OUTPUT / f"{name}.txt"
    file.write_text(f"{goal}\n{machine}\n\n{table(lines)}\n")
    return file
