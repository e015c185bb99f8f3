"""XLSX, written row by row to a file on disk; memory holds one row.

Figures are numbers while a spreadsheet keeps their digits (15), else text: it would round the rest away in silence. Text is
never taken for a formula, a link or a number. Instants are UTC.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any

import xlsxwriter

from app.documents.columns import Column, labels
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money, exponent

#: The format's own limits: rows of a sheet, head included, and characters of a cell.
MOST_ROWS = 1_048_576
MOST_CHARACTERS = 32_767
_EXACT_DIGITS = 15


class TooManyRows(Exception):
    """More rows than the format holds; CSV has no such limit."""


def write_xlsx(columns: Sequence[Column], rows: Iterable[Any], to: IO[bytes], *, sheet: str = "Sheet1") -> int:
    """Write the file to `to`; the number of rows below the head. TooManyRows beyond what a sheet holds."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(to, options) as book:
        page = book.add_worksheet(sheet[:31])
        cells = _Cells(book, page)
        for place, label in enumerate(labels(columns)):
            page.write_string(0, place, label, cells.head)
            page.set_column(place, place, max(12, min(40, len(label) + 4)))
        page.freeze_panes(1, 0)
        readers = [column.read for column in columns]
        number = 0
        for number, row in enumerate(rows, start=1):
            if number >= MOST_ROWS:
                raise TooManyRows
            for place, read in enumerate(readers):
                cells.write(number, place, read(row))
    return number


class _Cells:
    """Writes one value as what it is."""

    def __init__(self, book: Any, page: Any) -> None:
        self._book, self._page = book, page
        self.head = book.add_format({"bold": True})
        self._instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._decimals: dict[int, Any] = {}

    def write(self, row: int, place: int, value: Any) -> None:
        match value:
            case None:
                return
            case Money():
                self._number(row, place, value.amount, exponent(value.currency))
            case Decimal():
                self._number(row, place, value, max(2, -int(value.normalize().as_tuple().exponent)))
            case bool():
                self._page.write_string(row, place, "yes" if value else "no")
            case int():
                self._number(row, place, Decimal(value), 0)
            case datetime():
                self._page.write_datetime(
                    row, place, value.astimezone(UTC).replace(tzinfo=None, microsecond=0), self._instant
                )
            case str() | BillingMonth() | uuid.UUID():
                self._text(row, place, str(value))
            case float():
                raise TypeError("a float has no place in a file of exact figures")
            case _:
                self._text(row, place, str(value))

    def _number(self, row: int, place: int, value: Decimal, decimals: int) -> None:
        if len(value.normalize().as_tuple().digits) > _EXACT_DIGITS:
            self._text(row, place, f"{value:f}")
            return
        if decimals not in self._decimals:
            self._decimals[decimals] = self._book.add_format(
                {"num_format": "#,##0" + ("." + "0" * decimals if decimals else "")}
            )
        self._page.write_number(row, place, value, self._decimals[decimals])

    def _text(self, row: int, place: int, text: str) -> None:
        self._page.write_string(row, place, text[:MOST_CHARACTERS])
