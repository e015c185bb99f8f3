"""Every row of a select, in batches: memory stays flat whatever the size, on both databases."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Select

from app.foundation.database import streamed

BATCH = 1000


class Rows(Iterator[Row[*tuple[Any, ...]]]):
    """Read row by row; nothing is asked of the database before the first. `statement`: for who need not read them so."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self.statement = statement
        self._read: Iterator[Row[*tuple[Any, ...]]] | None = None

    def __next__(self) -> Row[*tuple[Any, ...]]:
        if self._read is None:
            self._read = streamed(self.statement, BATCH)
        return next(self._read)


def rows_of(statement: Select[*tuple[Any, ...]]) -> Rows:
    """Light rows of a select of columns, filtered by tenancy as it is for whoever is the viewer when reading begins.

    PostgreSQL keeps a cursor on its side, SQLite is fetched from in batches.
    """
    return Rows(statement)
