"""Money: an exact amount in one currency. Pure.

Stored as whole minor units and the ISO 4217 code, so that SUM is exact in SQL on both databases. Rounded half-up, away
from zero, once, where a line becomes billable; totals are sums of rounded lines, so every statement foots.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property, lru_cache

from babel.core import get_global
from babel.numbers import get_currency_precision


@lru_cache
def exponent(currency: str) -> int:
    """Digits after the point in this currency: USD 2, JPY 0, KWD 3. ValueError for a code that ISO 4217 lacks."""
    if currency not in get_global("all_currencies"):
        raise ValueError(f"{currency!r} is no ISO 4217 currency")
    return int(get_currency_precision(currency))


def round_half_up(value: Decimal, places: int) -> Decimal:
    """2.675 -> 2.68, -2.675 -> -2.68 at two places: ties go away from zero."""
    return value.quantize(_unit(places), rounding=ROUND_HALF_UP)


@lru_cache
def _unit(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


@dataclass(frozen=True, order=False)
class Money:
    """`amount` is exact and may hold more digits than the currency until .rounded(); `currency` an ISO 4217 code."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"Money takes a Decimal, never {type(self.amount).__name__}")
        if not self.amount.is_finite():
            raise ValueError("Money is finite")
        exponent(self.currency)

    @classmethod
    def of_minor(cls, minor: int, currency: str) -> "Money":
        return cls(Decimal(int(minor)).scaleb(-exponent(currency)), currency)

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls.of_minor(0, currency)

    @cached_property
    def minor(self) -> int:
        """Whole minor units. ValueError if there is anything beyond them: round first, once, on purpose."""
        scaled = self.amount.scaleb(exponent(self.currency))
        whole = int(scaled)
        if scaled != whole:
            raise ValueError(f"{self.amount} {self.currency} is not rounded to its minor unit")
        return whole

    def rounded(self) -> "Money":
        return Money(round_half_up(self.amount, exponent(self.currency)), self.currency)

    def times(self, factor: Decimal) -> "Money":
        """Unrounded product; `factor` is an exact Decimal such as a share or a mark-up."""
        if not isinstance(factor, Decimal):
            raise TypeError("Money is multiplied by a Decimal only")
        return Money(self.amount * factor, self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._like(other).amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._like(other).amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __abs__(self) -> "Money":
        return Money(abs(self.amount), self.currency)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._like(other).amount

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._like(other).amount

    def __bool__(self) -> bool:
        return bool(self.amount)

    def _like(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"
