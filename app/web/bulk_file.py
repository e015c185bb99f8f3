"""The file of bulk entry: a CSV with one billing entry a row, read with every cell hostile, and the template to fill in.

UTF-8 with or without its mark; comma, semicolon or tab, whatever the head uses; at most 1,000 rows and 1 MB. Columns are
found by their English heads, in any order; others are left alone. What a spreadsheet does on the way is undone: our own
apostrophe before a formula's sign, Oct-26 for 2026-10, and, in a file with semicolons, 12,50 for 12.50.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from app.billing.batch import MOST_LINES, Line, meaning_of
from app.documents.csv_stream import as_written
from app.foundation.refusals import Refused
from app.foundation.text import MONTHS, N_

MOST_BYTES = 1024 * 1024
#: columns by their heads; the first word of each is what the template writes
HEADS = {
    "Engagement": "engagement",
    "Client": "client",
    "Name": "name",
    "Metric": "metric",
    "Month": "month",
    "Quantity": "quantity",
    "Notes": "notes",
    "Reference": "reference",
}
_NEEDED = ("Engagement", "Month", "Quantity")
_SPREADSHEET_MONTH = re.compile(r"([A-Za-z]{3})[a-z]*[ -](?:20)?([0-9]{2})")
_DECIMAL_COMMA = re.compile(r"[0-9]{1,20},[0-9]{1,20}")
_SHORT = [name[:3].lower() for name in MONTHS]


@dataclass(frozen=True)
class FileRow:
    """One row with something to bill. `number`: as a spreadsheet counts, the head being row 1."""

    number: int
    cells: dict[str, str]
    #: how many cells the row has and the head has, where the row has more: a comma in a text without quotes shifts the rest
    surplus: tuple[int, int] | None = None


@dataclass(frozen=True)
class Sheet:
    rows: list[FileRow]
    #: rows of the template that were left without quantity and notes
    left_empty: int


def text_of(content: bytes) -> str:
    """The file's text. Refused, on `file`: too large, empty, or not UTF-8."""
    if len(content) > MOST_BYTES:
        raise Refused("file", N_("The file is larger than 1 MB; split it."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Refused("file", N_("This is not UTF-8 text; save it as CSV UTF-8.")) from wrong
    if not text.strip():
        raise Refused("file", N_("The file is empty."))
    if "\0" in text:
        raise Refused("file", N_("This is not a CSV file; save it as CSV UTF-8."))
    return text


def sheet_of(text: str) -> Sheet:
    """The rows under the head. Refused, on `file`: no head, a needed column missing or twice, too many rows, not CSV."""
    delimiter = _delimiter(text)
    records = _records(text, delimiter)
    head = next((record for _number, record in records if any(record)), [])
    columns = _columns(head)
    rows: list[FileRow] = []
    left_empty = 0
    for number, record in records:
        if not any(cell.strip() for cell in record):
            continue
        if len(rows) + left_empty >= MOST_LINES:
            raise Refused("file", N_("A file holds at most %(most)s rows; split it."), most=f"{MOST_LINES:,}")
        # spreadsheets leave out empty cells at a row's end, or write more of them: neither loses anything
        cells = {column: record[at] if at < len(record) else "" for column, at in columns.items()}
        surplus = (len(record), len(head)) if any(cell.strip() for cell in record[len(head) :]) else None
        if not (surplus or cells["quantity"].strip() or cells.get("notes", "").strip()):
            left_empty += 1
            continue
        rows.append(FileRow(number, _undone(cells, decimal_comma=delimiter == ";"), surplus))
    return Sheet(rows, left_empty)


def record_keys() -> Callable[[FileRow, Line], str]:
    """How a row is known again: by its own Reference, or by what it says and how often the file said so up to here.

    So the same file makes nothing twice, two equal rows of one file are two pieces of work, and a corrected file with one
    more row makes just that one.
    """
    seen: Counter[str] = Counter()

    def key(row: FileRow, line: Line) -> str:
        if row.cells.get("reference"):
            return row.cells["reference"]
        meaning = meaning_of(line)
        seen[meaning] += 1
        return f"file:{meaning}:{seen[meaning]}"

    return key


def _delimiter(text: str) -> str:
    head = text.lstrip("\r\n").splitlines()[0]
    return max((",", ";", "\t"), key=lambda sign: head.count(sign))


def _records(text: str, delimiter: str) -> Iterator[tuple[int, Sequence[str]]]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            sentence = N_("Row %(number)s cannot be read: a quote is open or out of place.")
            raise Refused("file", sentence, number=number) from wrong


def _columns(head: Sequence[str]) -> dict[str, int]:
    known = {name.casefold(): column for name, column in HEADS.items()}
    found: dict[str, int] = {}
    for at, name in enumerate(head):
        column = known.get(as_written(name.strip()).casefold())
        if column in found:
            raise Refused("file", N_("The column %(name)s is there twice."), name=name.strip())
        if column:
            found[column] = at
    missing = [name for name in _NEEDED if HEADS[name] not in found]
    if missing:
        raise Refused("file", N_("The first row must name the columns; missing: %(names)s."), names=", ".join(missing))
    return found


def _undone(cells: dict[str, str], *, decimal_comma: bool) -> dict[str, str]:
    written = {column: as_written(cell).strip() for column, cell in cells.items()}
    if decimal_comma and _DECIMAL_COMMA.fullmatch(written["quantity"]):
        written["quantity"] = written["quantity"].replace(",", ".")
    found = _SPREADSHEET_MONTH.fullmatch(written["month"])
    if found and found[1].lower() in _SHORT:
        written["month"] = f"20{found[2]}-{_SHORT.index(found[1].lower()) + 1:02d}"
    return written
