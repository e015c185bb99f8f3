"""Every row of a select, in batches: memory stays flat whatever the size, on both databases."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Select

from app.foundation.database import streamed

BATCH = 1000


def rows_of(statement: Select[*tuple[Any, ...]]) -> Iterator[Row[*tuple[Any, ...]]]:
    """Light rows of a select of columns, filtered by tenancy as it is for whoever is the viewer when reading begins.

    PostgreSQL keeps a cursor on its side, SQLite is fetched from in batches.
    """
    yield from streamed(statement, BATCH)
