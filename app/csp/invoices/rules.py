"""What Microsoft's lines come to and what they are sold at. Pure, in exact decimals of any length.

The one rule of rounding: a line's sell amount is rounded once, half away from zero, to its currency's minor unit; totals are sums
of rounded lines; tax is rounded once a document and rate, on the subtotal. Five lines of 0.03 at 15 % are 0.15, not 0.17.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from app.foundation.money import exponent, round_half_up

#: more digits than any amount on the wire has: nothing is rounded but on purpose
EXACT = Context(prec=140)
NOTHING = Decimal(0)
#: letters of an amount whose product with a factor, of eight digits at most, has fewer than the default context's 28
_SHORT = 18
BILLING, USAGE = "billing", "usage"
#: why a line has its mark-up
BY_DAY, BY_ORIGINAL, PASSED_THROUGH, NOT_SET = "day", "original", "credit", "not-set"


class Reconciled(NamedTuple):
    lines_total: Decimal
    #: Microsoft's total less the lines'; 0 is the only one that ties
    difference: Decimal


def reconcile(total: Decimal, lines: Iterable[Decimal]) -> Reconciled:
    """A document's total against its billing lines, tax included, to the last digit and without tolerance."""
    lines_total = sum_of(lines)
    return Reconciled(lines_total, EXACT.subtract(total, lines_total))


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    """Of one currency; who adds sees to that."""
    total = NOTHING
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


@lru_cache(1000)
def places(currency: str) -> int | None:
    """Decimals of the currency; None for a code that ISO 4217 lacks, in which nothing can be priced."""
    try:
        return exponent(currency)
    except ValueError:
        return None


def line_sell(cost: Decimal, mark_up: Decimal, currency: str) -> Decimal:
    """cost x (1 + mark-up), half away from zero: -94.08 at 15 % is -108.19. A mark-up, no margin: 20 % on 80.00 is 96.00."""
    decimals = places(currency)
    assert decimals is not None, "ask places() first"
    return _rounded(EXACT.multiply(cost, factor_of(mark_up)), decimals)


@lru_cache(2000)
def factor_of(mark_up: Decimal) -> Decimal:
    """1.15 of 15 %"""
    return EXACT.add(1, mark_up.scaleb(-2, EXACT))


@lru_cache(8192)
def _sell_of(cost: str, mark_up: Decimal, currency: str) -> Decimal:
    """line_sell of an amount as sent. Nearly all are short: their product is exact in the default context, which is quicker."""
    decimals = places(currency)
    if len(cost) > _SHORT or decimals is None:
        return line_sell(Decimal(cost or 0), mark_up, currency)
    return round_half_up(Decimal(cost or 0) * factor_of(mark_up), decimals)


def tax_of(subtotal: Decimal, rate: Decimal | None, currency: str) -> Decimal:
    """Once a document and rate, on the subtotal; nothing where no rate is set."""
    if rate is None:
        return NOTHING
    return _rounded(EXACT.multiply(subtotal, rate.scaleb(-2, EXACT)), places(currency) or 0)


def _rounded(value: Decimal, decimals: int) -> Decimal:
    if len(value.as_tuple().digits) + decimals < 28:  # the default context's digits, in which it is quicker
        return round_half_up(value, decimals)
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=EXACT)


@lru_cache(20_000)
def day_in(instant: str) -> date | None:
    """The day of an ISO 8601 instant in UTC; None for what is none."""
    try:
        return date.fromisoformat(instant[:10])
    except ValueError:
        return None


@lru_cache(1000)
def is_credit(charge_type: str) -> bool:
    """A credit that Microsoft gives the customer: passed through as it is."""
    return charge_type.lower().replace("_", "").replace(" ", "") == "customercredit"


class Charge(NamedTuple):
    """A positive line of a subscription, as far as a refund asks: the digits and instants as sent."""

    start: str
    end: str
    quantity: str
    #: where it stands: (version, sequence); equal charges keep their order by it
    place: tuple[int, int]


