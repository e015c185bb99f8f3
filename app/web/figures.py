"""How figures are written: money, quantities and unit prices, in the viewer's language. Exact: no float comes near.

In a template: ``{{ line.gross | money }}`` "1,777.50"; ``{{ line.gross | money_with_currency }}`` "USD 1,777.50";
``{{ entry.quantity | quantity }}`` "12.00"; ``{{ price | unit_price }}`` "150.0000"; ``{{ step | unrounded }}`` "1,777.50000".
``{{ of_minor(row.gross_minor, row.currency) }}`` writes what tables keep. None is an em dash everywhere. A negative figure has U+2212, as wide as the plus.
"""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from babel import Locale

from app.foundation.bounded import BoundedInARow
from app.foundation.exact import SCALE
from app.foundation.money import Money, exponent
from app.web.languages import locale_name

DASH = "\u2014"
MINUS = "\u2212"


def plain(value: Decimal, least: int, most: int) -> str:
    """At least `least` and at most `most` decimals, thousands grouped: 1234.5 -> '1,234.50'."""
    rounded = value.quantize(Decimal(1).scaleb(-most), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):,.{most}f}"
    if most > least:
        whole, _, decimals = text.partition(".")
        text = f"{whole}.{decimals.rstrip('0').ljust(least, '0')}" if least or decimals.strip("0") else whole
    group, point = _separators(locale_name())
    if (group, point) != (",", "."):
        text = text.translate({ord(","): group, ord("."): point})
    return MINUS + text if rounded < 0 else text


def money(value: Money | None) -> str:
    """The amount alone, to the currency's minor unit; the currency stands in the column's head."""
    if value is None:
        return DASH
    places = exponent(value.currency)
    return plain(value.amount, places, places)


def money_with_currency(value: Money | None) -> str:
    return DASH if value is None else f"{value.currency}\u00a0{money(value)}"


def of_minor(minor: Decimal | int | None, currency: str, named: bool = False) -> str:
    """An amount as tables keep it, in minor units; `named`: with its currency."""
    if minor is None:
        return DASH
    amount = Money.of_minor(int(minor), currency)
    return money_with_currency(amount) if named else money(amount)


def quantity(value: Decimal | None) -> str:
    return DASH if value is None else plain(value, 2, SCALE)


def whole(value: int) -> str:
    return plain(Decimal(value), 0, 0)


def unit_price(value: Decimal | Money | None) -> str:
    if value is None:
        return DASH
    return plain(value.amount if isinstance(value, Money) else value, 4, SCALE)


def unrounded(value: Decimal | Money | None) -> str:
    """A step of Explain, before the one rounding."""
    if value is None:
        return DASH
    return plain(value.amount if isinstance(value, Money) else value, 5, 5)


def plain_size(size: int) -> str:
    """'1.2 MB': a size in the thousands that disks are sold in, one decimal."""
    amount, unit = Decimal(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{plain(amount, 0, 0 if unit == 'B' else 1)}\u00a0{unit}"


def dash(value: Any) -> Any:
    """The value, or an em dash where there is nothing to show."""
    return DASH if value is None or value == "" else value


@lru_cache
def _separators(locale: str) -> tuple[str, str]:
    symbols = Locale.parse(locale).number_symbols["latn"]
    return symbols["group"], symbols["decimal"]


FILTERS = {
    "money": money,
    "money_with_currency": money_with_currency,
    "quantity": quantity,
    "whole": whole,
    "unit_price": unit_price,
    "unrounded": unrounded,
    "dash": dash,
    "bounded_in_a_row": BoundedInARow,
}
