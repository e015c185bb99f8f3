"""The database: engine rules, column types, and the one way to write: `with transaction():`.

SQLite is the embedded default (WAL, immediate writes), PostgreSQL where users outgrow one machine.
"""

import json
import select as readiness
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring as _text
from pathlib import Path
from typing import Any

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Select,
    String,
    Uuid,
    cast,
    event,
    literal_column,
    make_url,
)
from sqlalchemy import Row as ResultRow
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.foundation.billing_month import BillingMonth
from app.foundation.exact import Sum, from_scaled, to_scaled
from app.foundation.identity import new_id
from app.foundation.portal_session import PortalSession, _writing, writing

#: PostgreSQL connections that one process keeps, and how many more it may open: each job of a worker runs in its own
KEPT_CONNECTIONS, MORE_CONNECTIONS = 5, 15


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={"class_": PortalSession, "expire_on_commit": False},
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, microseconds kept. Naive values are refused at the door."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """On SQLite the text that SQLAlchemy's own processor would write, in a third of its time."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def spelled(value: datetime | None) -> str | None:
            naive = self.process_bind_param(value, dialect)
            return None if naive is None else naive.isoformat(" ", "microseconds")

        return spelled

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime names no instant")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """The same in one step where a page reads two hundred of them: on SQLite from the text, of which most were read before."""
        return _instant_of if dialect.name == "sqlite" else _in_utc


@lru_cache(8192)
def _instant_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """A quantity or unit price: below 10^11, six decimals, stored as a whole number of millionths."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], int | None]:
        """In one step: a rated entry holds three of them."""
        return lambda value: None if value is None else to_scaled(value)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_scaled(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], Decimal | None]:
        return lambda value: None if value is None else from_scaled(int(value))


class AsSent(TypeDecorator[Decimal]):
    """Somebody else's decimal with every digit it came with, kept as text: never added up by the database, never rounded."""

    impl = String(60)
    cache_ok = True

    @property
    def python_type(self) -> type[Decimal]:
        return Decimal

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], str | None]:
        """In one step: a document's totals are tens of thousands of them."""
        return lambda value: None if value is None else format(value, "f")

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def _month_of_number(number: int | None) -> BillingMonth | None:
    return None if number is None else BillingMonth.of_number(number)


class Month(TypeDecorator[BillingMonth]):
    """A billing month, stored as the number YYYYMM, so that it sorts and filters as it reads."""

    impl = Integer
    cache_ok = True

    @property
    def python_type(self) -> type[BillingMonth]:
        return BillingMonth

    def process_bind_param(self, value: BillingMonth | None, dialect: Dialect) -> int | None:
        return None if value is None else value.number

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], BillingMonth | None]:
        return _month_of_number


@lru_cache(8192)
def id_of(text: str | None) -> uuid.UUID | None:
    """The id that a text spells, remembered: of the same few one object each."""
    return None if text is None else uuid.UUID(text)


