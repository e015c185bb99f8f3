"""Where a restore is prepared: beside the database that is in use, which stays as it is until one last step changes them over.

SQLite: a file next to it, copied over it page by page in one transaction of SQLite's own. PostgreSQL: a schema of its own in the
same database, whose tables take the place of the present ones in one transaction. Killed before that step, nothing has
happened; killed within it, the database undoes it; what is left over is cleared by the next restore.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from app import create_app
from app.commands.backup.archive import BadBackup
from app.config import Settings
from app.engagements import search_index
from app.foundation.database import db
from app.jobs import claim_tables

SCHEMA = "portal_restore"
#: how long the change-over waits for a portal that still uses the database
PATIENCE_SECONDS = 30
IN_USE = "The database is in use, so nothing was changed: stop the portal and restore again."


def staging_of(app: Flask) -> AbstractContextManager[tuple[Flask, Callable[[], None]]]:
    """(a portal on the staging place, the last step). In an app context of the portal to be restored."""
    return _file_beside(app) if db.engine.dialect.name == "sqlite" else _schema_beside(app)


@contextmanager
def _file_beside(app: Flask) -> Iterator[tuple[Flask, Callable[[], None]]]:
    live = Path(str(db.engine.url.database))
    beside = live.with_name(f"{live.name}.restoring")
    engine = db.engine
    _clear(beside)
    # everybody's figures, for its owner alone; SQLite gives the files it puts beside it the same permissions
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        staged = _portal_on(app, f"sqlite:///{beside}")
        yield staged, lambda: _copy_over(staged, beside, engine)
    finally:
        _clear(beside)


def _copy_over(staged: Flask, beside: Path, live: Engine) -> None:
    _let_go(staged)
    until = time.monotonic() + PATIENCE_SECONDS

    def waiting(_status: int, left: int, _all: int) -> None:
        if left and time.monotonic() > until:
            raise BadBackup(IN_USE)

    source = sqlite3.connect(beside)
    try:
        with live.connect() as connection:
            driver: Any = connection.connection.driver_connection
            source.backup(driver, progress=waiting)
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as wrong:
        raise BadBackup(f"Nothing was restored: {wrong}.") from wrong
    finally:
        source.close()
    live.dispose()


def _clear(beside: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        beside.with_name(beside.name + ending).unlink(missing_ok=True)


@contextmanager
def _schema_beside(app: Flask) -> Iterator[tuple[Flask, Callable[[], None]]]:
    engine = db.engine
    drop = text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    try:
        with engine.begin() as connection:
            connection.execute(drop)
            connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    except DBAPIError as wrong:
        raise BadBackup(
            f"A restore needs the right to create a schema in the database: {_first_line(wrong)}"
        ) from wrong
    given = dict(engine.url.query).get("options", "")
    options = f"{given} -csearch_path={SCHEMA}".strip()
    staged = _portal_on(app, engine.url.update_query_dict({"options": options}).render_as_string(hide_password=False))
    try:
        yield staged, lambda: _change_over(staged, engine)
    finally:
        _let_go(staged)
        with engine.begin() as connection:
            connection.execute(drop)


def _change_over(staged: Flask, live: Engine) -> None:
    """The staged tables take the place of the present ones; a view of somebody else's on these stops it."""
    _let_go(staged)
    try:
        with live.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'"))
            here = connection.scalar(text("SELECT current_schema()"))
            claim_tables.take_away(connection)  # what waits in queues is about the rows that go
            coming = [
                name
                for name in inspect(connection).get_table_names(schema=SCHEMA)
                if claim_tables.is_ours(name, "table")
            ]
            going = [name for name in inspect(connection).get_table_names(schema=here) if name in coming]
            if going:
                connection.execute(text("DROP TABLE " + ", ".join(f'"{here}"."{name}"' for name in going)))
            for function in ("refuse_change()", *search_index.FUNCTIONS):
                connection.execute(text(f'DROP FUNCTION IF EXISTS "{here}".{function}'))
                connection.execute(text(f'ALTER FUNCTION {SCHEMA}.{function} SET SCHEMA "{here}"'))
            for name in coming:
                connection.execute(text(f'ALTER TABLE {SCHEMA}."{name}" SET SCHEMA "{here}"'))
            claim_tables.bring_up(connection)
    except DBAPIError as wrong:
        why = IN_USE if "lock timeout" in str(wrong) else f"Nothing was changed: {_first_line(wrong)}"
        raise BadBackup(why) from wrong
    live.dispose()
    with live.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _portal_on(app: Flask, url: str) -> Flask:
    """The same portal on another database; its other settings come from the environment as before."""
    settings: Settings = app.config["SETTINGS"]
    demo = "1" if settings.demo else "0"
    return create_app(
        {"DATABASE_URL": url, "SECRET_KEY": settings.secret_key, "DEMO": demo, "INSTANCE_PATH": settings.instance_path}
    )


def _let_go(staged: Flask) -> None:
    with staged.app_context():
        db.session.remove()
        db.engine.dispose()


def _first_line(wrong: DBAPIError) -> str:
    return str(wrong.orig).splitlines()[0]
