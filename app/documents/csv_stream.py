"""CSV as RFC 4180 has it: comma, CRLF, quotes where needed, UTF-8.

No byte order mark: programs read these files, and most take the mark as part of the first head. Spreadsheet programs that
guess the encoding have the XLSX beside it. Text that such a program would run as a formula gets an apostrophe in front, also
behind what it may take for the end of a cell: where the comma is the decimal mark, it splits at semicolons; numbers are plain decimals with a point and without separators, so that every digit arrives.
"""

import csv
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

from app.documents.columns import Column, labels
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money

#: Characters, not bytes: what is passed on at a time.
CHUNK = 64 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_ENDS_A_CELL = re.compile(r"[;\t\r\n]")
#: behind such an end, blanks and quotes left aside: a formula, or one that has its apostrophes
_FORMULA_INSIDE = re.compile(rf"([;\t\r\n][\s\"]*)('*[{re.escape(''.join(_FORMULA[:4] + _FORMULA[6:]))}])")
_MADE_HARMLESS = re.compile(_FORMULA_INSIDE.pattern.replace(")('*[", ")'('*["))


def csv_chunks(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[bytes]:
    """The file piece by piece, its head first. Holds one piece at a time."""
    out = StringIO(newline="")
    write = csv.writer(out, lineterminator="\r\n").writerow
    readers = [column.read for column in columns]
    written = _WRITTEN.get
    write([harmless(label) for label in labels(columns)])
    for row in rows:
        write([written(type(value := read(row)), _other)(value) for read in readers])
        if out.tell() >= CHUNK:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def harmless(text: str) -> str:
    """The text, with an apostrophe in front of what a spreadsheet would read as a formula: 'a;=1' -> "a;'=1"."""
    if _ENDS_A_CELL.search(text):
        text = _FORMULA_INSIDE.sub(r"\1'\2", text)
    if text[:1].isalnum():
        return text
    bare = text.lstrip("'")  # one that has its apostrophe gets another, so that as_written() gives this one back
    return "'" + text if bare.startswith(_FORMULA) or bare.lstrip().startswith(_FORMULA) else text


def as_written(text: str) -> str:
    """What `harmless` was given: without the apostrophes that it put in, and only those."""
    for kept in (text[1:], text) if text.startswith("'") else (text,):
        given = _MADE_HARMLESS.sub(r"\1\2", kept)
        if harmless(given) == text:
            return given
    return text


def plain_decimal(value: Decimal) -> str:
    """'1200.5': no exponent, no separators, no zeros that say nothing beyond two decimals."""
    text = f"{value:f}"
    if text[-1:] != "0" or "." not in text:
        return text
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(min(2, len(decimals)), '0')}"


def utc(value: datetime) -> str:
    """'2026-10-31T17:02:11Z'"""
    return f"{value.astimezone(UTC).isoformat('T', 'seconds')[:19]}Z"


def _other(value: Any) -> str:
    if isinstance(value, float):
        raise TypeError("a float has no place in a file of exact figures")
    return harmless(str(value))


_WRITTEN: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "",
    str: harmless,
    int: str,
    bool: lambda value: "yes" if value else "no",
    Decimal: plain_decimal,
    Money: lambda value: f"{value.amount:f}",
    datetime: utc,
    BillingMonth: str,
    uuid.UUID: str,
}
