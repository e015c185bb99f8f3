"""What was read last, as a digest beside the row: only a change is written. Pure."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

_APART = "\x1f"


def digest_of(values: Iterable[Any]) -> str:
    """64 hexadecimal digits of values that are texts, numbers, instants, None, or lists of such."""
    return blake2b(_APART.join(map(_spelled, values)).encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


def half_digest_of(values: Iterable[Any]) -> str:
    """32 of them, for a row that two readings fill."""
    return blake2b(_APART.join(map(_spelled, values)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "\0"
    if isinstance(value, Decimal):
        return _digits(value) if value.is_finite() else str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_spelled(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_spelled, value)) + "]"
    return str(value)


def _digits(value: Decimal) -> str:
    """Every one of them, however many: 1.50 and 1.5 are one amount."""
    whole, point, after = format(value, "f").partition(".")
    after = after.rstrip("0")
    spelled = f"{whole}{point}{after}" if after else whole
    return "0" if spelled == "-0" else spelled


#: what a sum of line digests is counted in
_RING = 1 << 256


class LinesDigest:
    """Of a document's lines: a sum of one digest a line, so neither their order nor the pages they came in matter, their number does.

    Two equal lines are two charges and count twice. It can be put down and taken up again in the middle.
    """

    __slots__ = ("_sum",)

    def __init__(self, begun: str = "") -> None:
        self._sum = int(begun, 16) if begun else 0

    @classmethod
    def of(cls, lines: Iterable[tuple[str, ...]]) -> "LinesDigest":
        digest = cls()
        digest.add(lines)
        return digest

    def add(self, lines: Iterable[tuple[str, ...]]) -> None:
        digest, apart, number = blake2b, _APART.join, int.from_bytes
        total = 0
        for line in lines:
            total += number(digest(apart(line).encode("utf-8", "surrogatepass"), digest_size=32).digest())
        self._sum = (self._sum + total) % _RING

    def join(self, other: "LinesDigest") -> None:
        """Take over what another one was told."""
        self._sum = (self._sum + other._sum) % _RING

    def hexdigest(self) -> str:
        return f"{self._sum:064x}"
