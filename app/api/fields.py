"""What the API's values look like, checked for shape where they come in and described for the specification.

Shape only: what a value means is the rules' business. Nothing here is a float, nothing takes what a database would refuse.
"""

import base64
import re
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from marshmallow import ValidationError, fields, validate

from app.foundation.billing_month import BillingMonth
from app.foundation.exact import NotExact, parse_exact

#: Control characters, half characters, and marks that make text read in another order than it is written.
_UNFIT = {"Cc", "Cs"}
_UNFIT_TOO = "\u202d\u202e\ufffd"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_PHONE = re.compile(r"[0-9 +\-()/.x]{5,30}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURSOR = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_CURSOR = 600
#: As the specification spells what parse_exact takes.
QUANTITY = r"^[0-9]{1,11}([.][0-9]{1,6})?$"
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
MONTH = r"^(197[1-9]|19[89][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-7])-(0[1-9]|1[0-2])$"


class Text(fields.String):
    """Text of at most `most` characters. `lines`: line breaks are kept."""

    def __init__(self, most: int, *, lines: bool = False, least: int = 0, **options: Any) -> None:
        super().__init__(validate=validate.Length(min=least or None, max=most), **options)
        self.most, self.lines = most, lines

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        assert text is not None
        text = text.replace("\r\n", "\n").replace("\r", "\n") if self.lines else text
        if text.isascii() and text.isprintable():  # as most is: seen in one go
            return text
        allowed = "\n\t" if self.lines else ""
        for character in text[: self.most]:  # what is longer is refused, however it goes on
            if character not in allowed and (unicodedata.category(character) in _UNFIT or character in _UNFIT_TOO):
                raise ValidationError(f"Holds a character that cannot be kept (U+{ord(character):04X}).")
        return text


class Phone(Text):
    """A telephone number as people write it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(30, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _PHONE.fullmatch(text) or sum(letter.isdigit() for letter in text) < 3:
            raise ValidationError("Not a telephone number such as +44 20 7946 0812.")
        return text


class Given(Text):
    """The answer to a custom parameter: text, or true or false for a checkbox."""

    def __init__(self, **options: Any) -> None:
        super().__init__(2000, lines=True, **options)

    def _validate(self, value: Any) -> None:
        if not isinstance(value, bool):
            super()._validate(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return value if isinstance(value, bool) else super()._deserialize(value, attr, data, **kwargs)


class YesNo(fields.Boolean):
    """true or false, and nothing that may be taken for one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not true or false.")
        return value


class File(fields.Field[bytes]):
    """A file of at most `most` bytes as base64, in one piece."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    @property
    def longest(self) -> int:
        """The text of so many bytes."""
        return (self.most + 2) // 3 * 4

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bytes:
        if not isinstance(value, str) or len(value) > self.longest:
            raise ValidationError(f"Not a file of at most {self.most} bytes, as base64.")
        try:
            return base64.b64decode(value, validate=True)
        except ValueError as wrong:  # binascii.Error, and a sign that is not ASCII
            raise ValidationError(
                "Not base64: A-Z, a-z, 0-9, + and /, filled up with =, without line breaks."
            ) from wrong

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else base64.b64encode(value).decode()


def plain_id(value: Any) -> uuid.UUID:
    """ValueError unless it is the text of one, dashes and all."""
    if not isinstance(value, str):
        raise ValueError("not an id")
    return _id(value)


@lru_cache(2048)
def _id(text: str) -> uuid.UUID:
    """Once for all the records of a batch that name it."""
    if not _UUID.fullmatch(text):
        raise ValueError("not an id")
    return uuid.UUID(text)


class Id(fields.Field[uuid.UUID]):
    """A row's id, as the API gave it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> uuid.UUID:
        try:
            return plain_id(value)
        except ValueError as wrong:
            raise ValidationError("Not an id.") from wrong

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)


class Month(fields.Field[BillingMonth]):
    """A billing month, YYYY-MM."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> BillingMonth:
        try:
            return BillingMonth.parse(value if isinstance(value, str) else "")
        except ValueError as wrong:
            raise ValidationError("Not a month written YYYY-MM.") from wrong

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)


class Day(fields.Field[date]):
    """A day of the calendar, YYYY-MM-DD."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> date:
        try:
            return date.fromisoformat(value if isinstance(value, str) and _DAY.fullmatch(value) else "")
        except ValueError as wrong:
            raise ValidationError("Not a day written YYYY-MM-DD.") from wrong

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value.isoformat())


class Quantity(fields.Field[Decimal]):
    """An exact decimal as text: "12.5". A JSON number is refused, because it may have lost a digit on its way here."""

    _SAID = {
        "not-a-number": 'Not a plain decimal number written as text, such as "12.5".',
        "too-many-decimals": "More than six decimals.",
        "too-large": "Too large.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        try:
            return parse_exact(value if isinstance(value, str) else "")
        except NotExact as wrong:
            raise ValidationError(self._SAID[str(wrong)]) from wrong

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{value.normalize():f}"


class Signed(Quantity):
    """A quantity that may be below zero; given, never taken."""


class Instant(fields.Field[Any]):
    """RFC 3339, UTC, with Z; given, never taken."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.isoformat().replace("+00:00", "Z")


class Limit(fields.Field[int]):
    """How many items a page holds, 1 to 200."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not isinstance(value, str) or not _NUMBER.fullmatch(value) or not 1 <= int(value) <= 200:
            raise ValidationError("Not a number from 1 to 200.")
        return int(value)


class Version(fields.Field[int]):
    """The version of a row that the decision was made upon."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
            raise ValidationError("Not a version.")
        return value

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value


class Cursor(fields.String):
    """What next_cursor said."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        assert text is not None
        if len(text) > _LONGEST_CURSOR or not _CURSOR.fullmatch(text):
            raise ValidationError("Not a cursor of this list.")
        return text


def described(field: Any) -> dict[str, Any]:
    """For the specification: how these fields read as JSON schema."""
    kinds: dict[type, dict[str, Any]] = {
        Phone: {"type": "string", "pattern": "^[0-9 +\\-()/.x]{5,30}$", "examples": ["+44 20 7946 0812"]},
        Given: {"type": ["string", "boolean"], "maxLength": 2000},
        Id: {"type": "string", "format": "uuid"},
        Month: {"type": "string", "pattern": MONTH, "examples": ["2026-10"]},
        Day: {"type": "string", "format": "date", "examples": ["2026-11-01"]},
        Quantity: {"type": "string", "pattern": QUANTITY, "examples": ["12.5"]},
        Signed: {"type": "string", "pattern": QUANTITY.replace("^", "^-?", 1), "examples": ["-38.25"]},
        Instant: {"type": "string", "format": "date-time", "examples": ["2026-11-02T23:59:50Z"]},
        Limit: {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        Version: {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        Cursor: {"type": "string", "minLength": 1, "maxLength": _LONGEST_CURSOR, "pattern": "^[A-Za-z0-9_-]+$"},
    }
    if isinstance(field, File):
        return {"type": "string", "contentEncoding": "base64", "maxLength": field.longest, "pattern": BASE64}
    kind = kinds.get(type(field), {})
    return {**kind, "type": [kind["type"], "null"]} if kind and field.allow_none else kind
