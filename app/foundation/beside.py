"""Reading on a second connection while the first one writes: two cores work for one action, where the database is PostgreSQL.

    with read_beside(counted, written=(Month, History)) as found:
        ...  # what takes its time to write
        totals = found()  # waits, and raises what `counted` raised

The other connection sees what is committed, and nothing of what the caller's transaction has written. So the caller holds a lock under
which nobody else changes what is read, and names the tables that it may itself have written since `read` does not ask them.
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakMethod

from sqlalchemy import Engine, text

from app.foundation import clock
from app.foundation.database import Base, db, writing
from app.foundation.tenancy import Viewer, current, viewing

Found = TypeVar("Found")
Enter = Callable[[], AbstractContextManager[Any]]
#: engine -> how a thread enters its application, where it has a session of its own
_entrances: WeakKeyDictionary[Engine, WeakMethod[Enter]] = WeakKeyDictionary()
#: the transaction's own locks tell which tables it has written, whoever wrote and by whatever way
_WRITTEN = text(
    "SELECT pg_class.relname FROM pg_locks JOIN pg_class ON pg_class.oid = pg_locks.relation AND pg_class.relkind IN ('r', 'p') "
    "WHERE pg_locks.pid = pg_backend_pid() AND pg_locks.mode NOT IN ('AccessShareLock', 'RowShareLock')"
)
#: whoever changes a table itself may hold it and wait for the caller: better an error than two who wait for each other unseen
_PATIENCE = text("SET LOCAL lock_timeout = '5s'")


def install(app: Any) -> None:
    with app.app_context():
        _entrances[db.engine] = WeakMethod(app.app_context)


@contextmanager
def read_beside(read: Callable[[], Found], *, written: Collection[type[Base]]) -> Iterator[Callable[[], Found]]:
    """Let `read` go on while the block writes, as the same viewer at the same instant.

    On SQLite, and where the transaction has written more than `written`, it reads at once and on the caller's own connection.
    """
    assert writing(), "no transaction is open"
    enter = _entrance(written)
    if enter is None:
        found = read()
        yield lambda: found
        return
    with ThreadPoolExecutor(1, "read beside") as thread:
        yield thread.submit(_read, enter, read, current(), clock.now()).result


def _entrance(written: Collection[type[Base]]) -> Enter | None:
    engine = db.session.get_bind()
    entrance = _entrances.get(engine) if isinstance(engine, Engine) else None
    if engine.dialect.name != "postgresql" or entrance is None:
        return None
    db.session.flush()
    more = {*db.session.scalars(_WRITTEN)} - {model.__tablename__ for model in written}
    return None if more else entrance()


def _read(enter: Enter, read: Callable[[], Found], viewer: Viewer, now: datetime) -> Found:
    with enter(), viewing(viewer), clock.pinned(now):
        db.session.execute(_PATIENCE)
        return read()
