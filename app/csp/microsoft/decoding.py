"""JSON as Microsoft sends it: a byte order mark or none, names in any case, every digit of a number kept.

msgspec hands numbers with a point over as the text they were sent as: exact, and in less than half of the time that the
standard library takes to make Decimals of them. Whole numbers are exact by themselves.
"""

import codecs
from collections.abc import Mapping
from typing import Any

import msgspec

_decode = msgspec.json.Decoder(float_hook=str).decode
_decode_lines = msgspec.json.Decoder(float_hook=str).decode_lines


class Garbled(ValueError):
    """An answer that is not what it should be: cut short, no JSON, or JSON of another shape. Asking again may help."""


class Fields(dict[str, Any]):
    """An object whose names are looked up in any case, and so are those of the objects in it."""

    def __init__(self, sent: Mapping[str, Any] | None = None) -> None:
        super().__init__({name.lower(): fields(value) for name, value in (sent or {}).items()})

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def within(self, name: str) -> "Fields":
        """The object under this name; an empty one when it is absent or something else."""
        inner = self.get(name)
        return inner if isinstance(inner, Fields) else Fields()

    def several(self, name: str) -> list["Fields"]:
        """The objects listed under this name."""
        inner = self.get(name)
        return [one for one in inner if isinstance(one, Fields)] if isinstance(inner, list) else []


def fields(value: Any) -> Any:
    if isinstance(value, dict):
        return Fields(value)
    if isinstance(value, list):
        return [fields(one) for one in value]
    return value


def json_of(body: bytes) -> Any:
    """The decoded body, names as sent. Garbled when it is no JSON."""
    try:
        return _decode(body.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as wrong:
        raise Garbled(f"no JSON: {wrong}") from wrong


def objects_of_lines(body: bytes) -> list[dict[str, Any]]:
    """JSON lines, one object each."""
    try:
        found = _decode_lines(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as wrong:
        raise Garbled(f"no JSON line: {wrong}") from wrong
    return objects(found)


def object_of(body: bytes) -> Fields:
    found = json_of(body)
    if not isinstance(found, dict):
        raise Garbled(f"an object was expected, {type(found).__name__} came")
    return Fields(found)


def objects(found: Any) -> list[dict[str, Any]]:
    """A list of objects, or none at all where null or nothing was sent."""
    if found is None:
        return []
    if not isinstance(found, list) or any(type(one) is not dict for one in found):
        raise Garbled("a list of objects was expected")
    return found
