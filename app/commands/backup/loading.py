"""Puts a verified backup into empty tables: batches, one transaction, flat memory. Foreign keys are checked once, at its end.

A named bulk module: rows go in as they came out, states, versions and history included; nothing of it happens anew.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from app.commands.backup.archive import BadBackup, Manifest, rows_by_table
from app.commands.backup.columns import KINDS

BATCH = 1000


def load(file: Path, manifest: Manifest, engine: Engine, told: Callable[[int], None]) -> None:
    """Everything the file holds, into the tables of the engine's schema, which are at the backup's migration."""
    with engine.connect() as connection:
        _check_fit(connection, manifest)
        connection.rollback()
        on_sqlite = connection.dialect.name == "sqlite"
        with _keys_off_sqlite(connection) if on_sqlite else _keys_off_postgres(connection):
            for table in reversed(manifest.tables):
                connection.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608  what migrations put there comes with the backup
            put, loaded = into_sqlite if on_sqlite else into_postgres, 0
            for table, rows in rows_by_table(file):
                put(connection, table, manifest.tables[table].columns, rows)
                told(loaded := loaded + manifest.tables[table].rows)


def _check_fit(connection: Connection, manifest: Manifest) -> None:
    """The file's tables and columns are those of its migration: names go into statements only after this."""
    here = inspect(connection)
    present = set(here.get_table_names()) - {"alembic_version"}
    for table in manifest.tables.values():
        known = {column["name"] for column in here.get_columns(table.name)} if table.name in present else set()
        odd = {name for name, _ in table.columns} - known
        if table.name not in present or odd:
            raise BadBackup(
                f"The backup does not fit its migration {manifest.migration}: {table.name} {', '.join(sorted(odd)) or 'is not there'}."
            )


def into_sqlite(
    connection: Connection, table: str, columns: tuple[tuple[str, str], ...], rows: Iterator[list[Any]]
) -> None:
    make = [KINDS[kind].to_sqlite for _, kind in columns]
    names, places = ", ".join(f'"{name}"' for name, _ in columns), ", ".join("?" * len(columns))
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({places})'  # noqa: S608  checked against the schema
    while batch := [_made(make, row) for row in islice(rows, BATCH)]:
        connection.exec_driver_sql(statement, batch)


def into_postgres(
    connection: Connection, table: str, columns: tuple[tuple[str, str], ...], rows: Iterator[list[Any]]
) -> None:
    make = [KINDS[kind].to_postgres for _, kind in columns]
    names = ", ".join(f'"{name}"' for name, _ in columns)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor().copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(_made(make, row))
    except connection.dialect.loaded_dbapi.Error as wrong:  # the driver's own: SQLAlchemy stands aside here
        raise BadBackup(f"Nothing was restored: {str(wrong).splitlines()[0]}.") from wrong
    for name, kind in columns:
        if kind == "int":
            _go_on_counting(connection, table, name)


def _made(make: list[Callable[[Any], Any]], row: list[Any]) -> tuple[Any, ...]:
    return tuple(value if value is None else to(value) for to, value in zip(make, row, strict=True))


def _go_on_counting(connection: Connection, table: str, column: str) -> None:
    """The column's sequence, if it has one, gives what comes after the largest number there is."""
    connection.execute(
        text(
            f"""SELECT setval(series, coalesce((SELECT max("{column}") FROM "{table}"), 0) + 1, false)
                FROM (SELECT pg_get_serial_sequence(:table, :column) AS series) AS of_column WHERE series IS NOT NULL"""  # noqa: S608
        ),
        {"table": f'"{table}"', "column": column},
    )


@contextmanager
def _keys_off_sqlite(connection: Connection) -> Iterator[None]:
    """Ignored inside a transaction, so the switch goes to the driver before it begins."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            yield
            lost = driver.execute("PRAGMA foreign_key_check").fetchone()
            if lost:
                raise BadBackup(f"The backup does not hold together: a row of {lost[0]} points to none of {lost[2]}.")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


_KEYS = """
SELECT conrelid::regclass::text AS "table", conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY conname
"""


@contextmanager
def _keys_off_postgres(connection: Connection) -> Iterator[None]:
    """Taken away and put back, which checks every row; what needs no superuser."""
    with connection.begin():
        keys = connection.execute(text(_KEYS)).all()
        for key in keys:
            connection.execute(text(f'ALTER TABLE {key.table} DROP CONSTRAINT "{key.name}"'))
        yield
        for key in keys:
            connection.execute(text(f'ALTER TABLE {key.table} ADD CONSTRAINT "{key.name}" {key.definition}'))
