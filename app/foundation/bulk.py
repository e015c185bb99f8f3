"""Very many rows at once, as fast as the database takes them: rows into a table, changes to rows
by their key, and sums that grow.

    with transaction(), acting_for_all("the month's ratings"):
        bulk.insert(ChargeLine, ("id", "gross_minor", ...), rows)
        matched = bulk.update(BillingEntry, ("id", "state", "version"), ("state", "amount_minor"), rows)
        bulk.add(ChargeMonth, ("seller_id", "booked_month", ...), ("gross_minor", "lines"), rows)

PostgreSQL takes them by COPY, on the session's own connection, and changes one batch while the next one is being made: what makes
them asks the database nothing meanwhile. SQLite takes them by the driver's executemany. Each value is one that the
model holds (a Decimal, a BillingMonth, an aware datetime) and goes through its column's own type, so it reads back equal.

A named bulk module: it goes past the unit of work. No default is filled in, no validator runs, no event is recorded, and no
viewer is asked, so it is the system's alone. What the session holds of these rows does not learn of a change.
"""

import hashlib
import threading
import uuid
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from functools import lru_cache
from itertools import islice
from typing import Any

from psycopg.adapt import Transformer
from sqlalchemy import Column, Connection, Dialect, Table, inspect
from sqlalchemy.orm import DeclarativeBase

from app.foundation import copy_text
from app.foundation.copy_text import mapped
from app.foundation.database import db, writing
from app.foundation.driver_errors import driver_errors_as_ever
from app.foundation.tenancy import current

#: rows that are taken and sent in one go: all that is held in memory
BATCH = 5000
#: rows that are made and bound while the server still writes those before them
SLICE = 500
Batch = list[Sequence[Any]]
Binder = Callable[[Any], Any] | None
Put = Callable[[Connection, Batch], int]
PutBeside = Callable[[Connection, Batch], "Future[int]"]
PutAll = Callable[[Connection, Iterable[Sequence[Any]]], int]


