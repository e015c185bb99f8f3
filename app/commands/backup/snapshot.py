"""Reads the whole database, of every tenant, as it is at one moment, whatever is written meanwhile.

A named bulk module: it speaks to the tables themselves, past the tenancy listener, because a backup that leaves somebody out
is none. Nothing it reads is shown to anybody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy import Table as DatabaseTable

from app.commands.backup.archive import Table
from app.commands.backup.columns import KINDS, kind_of
from app.foundation.database import Base, db

BATCH = 1000


@contextmanager
def one_moment() -> Iterator[Connection]:
    """A connection on which every statement sees the database as the first one did."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin() as reading:
            yield connection
            reading.rollback()


def tables() -> list[DatabaseTable]:
    """Every table of the portal, in an order in which each stands after those it points to."""
    return Base.metadata.sorted_tables


def described(table: DatabaseTable) -> Table:
    return Table(table.name, tuple((column.name, kind_of(column.type)) for column in table.columns))


def rows_of(connection: Connection, table: DatabaseTable) -> Iterator[list[Any]]:
    """The table's rows in the order of its key, as a backup holds them: the same rows make the same lines everywhere."""
    on_sqlite = connection.dialect.name == "sqlite"
    kinds = [KINDS[kind] for _, kind in described(table).columns]
    read = [kind.from_sqlite if on_sqlite else kind.from_postgres for kind in kinds]
    streaming = connection.execution_options(stream_results=True, yield_per=BATCH)
    for row in streaming.exec_driver_sql(_select(table, on_sqlite)):
        yield [value if value is None else make(value) for make, value in zip(read, row, strict=True)]


def _select(table: DatabaseTable, on_sqlite: bool) -> str:
    named = described(table)
    wanted = [f'"{name}"::text' if kind == "json" and not on_sqlite else f'"{name}"' for name, kind in named.columns]
    kinds = dict(named.columns)
    order = [
        f'"{key.name}" COLLATE "C"' if kinds[key.name] == "text" and not on_sqlite else f'"{key.name}"'
        for key in table.primary_key.columns
    ]
    return f'SELECT {", ".join(wanted)} FROM "{table.name}" ORDER BY {", ".join(order)}'  # noqa: S608  names of our own tables
