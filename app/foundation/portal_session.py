"""The session that everything is read and written through: how it ends, and when each of its reads stands by itself.

On PostgreSQL a transaction takes a BEGIN and a COMMIT, a round trip each, beside the three statements of a page that only reads.
READ COMMITTED gives every statement its own snapshot anyway. So where a request says so (`reads_apart`), what it reads outside
`with transaction():` is asked without one, on a connection that commits by itself; what it writes is a transaction as ever, and so
is what must be one to be read: a cursor of the server's, or one picture of several statements (database.read_together).

Most pages read by kept statements alone, and those need the driver only. They get a connection that the session does not stand
around, since its ceremony takes as long as two statements of such a page. The first who asks the session itself ends that.
"""

from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import SessionTransaction

_writing: ContextVar[bool] = ContextVar("writing", default=False)
#: engine -> the same one with its pool, whose connections commit by themselves
_by_themselves: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()


def writing() -> bool:
    return _writing.get()


class PortalSession(Session):
    """Closed also where its connection was cut: what was not committed is gone by itself, and what was read is answered."""

    #: each read outside a transaction stands by itself, where the database is PostgreSQL
    reads_apart = False
    #: (the transaction that it belongs to, the connection that reads were last asked on)
    _reading: tuple[SessionTransaction | None, Connection | None] = (None, None)
    #: for reads that stand apart, until the session itself is asked: never two connections at a time
    _apart: Connection | None = None

    def reading_connection(self) -> Connection:
        """What kept statements are asked on; connection(), looked for once as long as the same one serves."""
        if self._apart is not None:
            return self._apart
        if self.reads_apart and not self.in_transaction():
            self._apart = _ready(self.get_bind())
            return self._apart
        within, found = self._reading
        if found is None or within is not self.get_transaction():
            found = self.connection()
            self._reading = (self.get_transaction(), found)
        return found

    def get_bind(self, *arguments: Any, **named: Any) -> Any:
        self._end_apart()
        engine = super().get_bind(*arguments, **named)
        if self.reads_apart and not writing() and isinstance(engine, Engine) and engine.dialect.name == "postgresql":
            return _by_itself(engine)
        return engine

    def commit(self) -> None:
        self._end_apart()  # what is read from here on is newer
        super().commit()

    def rollback(self) -> None:
        self._end_apart()
        super().rollback()

    def close(self) -> None:
        self._reading = (None, None)
        try:
            self._end_apart()
            self._end_read()
            super().close()
        except DBAPIError as cut:
            if not cut.connection_invalidated:
                raise
            self.invalidate()

    def _end_apart(self) -> None:
        if self._apart is not None:
            ended, self._apart = self._apart, None
            ended.close()

    def _end_read(self) -> None:
        """By COMMIT: at a ROLLBACK, which close() alone would send, psycopg forgets every statement it has prepared, and
        PostgreSQL would plan each page's anew. Where nothing was begun, or the driver is another, it forgets nothing."""
        if self.reads_apart or not self.in_transaction() or not self.is_active or writing():
            return
        if self.get_bind().dialect.name == "postgresql":
            self.expunge_all()  # nothing is written here, whatever was set on a row in passing
            self.commit()


def _ready(engine: Engine) -> Connection:
    """On SQLite what is read on it is one picture, as in any transaction; the pool ends it."""
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        driver: Any = connection.connection
        driver.driver_connection.execute("BEGIN")
    return connection


def _by_itself(engine: Engine) -> Engine:
    found = _by_themselves.get(engine)
    if found is None:
        found = _by_themselves[engine] = engine.execution_options(isolation_level="AUTOCOMMIT")
    return found