class _RememberedId(Uuid[uuid.UUID]):
    """How SQLite, which keeps ids as text, reads them: the same few come again and again, and making one is dear."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], uuid.UUID | None]:
        return id_of


class month_of(FunctionElement[int]):
    """The UTC month of an Instant column as the whole number YYYYMM that Month columns hold, inside SQL."""

    type = Integer()
    inherit_cache = True


@compiles(month_of)
def _month_of(element: month_of, compiler: Any, **options: Any) -> str:
    return f"CAST(strftime('%Y%m', {compiler.process(element.clauses, **options)}) AS INTEGER)"


@compiles(month_of, "postgresql")
def _month_of_on_postgresql(element: month_of, compiler: Any, **options: Any) -> str:
    return f"CAST(to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYYMM') AS INTEGER)"


class Row:
    """What every business table has: an id that is also the address of its page."""

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=new_id)


def one_of(column: Any, words: Sequence[str]) -> ColumnElement[bool]:
    """The column holds one of these words of our own, written out, since a parameter may or may not fit a partial index:
    PostgreSQL takes it for one that does not, and SQLite plans the whole statement anew each time it is asked."""
    assert all(word.isidentifier() for word in words), "only words of a state table"
    written: list[ColumnElement[Any]] = [literal_column(f"'{word}'") for word in words]
    return column == written[0] if len(written) == 1 else column.in_(written)


def at_most(rows: int) -> ColumnElement[int]:
    """For `.limit(at_most(100))`: a bound of our own, written out. Of a parameter PostgreSQL expects that it lets through a tenth
    of the table, and would rather plan a statement anew each time than keep such a plan."""
    return literal_column(str(int(rows)), Integer())


def as_text(column: Any) -> Any:
    """An id's column as plain text, with dashes or without as the database has it: an object a row would be the dearest
    thing in a check of millions. uuid.UUID(text) reads both."""
    return cast(column, String)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def canonical_json(value: Any) -> str:
    """One spelling for one value, so that a digest of it can be compared later.

    An object of texts alone, as the facts of nearly all events are, is spelled by hand in a quarter of the encoder's time.
    """
    if type(value) is dict:
        with suppress(TypeError):  # something else than a text
            return "{" + ",".join([f"{_text(name)}:{_text(value[name])}" for name in sorted(value)]) + "}"
    return _CANONICAL.encode(value)


@contextmanager
def transaction() -> Iterator[Session]:
    """One action, one transaction: the outermost block commits or, at any exception, rolls everything back.

    On SQLite it takes the write lock at its start, so that what is read inside cannot change before it is written.
    """
    session = db.session()
    if _writing.get():
        yield session
        session.flush()  # what this action made is stamped and checked for this action's viewer
        return
    session.commit()  # ends the read that led here; a read snapshot cannot become a write on SQLite
    token = _writing.set(True)
    try:
        session.connection(execution_options={"begin": "IMMEDIATE"})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        _writing.reset(token)


@contextmanager
def transaction_apart(engine: Engine) -> Iterator[Session]:
    """A short transaction of its own on a connection of its own, in whatever thread and outside any app context: for what several
    threads of one job agree on while the network is asked. It must not be opened inside `transaction()`: on SQLite it would wait for it."""
    assert not writing(), "a transaction is open"
    with Session(engine, expire_on_commit=False) as session:
        session.connection(execution_options={"begin": "IMMEDIATE"})
        yield session
        session.commit()


def end_reading() -> None:
    """Close the read that queries have opened, before waiting for something outside the database. What was read stays."""
    assert not writing(), "a transaction is open"
    db.session.commit()


def read_apart() -> None:
    """From here on each read of this request stands by itself; see portal_session.py."""
    session: Any = db.session()
    session.reads_apart = True


def read_together() -> Session:
    """From here on the reads of whatever asks are one transaction, as they are anyway but for a page."""
    session: Any = db.session()
    if session.reads_apart and not writing():
        session.commit()
        session.reads_apart = False
    return session


@contextmanager
def one_picture() -> Iterator[None]:
    """All queries inside see the database as it is at the first of them, whatever is written meanwhile."""
    end_reading()
    session = read_together()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    try:
        yield
    finally:
        session.rollback()


def streamed(statement: Select[*tuple[Any, ...]], batch: int = 2000) -> Iterator[ResultRow[*tuple[Any, ...]]]:
    """The rows of a select, read `batch` at a time for whoever looks now; the cursor is closed wherever reading ends."""
    found = read_together().execute(statement.execution_options(yield_per=batch))

    def rows() -> Iterator[ResultRow[*tuple[Any, ...]]]:
        try:
            yield from found
        finally:
            found.close()

    return rows()


def install(app: Any, url: str, *, migrations: Path) -> None:
    """Connect the application to its database and to the migrations that made it."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    if make_url(url).get_backend_name() == "postgresql":
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] |= {"pool_size": KEPT_CONNECTIONS, "max_overflow": MORE_CONNECTIONS}
    db.init_app(app)
    Migrate(app, db, directory=str(migrations))
    with app.app_context():
        configure_engine(db.engine)


def configure_engine(engine: Engine) -> None:
    """Rules for SQLite's connections, and on PostgreSQL a look at each before it is used again."""
    if engine.dialect.name == "postgresql":
        event.listen(engine, "checkout", _refuse_hung_up)
    if engine.dialect.name != "sqlite":
        return
    engine.dialect.colspecs = {**engine.dialect.colspecs, Uuid: _RememberedId}

    @event.listens_for(engine, "connect")
    def _open(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin by itself: we choose how, below
        connection.create_aggregate("sum_as_sent", 1, Sum)
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "busy_timeout=15000",
            "cache_size=-64000",
            "wal_autocheckpoint=8000",  # pages: where many rows are written, a third less of the disk than at 1000
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        how = connection.get_execution_options().get("begin")
        if how:
            connection.exec_driver_sql(f"BEGIN {how}")
        else:  # every page begins so; it takes no lock, and so cannot fail
            connection.connection.driver_connection.execute("BEGIN")


def _refuse_hung_up(driver: Any, _record: Any, _proxy: Any) -> None:
    """A server that was restarted has said so on every idle connection: then all are made anew, and no request fails.

    One look at the socket, where asking the server each time would cost every page a round trip.
    """
    if _has_something_to_say(driver.fileno()):
        raise InvalidatePoolError("the server has ended this connection")


def _has_something_to_say(descriptor: int) -> bool:
    if not hasattr(readiness, "poll"):  # Windows
        return bool(readiness.select([descriptor], [], [], 0)[0])
    look = readiness.poll()
    look.register(descriptor, readiness.POLLIN)
    return bool(look.poll(0))


@event.listens_for(Session, "before_flush")
def _write_only_in_a_transaction(session: Session, _context: Any, _instances: Any) -> None:
    """An action that forgot `with transaction():` fails in the first test, not in production."""
    if writing():
        return
    for row in (*session.new, *session.deleted, *session.dirty):
        if session.is_modified(row) and not getattr(row, "written_by_library", False):
            raise RuntimeError(f"{type(row).__name__} is written outside `with transaction():`")
