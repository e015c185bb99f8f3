"""Price maths: what a month's quantity of one metric costs, and how a tariff arrives at it. Pure.

Four models over bands of quantity:
  per unit    every unit at one price
  graduated   each band at its own price: 1000 @ 1.00, then 0.90 -> 1200 units cost 1180.00
  simple      all units at the price of the band the month's quantity falls in: 1000 -> 1000.00 but 1001 -> 900.90
  block       one flat total for the band the month's quantity falls in
A band reaches up to and including its `up_to`. Costs are exact; rounding is the caller's, once, at the line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from app.foundation.money import round_half_up

Model = Literal["per_unit", "graduated", "simple", "block"]
MODELS: tuple[Model, ...] = ("per_unit", "graduated", "simple", "block")
ZERO = Decimal(0)


class BadTariff(ValueError):
    """The bands do not make a tariff; the message says what is wrong, `band` (1, 2, ...) and `field` where.

    `band` None: it is the tariff as a whole. `field`: 'model', 'charge_unit', 'up_to' or 'price'.
    """

    def __init__(self, message: str, field: str, band: int | None = None) -> None:
        self.field = field
        self.band = band
        super().__init__(message)


class OverLimit(ValueError):
    """The quantity lies beyond the tariff's last band."""


@dataclass(frozen=True)
class Band:
    """`up_to`: the last quantity of the band, None for no end. `price`: a charge unit's price, or block's flat total."""

    up_to: Decimal | None
    price: Decimal


@dataclass(frozen=True)
class Tariff:
    """One metric's prices in one version. `charge_unit` is the smallest quantity customers pay, usually 1."""

    model: Model
    bands: tuple[Band, ...]
    charge_unit: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise BadTariff(f"no model {self.model!r}", "model")
        if self.charge_unit <= 0:
            raise BadTariff("a charge unit is above zero", "charge_unit")
        if not self.bands:
            raise BadTariff("a tariff has at least one band", "price", 1)
        if self.model == "per_unit" and len(self.bands) != 1:
            raise BadTariff("per unit has one band", "model")
        reached = ZERO
        for place, band in enumerate(self.bands, 1):
            if band.price < 0:
                raise BadTariff("a price is zero or more", "price", place)
            if band.up_to is None:
                if place < len(self.bands):
                    raise BadTariff("only the last band may be open-ended", "up_to", place)
            elif band.up_to <= reached:
                raise BadTariff("each band reaches further than the one before it", "up_to", place)
            else:
                reached = band.up_to


@dataclass(frozen=True)
class Step:
    """One line of an explanation: `quantity` between `start` and `end`, at `price`, gives `amount`, unrounded.

    In a block `price` is the flat total and is counted once. A negative quantity is a band that the month left.
    """

    start: Decimal
    end: Decimal | None
    quantity: Decimal
    price: Decimal
    amount: Decimal


def cost(tariff: Tariff, quantity: Decimal) -> Decimal:
    """What the month's whole `quantity` costs, exact. Nothing costs nothing. OverLimit beyond the last band.

    Divided by the charge unit once, at the end: of 3 units at 0.005, then 0.01, the first two cost 0.005 exactly and round
    up, where thirds taken band by band would leave 0.00499... and round down.
    """
    if quantity < 0:
        raise ValueError("a month's quantity is zero or more")
    if quantity == 0:
        return ZERO
    if tariff.model == "graduated":
        return _graduated_cost(tariff.bands, quantity) / tariff.charge_unit
    _start, band = _band_of(tariff.bands, quantity)
    return band.price if tariff.model == "block" else quantity * band.price / tariff.charge_unit


def split(tariff: Tariff, quantity: Decimal) -> list[Step]:
    """The month's whole quantity, band by band."""
    if quantity < 0:
        raise ValueError("a month's quantity is zero or more")
    if quantity == 0:
        return []
    if tariff.model == "graduated":
        return list(_graduated(tariff, quantity))
    start, band = _band_of(tariff.bands, quantity)
    amount = band.price if tariff.model == "block" else quantity * band.price / tariff.charge_unit
    return [Step(start, band.up_to, quantity, band.price, amount)]


def entry_amount(tariff: Tariff, before: Decimal, quantity: Decimal, places: int) -> Decimal:
    """The amount of one entry: round(cost(before + quantity)) - round(cost(before)), half-up, to `places` decimals.

    So the rated entries of a month always sum to its rounded cost, however it was split; in simple and block tariffs an
    entry may be negative, when it takes the whole month into a cheaper band.
    """
    return round_half_up(cost(tariff, before + quantity), places) - round_half_up(cost(tariff, before), places)


def entry_steps(tariff: Tariff, before: Decimal, quantity: Decimal) -> list[Step]:
    """How one entry's amount came about: its own share of each band, or the month repriced as a whole.

    Graduated and per unit: the quantity that falls into each band. Simple and block: the month before taken back, the
    month after put in its place. Amounts sum to cost(after) - cost(before), unrounded. A quantity below zero takes back
    what the same quantity would have added from there on.
    """
    after = before + quantity
    if quantity < 0 and tariff.model in ("per_unit", "graduated"):
        return [
            Step(step.start, step.end, -step.quantity, step.price, -step.amount)
            for step in entry_steps(tariff, after, -quantity)
        ]
    if tariff.model == "per_unit":
        band = tariff.bands[0]
        cost(tariff, after)
        return [Step(ZERO, band.up_to, quantity, band.price, quantity * band.price / tariff.charge_unit)]
    if tariff.model == "graduated":
        already = {step.start: step for step in _graduated(tariff, before)}
        steps = []
        for step in _graduated(tariff, after):
            used = already.get(step.start)
            share = step.quantity - (used.quantity if used else ZERO)
            if share:
                steps.append(Step(step.start, step.end, share, step.price, share * step.price / tariff.charge_unit))
        return steps
    taken_back = [Step(s.start, s.end, -s.quantity, s.price, -s.amount) for s in split(tariff, before)]
    return taken_back + split(tariff, after)


def limit_of(tariff: Tariff) -> Decimal | None:
    """The largest month the tariff has a price for; None when it has no end."""
    return tariff.bands[-1].up_to


def _graduated(tariff: Tariff, quantity: Decimal) -> Sequence[Step]:
    steps: list[Step] = []
    start = ZERO
    for band in tariff.bands:
        if quantity <= start:
            return steps
        reached = quantity if band.up_to is None else min(quantity, band.up_to)
        share = reached - start
        steps.append(Step(start, band.up_to, share, band.price, share * band.price / tariff.charge_unit))
        if band.up_to is None:
            return steps
        start = band.up_to
    if quantity > start:
        raise OverLimit(quantity)
    return steps


def _graduated_cost(bands: Sequence[Band], quantity: Decimal) -> Decimal:
    """The bands' shares at their prices, before the charge unit: the sum of what _graduated() tells one by one."""
    total, start = ZERO, ZERO
    for band in bands:
        if band.up_to is None or quantity <= band.up_to:
            return total + (quantity - start) * band.price
        total += (band.up_to - start) * band.price
        start = band.up_to
    raise OverLimit(quantity)


def _band_of(bands: Sequence[Band], quantity: Decimal) -> tuple[Decimal, Band]:
    start = ZERO
    for band in bands:
        if band.up_to is None or quantity <= band.up_to:
            return start, band
        start = band.up_to
    raise OverLimit(quantity)
