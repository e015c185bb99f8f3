"""How Microsoft's amounts are shown: with every digit they came with, and at least their currency's; percentages; periods."""

from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Any

from markupsafe import Markup

from app.csp.invoices.rules import places
from app.foundation.billing_month import BillingMonth
from app.web.figures import DASH, plain
from app.web.instants import month_short

#: more digits than anything on the wire has
_DIGITS = 200


def as_sent(value: Decimal | None, currency: str) -> str:
    """'1,234.5678' of EUR, '1,234' of JPY: nothing is rounded away; an em dash where there is none."""
    if value is None:
        return DASH
    least = places(currency)
    least = 2 if least is None else least
    decimals = max(0, -int(value.as_tuple().exponent))
    with localcontext(prec=_DIGITS):
        return plain(value, least, max(least, decimals))


def sent(digits: str, currency: str) -> str:
    """The same of digits kept as text; what is no number is shown as it is."""
    try:
        return as_sent(Decimal(digits), currency) if digits else DASH
    except ArithmeticError:
        return digits


def in_minor(value: Decimal | None, currency: str) -> Markup | str:
    """'11,123.63' of EUR 11,123.62564199305591185335, with every digit as its title: for a column of a table or a strip's figure.

    Not for a difference, which would read as none: `as_sent`.
    """
    if value is None:
        return DASH
    exact, rounded = as_sent(value, currency), in_minor_text(value, currency)
    if exact == rounded:
        return exact
    return Markup('<span title="{}">{}</span>').format(exact, rounded)


def digits_of(value: Decimal | None, currency: str) -> str:
    """Every digit, where `in_minor` leaves some out; else nothing."""
    exact = as_sent(value, currency)
    return "" if value is None or in_minor_text(value, currency) == exact else exact


def in_minor_text(value: Decimal, currency: str) -> str:
    """The same within a sentence."""
    least = places(currency)
    least = 2 if least is None else least
    with localcontext(prec=_DIGITS):
        return plain(value, least, least)


def sent_in_minor(digits: str, currency: str) -> Markup | str:
    """`in_minor` of digits kept as text."""
    try:
        return in_minor(Decimal(digits), currency) if digits else DASH
    except ArithmeticError:
        return digits


def with_currency(value: Decimal | None, currency: str) -> str:
    return DASH if value is None else f"{currency}\u00a0{as_sent(value, currency)}"


def percent(value: Decimal | None) -> str:
    """'12.5 %' in one piece; not set is a dash, and 0 is 0."""
    return DASH if value is None else f"{plain(value, 0, 2)}\u00a0%"


def quantity(digits: str) -> str:
    try:
        value = Decimal(digits)
    except ArithmeticError:
        return digits
    with localcontext(prec=_DIGITS):
        return plain(value, 0, min(20, max(0, -int(value.as_tuple().exponent))))


def period(start: str, end: str) -> str:
    """'1 Sep 2026 to 30 Sep 2026' of two instants as sent."""
    told = [_day_of(one) for one in (start, end) if one]
    return " \u2013 ".join(dict.fromkeys(told)) or DASH


def utc_day(at: datetime | date | None) -> str:
    """'8 Oct 2026': Microsoft's days are UTC's, whoever reads them."""
    return DASH if at is None else f"{at.day} {month_short(BillingMonth(at.year, at.month))} {at.year}"


def _day_of(instant: str) -> str:
    try:
        return utc_day(date.fromisoformat(instant[:10]))
    except ValueError:
        return instant[:10]


FILTERS: dict[str, Any] = {
    "as_sent": as_sent,
    "in_minor": in_minor,
    "digits_of": digits_of,
    "sent": sent,
    "sent_in_minor": sent_in_minor,
    "percent": percent,
    "sent_quantity": quantity,
    "utc_day": utc_day,
}
