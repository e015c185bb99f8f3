"""CSV whose cells the database makes, for lists of any length: PostgreSQL's COPY passed on, SQLite's rows as they come.

A list's file is made so when each of its columns is one of its select's, or one of cells.py: `csv_of` sees by itself. The bytes
are those of csv_chunks. A row costs no object and no call, which makes it ten times as fast.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Integer, Select, String, Uuid, case

from app.documents import spelled
from app.documents.columns import Column, labels
from app.documents.csv_stream import csv_chunks, harmless
from app.documents.row_stream import Rows
from app.documents.spelled_once import spelled_once, spelled_seldom
from app.foundation.database import Exact, Instant, Month, db
from app.foundation.raw_rows import copied, fetched

#: rows that are passed on together: some 64 KB; twice that, and every piece is memory of its own from the system
BATCH = 500
#: letters of a text whose cell is remembered
_LONGEST_KNOWN = 200
_NEEDS_QUOTES = re.compile(r'[,"\r\n]').search
#: of a column's type, the first that fits; what no type fits is made in Python
_SPELLED: tuple[tuple[Any, Any], ...] = (
    (Exact, spelled.spelled_exact),
    (Instant, spelled.spelled_instant),
    (Month, spelled.spelled_month),
    (Uuid, spelled.spelled_id),
    (Boolean, lambda column: case((column, "yes"), (~column, "no"))),
    (Integer, lambda column: column),
    (String, spelled.spelled_text),
)


def csv_of(columns: Sequence[Column], rows: Iterable[Any]) -> Generator[bytes, None, None]:
    """The file piece by piece, made by the database where it can make it; its head comes with the first rows."""
    statement = in_sql(columns, rows.statement) if isinstance(rows, Rows) else None
    if statement is None:
        yield from csv_chunks(columns, rows)
        return
    head = (",".join(_cell_of(label) for label in labels(columns)) + "\r\n").encode()
    for piece in _copied(statement) if _on_postgresql() else _fetched(statement):
        yield head + piece
        head = b""
    if head:
        yield head


def in_sql(columns: Sequence[Column], statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]] | None:
    """The same rows as the file has them: cells for COPY, which quotes them; on SQLite whole lines. None where a cell is made
    in Python alone."""
    named = {column.key: column for column in statement.selected_columns}
    said = _plain_or_nothing if _on_postgresql() else _cell_of
    cells = [_cell(column.value, named, said) for column in columns]
    if any(cell is None for cell in cells):
        return None
    made = cells if _on_postgresql() else [spelled.spelled_line(*cells)]
    return statement.with_only_columns(*made, maintain_column_froms=True)


def _cell(value: Any, named: Any, said: Any) -> ColumnElement[Any] | None:
    if not isinstance(value, str):
        return value.spelled(named.__getitem__, said) if hasattr(value, "spelled") else None
    column = named.get(value)
    if column is None:
        return None
    return next((made(column) for kind, made in _SPELLED if isinstance(column.type, kind)), None)


def _plain_or_nothing(text: str) -> str | None:
    return harmless(text) or None


def _cell_of(text: str) -> str:
    """As csv.writer has it: in quotes where it needs them."""
    text = harmless(text)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _NEEDS_QUOTES(text) else text


def _on_postgresql() -> bool:
    return db.session.get_bind().dialect.name == "postgresql"


def _copied(statement: Select[*tuple[Any, ...]]) -> Iterator[bytes]:
    rows = copied(statement, BATCH, spelled_once)
    try:
        for some in rows:
            yield _lines_end_as_ever(b"".join(some))
    finally:
        rows.close()


def _lines_end_as_ever(rows: bytes) -> bytes:
    """COPY ends a line with LF, the file with CRLF: every LF, but for those within quotes. `rows` are whole rows."""
    if b'"' not in rows:
        return rows.replace(b"\n", b"\r\n")
    parts = rows.split(b'"')
    parts[::2] = [part.replace(b"\n", b"\r\n") for part in parts[::2]]
    return b'"'.join(parts)


def _fetched(statement: Select[*tuple[Any, ...]]) -> Iterator[bytes]:
    _know_cells()
    rows = fetched(statement, BATCH, spelled_seldom)
    try:
        for some in rows:
            yield b"".join(map(itemgetter(0), some))
    finally:
        rows.close()


#: a name may stand in a hundred thousand rows
_known_cell_of = lru_cache(4096)(_cell_of)


def _cell_for_sqlite(text: str | None) -> str | None:
    return text and (_known_cell_of(text) if len(text) <= _LONGEST_KNOWN else _cell_of(text))


def _know_cells() -> None:
    """Once a connection."""
    connection = db.session.connection()
    if spelled.CELL not in connection.info:
        driver: Any = connection.connection.driver_connection
        driver.create_function(spelled.CELL, 1, _cell_for_sqlite, deterministic=True)
        connection.info[spelled.CELL] = True
