"""Charts as plain geometry: what templates/components/charts.html draws with presentation attributes and classes, no script.

    chart = months_chart([Month(month, rated, waiting), ...], label=_("Rated revenue by month"))
    {{ ui.month_bars(chart) }}

Each chart is laid out twice, for a tile at full width and for a phone, so that its 12 px words stay 12 px. Positions are
floats; every figure in words is written from its exact amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from flask_babel import gettext as _

from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.web.figures import money_with_currency, plain
from app.web.instants import month as month_words
from app.web.instants import month_short

#: grid steps that read well, times a power of ten
_ROUND = tuple(Decimal(step) for step in ("1", "2", "2.5", "5", "10"))
_LINES = 4


@dataclass(frozen=True)
class Month:
    """What one bar stands for: what is final, and what is added if what waits is taken as it stands."""

    month: BillingMonth
    rated: Money
    waiting: Money | None = None

    @property
    def whole(self) -> Money:
        return self.rated + self.waiting if self.waiting else self.rated


@dataclass(frozen=True)
class Bar:
    """Corners of a bar and of its hatched part on top, and the words at it; heights of 0 are not drawn."""

    x: float
    width: float
    y: float
    height: float
    hatch_y: float
    hatch_height: float
    #: "97.8k", for the newest, the highest and the lowest; "" else
    words: str
    words_y: float
    newest: bool
    #: "Oct", and under the first bar and January the year
    name: str
    year: str

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    left: int
    base: float
    #: (y, "75k") of each grid line, the base line left out
    grid: list[tuple[float, str]]
    #: "0" at the base line
    zero: str
    bars: list[Bar]


@dataclass(frozen=True)
class MonthsChart:
    #: the sentence for who does not see it
    label: str
    wide: Drawing
    small: Drawing
    has_waiting: bool


def months_chart(months: Sequence[Month], *, label: str) -> MonthsChart:
    """Bars of amounts in one currency, oldest first; the phone gets the newest six."""
    newest, highest = months[-1], max(months, key=lambda one: one.whole.amount)
    sentence = _(
        "%(label)s: %(newest)s in %(month)s, the highest %(highest)s in %(peak)s. The same figures are in the table.",
        label=label,
        newest=money_with_currency(newest.whole),
        month=month_words(newest.month),
        highest=money_with_currency(highest.whole),
        peak=month_words(highest.month),
    )
    return MonthsChart(
        sentence,
        _drawn(months, width=709, height=248, left=40, bar=36),
        _drawn(months[-6:], width=310, height=220, left=40, bar=28),
        any(one.waiting for one in months),
    )


def short(value: Decimal) -> str:
    """An amount at a bar: 950, 97.8k, 1.25M."""
    size = abs(value)
    for limit, divisor, unit, places in ((Decimal("999.5"), 1, "", 0), (Decimal("999950"), 1_000, "k", 1)):
        if size < limit:
            return f"{plain(value / divisor, 0, places)}{unit}"
    return f"{plain(value / 1_000_000, 0, 2)}M"


def grid_step(most: Decimal) -> Decimal:
    """The round distance of grid lines, of which at most four reach `most`: 97,800 -> 25,000; nothing at all -> 25."""
    if most <= 0:
        return Decimal(25)
    least = most / _LINES
    unit = Decimal(1).scaleb(least.adjusted())
    return next(step * unit for step in _ROUND if step * unit >= least)


def _drawn(months: Sequence[Month], *, width: int, height: int, left: int, bar: int) -> Drawing:
    top, foot = 22, 34
    tops = [one.whole.amount for one in months]
    lowest = min(min(tops), min(one.rated.amount for one in months), Decimal(0))
    step = max(grid_step(max(max(tops), Decimal(0))), grid_step(-lowest))
    above = max(int((max(max(tops), Decimal(0)) / step).to_integral_value(ROUND_CEILING)), 1)
    below = int(-(lowest / step).to_integral_value(ROUND_FLOOR))
    scale = (height - top - foot) / float((above + below) * step)

    def y(amount: Decimal) -> float:
        return round(top + float(above * step - amount) * scale, 1)

    room = (width - left) / len(months)
    named = _named(tops)
    bars = []
    for place, one in enumerate(months):
        rated, whole = one.rated.amount, one.whole.amount
        name, year = _month_label(one.month, place)
        bars.append(
            Bar(
                x=round(left + room * place + (room - bar) / 2, 1),
                width=bar,
                y=y(max(rated, Decimal(0))),
                height=round(abs(y(rated) - y(Decimal(0))), 1),
                hatch_y=y(whole),
                hatch_height=round(max(y(rated) - y(whole) - 1, 0), 1) if whole > rated else 0,
                words=short(whole) if place in named else "",
                words_y=round(y(max(whole, Decimal(0))) - 6, 1),
                newest=place == len(months) - 1,
                name=name,
                year=year,
            )
        )
    lines = [line for line in range(-below, above + 1) if line]
    return Drawing(
        width, height, left, y(Decimal(0)), [(y(line * step), short(line * step)) for line in lines], "0", bars
    )


def _named(tops: Sequence[Decimal]) -> set[int]:
    """The newest, the highest and the lowest that is not zero; of equals the latest. A flat year names the newest alone."""
    last, some = len(tops) - 1, [place for place, amount in enumerate(tops) if amount]
    if not some or max(tops) == min(tops):
        return {last}
    highest = max(some, key=lambda place: (tops[place], place))
    lowest = min(some, key=lambda place: (tops[place], -place))
    return {last, highest, lowest}


def _month_label(month: BillingMonth, place: int) -> tuple[str, str]:
    return month_short(month), str(month.year) if place == 0 or month.month == 1 else ""
