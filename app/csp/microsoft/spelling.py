"""How Microsoft spells ids, words, dates and amounts, and how we do. Pure.

One thing comes in many spellings over the same wire, so whatever is compared or kept goes through here first. Nothing
unknown fails: a word stays as it was sent. Only an amount that is none is refused, because it would be a wrong sum.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

#: what the columns for digits hold
DIGITS = 60
_PLAIN = re.compile(r"-?[0-9]{1,40}(\.[0-9]+)?")
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_LAST = datetime.max.replace(tzinfo=UTC)


class Unreadable(ValueError):
    """A value that cannot be what its field says; counting it would make a wrong sum."""


def text_of(value: Any, longest: int = 400) -> str:
    """Any scalar as text that every database takes: absent is '', NUL and halves of characters are gone, never longer."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    if not text.isascii():
        text = text.encode("utf-8", "ignore").decode()
    return text.replace("\0", "").strip()[:longest].rstrip()


def id_of(value: Any, longest: int = 80) -> str:
    """An id to compare by: lower-case, without the org: of modern lines."""
    text = text_of(value, longest + 4).lower()
    return text.removeprefix("org:").strip()[:longest]


def word(value: Any) -> str:
    """An enum's value to compare by: 'one_time', 'OneTime' and 'One Time' are one word."""
    return text_of(value).lower().replace("_", "").replace("-", "").replace(" ", "")


def one_of(value: Any, words: dict[str, str], longest: int = 40) -> str:
    """Our word for Microsoft's; one that we do not know stays as it was sent."""
    return words.get(word(value)) or text_of(value, longest)


def truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(word(value))


def decimal_of(value: Any) -> Decimal | None:
    """Every digit of a number, sent as a number or as text; None when absent; Unreadable when it is none."""
    spelled = digits(value)
    return Decimal(spelled) if spelled else None


def digits(value: Any) -> str:
    """A number's digits as they were sent, an exponent written out; '' when absent; Unreadable when it is none."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool | list | dict):
        raise Unreadable(f"{str(value)[:40]!r} is no number")
    spelled = str(value).strip()
    if len(spelled) > DIGITS:
        raise Unreadable(f"{spelled[:DIGITS]!r} has too many digits")
    if _PLAIN.fullmatch(spelled):
        return spelled
    if not spelled:
        return ""
    return _written_out(spelled)


def _written_out(spelled: str) -> str:
    try:
        number = Decimal(spelled)
    except InvalidOperation as wrong:
        raise Unreadable(f"{spelled!r} is no number") from wrong
    if not number.is_finite() or not spelled.isascii() or "_" in spelled or abs(number.adjusted()) > DIGITS:
        raise Unreadable(f"{spelled!r} is no number")
    plain = format(number, "f")
    if len(plain) > DIGITS:
        raise Unreadable(f"{spelled!r} has too many digits")
    return plain


def instant(value: Any) -> datetime | None:
    """An instant in UTC; None for what is absent, of the year 1, or no date. The year 9999 stays inside the calendar."""
    found = _INSTANT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found or int(found[1]) <= 1:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        local = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")), _zone(zone),
        )  # fmt: skip
    except ValueError:
        return None
    try:
        return local.astimezone(UTC)
    except OverflowError:
        return _LAST


def instant_text(value: Any) -> str:
    """The same as text, in UTC: '2026-10-01T00:00:00Z', or '' for none."""
    moment = instant(value)
    if moment is None:
        return ""
    if moment.microsecond:
        return f"{moment.replace(tzinfo=None).isoformat().rstrip('0')}Z"
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
