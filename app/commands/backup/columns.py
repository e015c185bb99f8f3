"""How a value stands in a backup, whichever database it comes from or goes to: exact, and nothing read into it.

Money and quantities are the whole numbers they are stored as; JSON is the text that was stored, letter by letter, since digests
cover it; instants are UTC to the microsecond.
"""

import base64
import binascii
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Date, DateTime, Integer, LargeBinary, String, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine


@dataclass(frozen=True)
class Kind:
    """`fits`: whether a value of the file is one. The four others: from and to what each database's driver takes."""

    fits: Callable[[Any], bool]
    from_sqlite: Callable[[Any], Any]
    to_sqlite: Callable[[Any], Any]
    from_postgres: Callable[[Any], Any]
    to_postgres: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_uuid(value: Any) -> bool:
    try:
        return str(uuid.UUID(value)) == value
    except (ValueError, AttributeError, TypeError):
        return False


def _is_instant(value: Any) -> bool:
    try:
        return len(value) == 27 and value[-1] == "Z" and value[10] == "T" and datetime.fromisoformat(value) is not None
    except (ValueError, TypeError):
        return False


def _is_day(value: Any) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except (ValueError, TypeError):
        return False


def _is_base64(value: Any) -> bool:
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except binascii.Error:
        return False


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _instant_of_sqlite(value: str) -> str:
    """'2026-11-25 17:58:36.265097' is how it is stored; anything else is read for what it means."""
    if len(value) == 26 and value[10] == " ":
        return f"{value[:10]}T{value[11:]}Z"
    return _instant(datetime.fromisoformat(value).replace(tzinfo=UTC))


def _unless_none(kind: Kind) -> Kind:
    def guarded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return function if function is _same else lambda value: None if value is None else function(value)

    return Kind(
        lambda value: value is None or kind.fits(value),
        guarded(kind.from_sqlite),
        guarded(kind.to_sqlite),
        guarded(kind.from_postgres),
        guarded(kind.to_postgres),
    )


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


KINDS: dict[str, Kind] = {
    name: _unless_none(kind)
    for name, kind in {
        "text": Kind(_is_text, _same, _same, _same, _same),
        "json": Kind(_is_text, _same, _same, _same, _same),
        "int": Kind(_is_int, _same, _same, _same, _same),
        "bool": Kind(lambda value: isinstance(value, bool), bool, int, _same, _same),
        "uuid": Kind(_is_uuid, lambda v: str(uuid.UUID(v)), lambda v: v.replace("-", ""), str, _same),
        "instant": Kind(
            _is_instant, _instant_of_sqlite, lambda v: f"{v[:10]} {v[11:-1]}", _instant, lambda v: f"{v[:-1]}+00"
        ),
        "day": Kind(_is_day, _same, _same, date.isoformat, _same),
        "bytes": Kind(_is_base64, _base64, base64.b64decode, _base64, base64.b64decode),
    }.items()
}

#: the first that fits; a column type that is not here has no place in a backup yet, and a test says so
_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Uuid, "uuid"),
    (DateTime, "instant"),
    (Date, "day"),
    (Boolean, "bool"),
    (Integer, "int"),
    (JSON, "json"),
    (LargeBinary, "bytes"),
    (String, "text"),
)


def kind_of(type_: TypeEngine[Any]) -> str:
    """The kind of a column by what it stores. TypeError for a type that a backup does not know."""
    stored = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    for known, kind in _TYPES:
        if isinstance(stored, known):
            return kind
    raise TypeError(f"a backup does not know the column type {stored!r}: give it a kind in {__name__}")
