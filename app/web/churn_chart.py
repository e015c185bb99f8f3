"""The dashboard's chart of customers: the total as a line, gained as bars above the line of nothing, lost as bars below it.

Plain geometry like app.web.charts, drawn twice, for a tile and for a phone. Two scales: a thousand customers of whom three are
new would leave nothing to see of the three. The line has the upper half, the bars the lower.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _

from app.csp.dashboard.rules import Period
from app.web.charts import grid_step, short
from app.web.instants import month as month_words
from app.web.instants import month_short


@dataclass(frozen=True)
class Step:
    """One period: its point on the line (None: nothing is known), its two bars, its words."""

    middle: float
    point_y: float | None
    #: the total, at the newest point and the first
    words: str
    bar_x: float
    bar_width: float
    gained_y: float
    gained_height: float
    gained_words: str
    lost_y: float
    lost_height: float
    lost_words: str
    newest: bool
    name: str
    year: str


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    left: int
    #: "x,y x,y ..." of each stretch of the line that has no gap
    lines: list[str]
    grid: list[tuple[float, str]]
    #: where the bars begin
    base: float
    steps: list[Step]


@dataclass(frozen=True)
class ChurnChart:
    label: str
    wide: Drawing
    small: Drawing


def churn_chart(periods: Sequence[Period], *, by_year: bool) -> ChurnChart:
    newest = periods[-1]
    label = _(
        "Customers: %(total)s at the end of %(period)s, %(gained)s gained and %(lost)s lost in it. The same figures are in the table.",
        total="—" if newest.total is None else f"{newest.total:,}",
        period=str(newest.last.year) if by_year else month_words(newest.last),
        gained=newest.gained,
        lost=newest.lost,
    )  # fmt: skip
    return ChurnChart(
        label,
        _drawn(periods, by_year=by_year, width=709, left=40, bar=24),
        _drawn(periods[-6:], by_year=by_year, width=310, left=40, bar=20),
    )


#: heights: the line's half, the words between, the bars' half (from top to bottom), and the names below
_TOP, _LINE, _GAP, _BARS, _FOOT = 22, 118, 26, 64, 38


def _drawn(periods: Sequence[Period], *, by_year: bool, width: int, left: int, bar: int) -> Drawing:
    totals = [one.total for one in periods if one.total is not None]
    most = max(totals, default=0)
    step = max(grid_step(Decimal(most)), Decimal(1))
    tops = max(1, -(-most // int(step))) if step == int(step) else 4
    ceiling = float(step * tops)
    base = _TOP + _LINE + _GAP + _BARS / 2
    highest = max((max(one.gained, one.lost) for one in periods), default=0) or 1
    room = (width - left) / len(periods)
    steps = []
    for place, one in enumerate(periods):
        middle = round(left + room * place + room / 2, 1)
        up, down = (round(count / highest * (_BARS / 2 - 2), 1) for count in (one.gained, one.lost))
        name, year = _names(one, place, by_year)
        last = place == len(periods) - 1
        steps.append(
            Step(
                middle=middle,
                point_y=None if one.total is None else round(_TOP + _LINE - one.total / ceiling * _LINE, 1),
                words="" if one.total is None or not (last or one.total == most) else f"{one.total:,}",
                bar_x=round(middle - bar / 2, 1),
                bar_width=bar,
                gained_y=round(base - up, 1),
                gained_height=up,
                gained_words=f"+{one.gained:,}" if one.gained else "",
                lost_y=round(base, 1),
                lost_height=down,
                lost_words=f"\u2212{one.lost:,}" if one.lost else "",
                newest=last,
                name=name,
                year=year,
            )
        )
    steps = _named_once(steps)
    grid = [
        (round(_TOP + _LINE - float(step * line) / ceiling * _LINE, 1), short(step * line)) for line in range(tops + 1)
    ]
    return Drawing(width, _TOP + _LINE + _GAP + _BARS + _FOOT + 8, left, _stretches(steps), grid, base, steps)


def _named_once(steps: list[Step]) -> list[Step]:
    """Of equal highest totals the newest alone says it: a flat year says one figure, not twelve."""
    said, found = set[str](), list[Step]()
    for one in reversed(steps):
        words = "" if one.words in said else one.words
        said.add(one.words)
        found.append(Step(**{**vars(one), "words": words}))
    return found[::-1]


def _stretches(steps: Sequence[Step]) -> list[str]:
    lines: list[list[str]] = [[]]
    for one in steps:
        if one.point_y is None:
            lines.append([])
        else:
            lines[-1].append(f"{one.middle},{one.point_y}")
    return [" ".join(points) for points in lines if len(points) > 1]


def _names(one: Period, place: int, by_year: bool) -> tuple[str, str]:
    if by_year:
        return str(one.last.year), ""
    return month_short(one.last), str(one.last.year) if place == 0 or one.last.month == 1 else ""
