"""Exact decimals: what people may type, what is refused, how it is stored, how far arithmetic carries. Pure.

The column type lives in database.py. Floats never come near.
"""

import decimal
import re
from decimal import Decimal

# Two values of 17 digits multiply to 34; the default of 28 digits would round them silently. Set for this thread and,
# through DefaultContext, for every thread that starts later.
decimal.DefaultContext.prec = 60
decimal.setcontext(decimal.DefaultContext.copy())

#: Digits after the point that quantities and unit prices keep. 10^6 times a value below 10^12 fits 64 bits.
SCALE = 6
#: The first value that is refused; as large as the storage allows with room for sums of thousands of rows.
LIMIT = Decimal(10) ** 11

# ASCII digits only: Decimal() itself would read full-width digits, exponents, NaN and Infinity.
_PLAIN = re.compile(r"[+]?([0-9]{1,20})(?:[.]([0-9]{1,20}))?")


class NotExact(ValueError):
    """The text is not a plain decimal within range; the message says which of these it breaks."""


def parse_exact(text: str, *, places: int = SCALE, limit: Decimal = LIMIT) -> Decimal:
    """'1200' or '12.50' as an exact, non-negative Decimal with at most `places` decimals, below `limit`.

    Refuses signs below zero, exponents, thousands separators, NaN, Infinity, non-ASCII digits and 21 digits.
    """
    found = _PLAIN.fullmatch(text.strip(" \t"))
    if not found:
        raise NotExact("not-a-number")
    if found[2] and len(found[2].rstrip("0")) > places:
        raise NotExact("too-many-decimals")
    value = Decimal(f"{found[1]}.{found[2] or '0'}")
    if value >= limit:
        raise NotExact("too-large")
    return value.quantize(Decimal(1).scaleb(-places)) if places < SCALE else value


def to_scaled(value: Decimal) -> int:
    """The stored whole number. Refuses more than SCALE decimals or a value at or beyond LIMIT, rather than losing one."""
    scaled = value.scaleb(SCALE)
    whole = int(scaled)
    if scaled != whole:
        raise NotExact("too-many-decimals")
    if abs(value) >= LIMIT:
        raise NotExact("too-large")
    return whole


def from_scaled(whole: int) -> Decimal:
    return Decimal(whole).scaleb(-SCALE)


class Sum:
    """Adds decimals that are kept as text, and gives text again: what a database without exact decimals is taught."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, text: str | None) -> None:
        if text is not None:
            self._total = (self._total or Decimal(0)) + Decimal(text)

    def finalize(self) -> str | None:
        return None if self._total is None else format(self._total, "f")