def insert(model: type[DeclarativeBase], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows, each a sequence of values in the order of `names`, inside the caller's transaction. Returns how many.

    ValueError when `names` lack a column that every row needs; IntegrityError as from any insert.
    """
    connection = _connection()
    return _insert_plan(model, tuple(names), connection.dialect)(connection, rows)


def update(
    model: type[DeclarativeBase], key: Sequence[str], changed: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Change rows, each given as its key's values and then the new values of `changed`. Returns how many rows matched.

    The key is the id, alone or with what must still stand there: with ("id", "state", "version") it is a compare-and-set, and
    whoever gets fewer matches than rows rolls back and looks again. None in a key matches nothing. An id stands in one row only.
    """
    connection = _connection()
    put = _update_plan(model, tuple(key), tuple(changed), connection.dialect)
    matched = 0
    running: Future[int] | None = None  # at one batch while the caller makes the next
    try:
        for batch in _batches(rows):
            if len(set(map(_comparable, (row[0] for row in batch)))) != len(batch):
                raise ValueError("one id is changed twice at once")
            matched += running.result() if running else 0
            running = put(connection, batch)
        return matched + (running.result() if running else 0)
    finally:
        if running:
            wait([running])  # the connection is the caller's again, whatever came of it


def add(model: type[DeclarativeBase], key: Sequence[str], sums: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Add to what stands under each row's key, or begin it: rows are the key's values and then what to add to `sums`.

    `key` is the table's primary key or another unique one; a key stands in one row only. Returns how many rows there were.
    """
    connection = _connection()
    put = _add_plan(model, tuple(key), tuple(sums), connection.dialect)
    return sum(put(connection, batch) for batch in _batches(rows))


# The plans: how one table takes rows of these columns. Binders and statements are made once; what is kept is a function of
# (connection, batch) that counts the rows it wrote.


@lru_cache
def _insert_plan(model: Hashable, names: tuple[str, ...], dialect: Dialect) -> PutAll:
    table, columns = _columns(model, names)
    needed = {column.key for column in table.columns if not _may_be_left_out(column)}
    if needed - set(names):
        raise ValueError(f"a row of {table.name} needs {sorted(needed - set(names))}")
    binders = _binders(columns, dialect)
    listed = ", ".join(_quoted(column.name) for column in columns)
    if dialect.name == "postgresql":
        copy = f"COPY {_quoted(table.name)} ({listed}) FROM STDIN"
        return lambda connection, rows: _copy(connection, copy, binders, rows)
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {_quoted(table.name)} ({listed}) VALUES ({places})"  # noqa: S608  names of our models
    return lambda connection, rows: sum(
        _each(connection, statement, _bound(binders, batch)) for batch in _batches(rows)
    )


@lru_cache
def _update_plan(model: Hashable, key: tuple[str, ...], changed: tuple[str, ...], dialect: Dialect) -> PutBeside:
    table, columns = _columns(model, key + changed)
    binders = _binders(columns, dialect)
    old, new = columns[: len(key)], columns[len(key) :]
    if dialect.name == "postgresql":
        return _joined_update(table, old, new, binders)
    sets = ", ".join(f"{_quoted(column.name)} = ?" for column in new)
    where = " AND ".join(f"{_quoted(column.name)} = ?" for column in old)
    statement = f"UPDATE {_quoted(table.name)} SET {sets} WHERE {where}"  # noqa: S608  names of our models

    def put(connection: Connection, batch: Batch) -> Future[int]:
        bound, done = _bound(binders, batch), Future[int]()
        done.set_result(_each(connection, statement, [*bound[len(key) :], *bound[: len(key)]]))
        return done

    return put


@lru_cache
def _add_plan(model: Hashable, key: tuple[str, ...], sums: tuple[str, ...], dialect: Dialect) -> Put:
    table, columns = _columns(model, key + sums)
    binders = _binders(columns, dialect)
    name, names = _quoted(table.name), [_quoted(column.name) for column in columns]
    of_key, of_sums = names[: len(key)], names[len(key) :]
    added = ", ".join(f"{one} = {name}.{one} + excluded.{one}" for one in of_sums)
    into = f"INSERT INTO {name} ({', '.join(names)})"
    on_conflict = f"ON CONFLICT ({', '.join(of_key)}) DO UPDATE SET {added}"
    if dialect.name != "postgresql":
        statement = f"{into} VALUES ({', '.join('?' * len(columns))}) {on_conflict}"
        return lambda connection, batch: _each(connection, statement, _bound(binders, batch))
    stage = _Stage(table, {column.name: column for column in columns}, binders)
    statement = f"{into} SELECT {', '.join(names)} FROM {stage.name} {on_conflict}"  # noqa: S608  names of our models

    def put(connection: Connection, batch: Batch) -> int:
        stage.fill(connection, batch)
        return connection.exec_driver_sql(statement).rowcount

    return put


def _joined_update(table: Table, old: list[Column[Any]], new: list[Column[Any]], binders: list[Binder]) -> PutBeside:
    """One UPDATE joined with what was staged.

    The ids' range stands on the target as well: without it each batch would be joined with a scan of the whole table.
    """
    was = {f"was_{column.name}": column for column in old}
    becomes = {f"new_{column.name}": column for column in new}
    stage = _Stage(table, was | becomes, binders)
    statement = (
        f"UPDATE {_quoted(table.name)} AS target "  # noqa: S608  names of our models
        f"SET {', '.join(f'{_quoted(column.name)} = stage.{_quoted(name)}' for name, column in becomes.items())} "
        f"FROM {stage.name} AS stage "
        f"WHERE {' AND '.join(f'target.{_quoted(column.name)} = stage.{_quoted(name)}' for name, column in was.items())}"
    )
    ranged = f"{statement} AND target.{_quoted(old[0].name)} BETWEEN %(least)s AND %(most)s"

    def put(connection: Connection, batch: Batch) -> Future[int]:
        stage.fill(connection, batch)
        ids = [row[0] for row in batch]
        if isinstance(ids[0], uuid.UUID | int):  # sorted here as there; texts are not
            ends = {"least": min(ids, key=_comparable), "most": max(ids, key=_comparable)}
            return _beside(_changed, connection, ranged, ends)
        return _beside(_changed, connection, statement, None)

    return put


def _comparable(id_: Any) -> Any:
    """An id as the number that it is: what a UUID does itself, it does in Python."""
    return id_.int if type(id_) is uuid.UUID else id_


def _beside(call: Callable[..., int], *given: Any) -> Future[int]:
    """The call in a thread that ends with the process: being cut off is safe, as nothing of it is committed."""
    done = Future[int]()

    def work() -> None:
        try:
            done.set_result(call(*given))
        except BaseException as trouble:
            done.set_exception(trouble)

    threading.Thread(target=work, name="bulk update", daemon=True).start()
    return done


def _changed(connection: Connection, statement: str, values: dict[str, Any] | None) -> int:
    """In a thread of its own, past SQLAlchemy: the driver lets whoever else asks the connection meanwhile wait."""
    driver: Any = connection.connection.driver_connection
    with driver_errors_as_ever(connection, statement), driver.cursor() as cursor:
        return int(cursor.execute(statement, values).rowcount)


class _Stage:
    """A table on PostgreSQL that lives as long as the transaction, and takes one batch at a time by COPY."""

    def __init__(self, table: Table, columns: dict[str, Column[Any]], binders: list[Binder]) -> None:
        picked = ", ".join(f"{_quoted(column.name)} AS {_quoted(name)}" for name, column in columns.items())
        self.name = _quoted(f"bulk_{table.name}_{hashlib.sha256(picked.encode()).hexdigest()[:8]}")
        empty = f"SELECT {picked} FROM {_quoted(table.name)} WITH NO DATA"  # noqa: S608  names of our models
        self._make = f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.name} ON COMMIT DROP AS {empty}"
        self._copy = f"COPY {self.name} ({', '.join(map(_quoted, columns))}) FROM STDIN"
        self._binders = binders

    def fill(self, connection: Connection, batch: Batch) -> None:
        connection.exec_driver_sql(self._make)
        connection.exec_driver_sql(f"TRUNCATE {self.name}")
        _copy(connection, self._copy, self._binders, batch)


def _connection() -> Connection:
    """The session's own, in the caller's transaction, after what the session still holds back was written."""
    if not writing():
        raise RuntimeError("many rows are written inside `with transaction():` only")
    if current().capacity != "system":
        raise PermissionError("bulk writes ask no viewer: say why you may, with acting_for_all(reason)")
    db.session.flush()
    return db.session.connection()


def _columns(model: Any, names: tuple[str, ...]) -> tuple[Table, list[Column[Any]]]:
    mapper = inspect(model)
    return mapper.local_table, [mapper.columns[name] for name in names]


def _may_be_left_out(column: Column[Any]) -> bool:
    """The database fills it in: with nothing, with its default, or by counting."""
    counts = column.primary_key and column.autoincrement is True
    return bool(column.nullable or column.server_default is not None or counts)


def _binders(columns: list[Column[Any]], dialect: Dialect) -> list[Binder]:
    """What each column's type makes of a value on its way to the driver; None: it goes as it is."""
    return [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]


def _batches(rows: Iterable[Sequence[Any]], size: int = BATCH) -> Iterator[Batch]:
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def _bound(binders: list[Binder], batch: Batch) -> list[Sequence[Any]]:
    """A batch column by column, bound: one pass a column costs a fraction of one call a value."""
    if set(map(len, batch)) != {len(binders)}:
        raise ValueError(f"each row has {len(binders)} values, in the order of the names")
    columns = zip(*batch, strict=True)
    return [
        column if binder is None else mapped(binder, column) for binder, column in zip(binders, columns, strict=True)
    ]


def _each(connection: Connection, statement: str, bound: list[Sequence[Any]]) -> int:
    return connection.exec_driver_sql(statement, list(zip(*bound, strict=True))).rowcount


def _copy(connection: Connection, statement: str, binders: list[Binder], rows: Iterable[Sequence[Any]]) -> int:
    driver: Any = connection.connection.driver_connection
    adapted = Transformer.from_context(driver)
    with driver_errors_as_ever(connection, statement), driver.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for some in _batches(rows, SLICE):
                spelled = (copy_text.spelled(column, adapted) for column in _bound(binders, some))
                lines = map("\t".join, zip(*spelled, strict=True))
                copy.write("\n".join([*lines, ""]))
        return int(cursor.rowcount)


def _quoted(name: str) -> str:
    return f'"{name}"'
