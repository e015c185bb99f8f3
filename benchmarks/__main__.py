"""`./run bench [FIGURE ...] [--sizes 1k,100k,1M] [--databases sqlite,postgresql] [--rounds 3] [--only TEXT]`; `./run bench --forget`.

Ends with 1 where a line does not hold its bound.
"""

import argparse
import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from importlib import import_module

from benchmarks.figure import Asked, Line, in_words, keep, table
from benchmarks.ground import forget

FIGURES = (
    "lists",
    "peers",
    "exports",
    "month_close",
    "batches",
    "rating",
    "submitted_to_rated",
    "discovery",
    "csp_pages",
)
DATABASES = ("sqlite", "postgresql")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./run bench", description="Ratios, each measured inside one run.")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)}; none: all of them")
    parser.add_argument("--sizes", type=sizes, help="such as 1k,100k,1M; each figure has its own default")
    parser.add_argument("--databases", type=databases, default=DATABASES, help="sqlite, postgresql or both (default)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="only lines whose name holds this text")
    parser.add_argument("--forget", action="store_true", help="only remove the databases that earlier runs have filled")
    given = parser.parse_args(arguments)
    if given.forget:
        forget()
        return 0
    if unknown := set(given.figures) - set(FIGURES):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    held = True
    for name in given.figures or FIGURES:
        figure = import_module(f"benchmarks.{name}")
        asked = Asked(given.sizes or figure.SIZES, given.databases, given.rounds, given.only)
        print(f"{name}: {figure.GOAL}", flush=True)
        lines: list[Line] = []
        for line in figure.measure(asked):
            lines.append(line)
            print(
                f"  {line.what}, {line.database}, {in_words(line.size)}: {line.ratio:.2f} of {line.ratio_of}",
                flush=True,
            )
            held = held and line.holds
        file = keep(name, figure.GOAL, machine(), lines)
        print(f"{table(lines)}\n\nkept in {file}", flush=True)
    return 0 if held else 1


def sizes(text: str) -> tuple[int, ...]:
    """'1k,100k,1M' -> (1000, 100000, 1000000), the smallest first."""
    units = {"k": 1_000, "M": 1_000_000}
    try:
        return tuple(sorted(int(one.rstrip("kM")) * units.get(one[-1:], 1) for one in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not written like 1k,100k,1M") from None


def databases(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if set(chosen) - set(DATABASES):
        raise argparse.ArgumentTypeError(f"choose of {', '.join(DATABASES)}")
    return chosen


def machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.machine()} {platform.system()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    sys.exit(main())
