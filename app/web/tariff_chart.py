"""What a month costs, drawn over its quantity: the points that templates/listing/tariff.html puts into an SVG, and its words.

    chart = tariff_chart(tariff, Decimal(1200), "h", "USD", width=430)

Only positions are floats here; every figure in the words is written from its exact Decimal. Two drawings are made of one
tariff, a narrow one for the phone, rather than one that is shrunk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from flask_babel import gettext as _

from app.catalog.tariff import ZERO, Tariff, cost, limit_of
from app.foundation.money import Money
from app.web.figures import money_with_currency, plain, quantity
from app.web.tier_bars import whole

#: Ends of a scale that read well, times a power of ten.
_ROUND = tuple(Decimal(step) for step in ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10"))
#: Steps between grid lines that people count in, beside the power of ten of the highest amount.
_STEPS = tuple(Decimal(step) for step in ("0.1", "0.2", "0.25", "0.5", "1", "2"))
HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 200, 16, 28, 64, 12
MOST_GRID_LINES = 5


@dataclass(frozen=True)
class Mark:
    """A place on an axis and what stands there."""

    at: float
    words: str


@dataclass(frozen=True)
class TariffChart:
    width: int
    height: int
    left: int
    #: the path of the cost, and the same closed to the base line
    line: str
    area: str
    base: float
    #: grid lines with their amounts, from the base line upwards; ends of tiers; both ends of the quantity's scale
    amounts: list[Mark]
    limits: list[Mark]
    ends: tuple[str, str]
    #: the quantity that was asked about; None beyond the last tier
    x: float | None
    y: float | None
    point_words: str
    label: str


def tariff_chart(tariff: Tariff, asked: Decimal, unit: str, currency: str, *, width: int) -> TariffChart:
    """The curve from nothing to a little more than what was asked about and the last tier that is near it."""
    end = _end_of(tariff, asked)
    corners = list(_corners(tariff, end))
    step, lines = scale(max(amount for _quantity, amount in corners) or Decimal(1))
    top = step * lines
    inside = width - LEFT - RIGHT
    base = float(HEIGHT - BOTTOM)

    def at(value: Decimal, amount: Decimal) -> tuple[float, float]:
        return (
            round(LEFT + float(value / end) * inside, 1),
            round(base - float(amount / top) * (base - TOP), 1),
        )

    points = [at(*corner) for corner in corners]
    line = "M" + " L".join(f"{x} {y}" for x, y in points)
    last = limit_of(tariff)
    known = last is None or asked <= last
    here = at(asked, cost(tariff, asked)) if known else (None, None)
    words = money_with_currency(Money(cost(tariff, asked), currency).rounded()) if known else ""
    return TariffChart(
        width=width,
        height=HEIGHT,
        left=LEFT,
        line=line,
        area=f"{line} L{points[-1][0]} {base} L{points[0][0]} {base} Z",
        base=base,
        amounts=[Mark(at(ZERO, step * place)[1], plain(step * place, 0, 6)) for place in range(lines + 1)],
        limits=[
            Mark(at(band.up_to, ZERO)[0], f"{whole(band.up_to)} {unit}")
            for band in tariff.bands
            if band.up_to is not None and ZERO < band.up_to < end
        ],
        ends=(f"0 {unit}", f"{whole(end)} {unit}"),
        x=here[0],
        y=here[1],
        point_words=words,
        label=_label(asked, unit, words, currency),
    )


@dataclass(frozen=True)
class ChartRow:
    """One line of the chart's table: a month of so much, and what it costs."""

    quantity: Decimal
    cost: Money
    #: the cost of one unit of that month, unrounded
    each: Decimal


def chart_rows(tariff: Tariff, asked: Decimal, currency: str) -> list[ChartRow]:
    """The same drawing in figures: a tenth, a half, the ends of the tiers, what was asked about, the end of the scale."""
    end = _end_of(tariff, asked)
    last = limit_of(tariff)
    limits = [band.up_to for band in tariff.bands if band.up_to is not None and band.up_to <= end]
    wanted = {end / 10, end / 2, end, asked, *limits}
    if tariff.model in ("simple", "block"):  # where the next unit makes a jump
        wanted |= {limit + 1 for limit in limits if limit + 1 <= end}
    found = sorted(value for value in wanted if value > 0 and (last is None or value <= last))
    return [
        ChartRow(value, Money(cost(tariff, value), currency).rounded(), cost(tariff, value) / value) for value in found
    ]


def _corners(tariff: Tariff, end: Decimal) -> Iterator[tuple[Decimal, Decimal]]:
    """(quantity, cost) where the curve bends or jumps, up to `end`."""
    start = ZERO
    for band in tariff.bands:
        reach = end if band.up_to is None else min(band.up_to, end)
        if reach <= start:
            return
        if tariff.model == "block":
            yield start, band.price
            yield reach, band.price
        elif tariff.model == "simple":
            yield start, start * band.price / tariff.charge_unit
            yield reach, reach * band.price / tariff.charge_unit
        else:
            yield start, cost(tariff, start)
            yield reach, cost(tariff, reach)
        start = reach


def _end_of(tariff: Tariff, asked: Decimal) -> Decimal:
    """Beyond what was asked about, and beyond tiers that are no more than three times as far; never beyond the last one."""
    near = [band.up_to for band in tariff.bands if band.up_to is not None and band.up_to <= asked * 3]
    end = _round_above(max([asked * Decimal("1.1"), *(limit * Decimal("1.2") for limit in near)]) or Decimal(1))
    last = limit_of(tariff)
    return end if last is None else max(min(end, last), min(asked, last))


def scale(most: Decimal) -> tuple[Decimal, int]:
    """(the step between grid lines, how many steps reach `most`): 50,000 and five for 220,000; never 62,500."""
    unit = Decimal(1).scaleb(most.adjusted())
    for step in (step * unit for step in _STEPS):
        lines = int((most / step).to_integral_value(ROUND_CEILING))
        if lines <= MOST_GRID_LINES:
            break
    return step, lines


def _round_above(value: Decimal) -> Decimal:
    unit = Decimal(1).scaleb(value.adjusted())
    return next(step * unit for step in _ROUND if step * unit >= value)


def _label(asked: Decimal, unit: str, words: str, currency: str) -> str:
    if not words:
        return _("What a month costs in %(currency)s over its quantity", currency=currency)
    return _(
        "What a month costs over its quantity: %(quantity)s %(unit)s cost %(amount)s",
        quantity=quantity(asked),
        unit=unit,
        amount=words,
    )