def original_of(start: str, quantity: str, charges: Sequence[Charge]) -> tuple[Charge, bool] | None:
    """What a refund that begins at `start` gives back, of its subscription's charges; and whether nothing could fit better.

    The charge whose period contains the refund's start. A change of seats is a refund of the old count and a charge of the new one
    over the same rest of the period: so of several, the one with the refund's count, then one that began before it, then the latest.
    """
    fitting = [(_fit(start, quantity, charge), charge) for charge in charges if _contains(charge, start)]
    if not fitting:
        return None
    rank, found = max(fitting, key=lambda one: (one[0], one[1].start, one[1].place))
    return found, rank == (True, True, True)


def _contains(charge: Charge, start: str) -> bool:
    return bool(start) and charge.start <= start and (start < charge.end or start[:10] == charge.end[:10])


def _fit(start: str, quantity: str, charge: Charge) -> tuple[bool, bool, bool]:
    """An end may be meant as the last day or as the first after it: what is inside either way fits better."""
    return start[:10] < charge.end[:10], quantity.lstrip("-") == charge.quantity, charge.start < start


def otherwise_on(document: Any) -> date:
    """The day of a line that says none: its document's period's first, else the document's own."""
    return (document.period_start or document.invoice_date).date()


class Price(NamedTuple):
    """`mark_up` in percent and `sell` are None where nobody has set a mark-up, or the currency is none."""

    mark_up: Decimal | None
    sell: Decimal | None
    why: str
    #: the day that picked the mark-up
    day: date


def priced(
    line: Any, mark_up_on: Callable[[date], Decimal | None], originals: Mapping[int, str], otherwise: date
) -> Price:
    """A billing line's mark-up and sell amount.

    `line`: sequence, cost, charge_type, charge_start, currency. `originals`: sequence of a refund -> when the charge it gives back
    began: it takes the mark-up of that day, or a change of rate in between would leave a phantom profit. `otherwise`: the day of a
    line that says none. Microsoft's tax is in none of it.
    """
    original = originals.get(line.sequence)
    day = day_in(original or line.charge_start) or otherwise
    return price_on(day, line.cost, line.charge_type, line.currency, mark_up_on, BY_ORIGINAL if original else BY_DAY)


def price_on(
    day: date, cost: str, charge_type: str, currency: str, mark_up_on: Callable[[date], Decimal | None], why: str = BY_DAY
) -> Price:  # fmt: skip
    """The same where the day that picks the mark-up is known."""
    if is_credit(charge_type):
        mark_up, why = NOTHING, PASSED_THROUGH
    else:
        found = mark_up_on(day)
        if found is None:
            return Price(None, None, NOT_SET, day)
        mark_up = found
    if places(currency) is None:
        return Price(None, None, NOT_SET, day)
    return Price(mark_up, _sell_of(cost, mark_up, currency), why, day)


class Sold:
    """What one customer's lines of one currency are sold at, added up one by one."""

    __slots__ = ("mark_ups", "sell", "unpriced")
    COLUMNS: ClassVar = ("sell", "least_mark_up", "most_mark_up", "unpriced")

    def __init__(self) -> None:
        self.sell, self.unpriced = NOTHING, 0
        self.mark_ups: set[Decimal] = set()

    def add(self, price: Price) -> None:
        if price.sell is None or price.mark_up is None:
            self.unpriced += 1
            return
        self.sell = EXACT.add(self.sell, price.sell)
        if price.why != PASSED_THROUGH:
            self.mark_ups.add(price.mark_up)

    def columns(self) -> tuple[Decimal | None, Decimal | None, Decimal | None, int]:
        """As csp_document_total keeps it, by COLUMNS: no amount where some line has no mark-up."""
        if self.unpriced:
            return None, None, None, self.unpriced
        mark_ups = self.mark_ups or {NOTHING}
        return self.sell, min(mark_ups), max(mark_ups), 0
