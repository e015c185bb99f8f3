"""The tables of the claims: Procrastinate's own, in the portal's database, made and changed by the portal's migrations.

Its schema comes with the library, as do the changes from one version of it to the next. How far the database is stands in a
comment on the table, so that a migration which brings it up does what is missing, whatever version it meets.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, text

#: the last change in the library that this portal was tested with; a new one comes with a migration that calls bring_up()
NEWEST_CHANGE = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
TABLES = ("procrastinate_events", "procrastinate_periodic_defers", "procrastinate_jobs", "procrastinate_workers")
_MARK = re.compile(r"as of (\S+\.sql)")


def is_ours(name: str | None, kind: str, _parents: object = None) -> bool:
    """For Alembic's include_name: what the models know of. The library's tables are not in them."""
    return not (kind == "table" and name in TABLES)


def schema() -> str:
    """The library's tables as they are today."""
    return (files("procrastinate.sql") / "schema.sql").read_text("utf-8") + _marked(NEWEST_CHANGE)


def changes() -> list[str]:
    """The names of the library's changes, the oldest first."""
    found = (file.name for file in (files("procrastinate.sql") / "migrations").iterdir())
    return sorted(name for name in found if name.endswith(".sql"))


def bring_up(connection: Connection) -> None:
    """Make the tables, or do to them what the library has changed since. Safe to run again."""
    here = _stands_at(connection)
    if here is None:
        _run(connection, schema())
        return
    for name in changes():
        if here < name <= NEWEST_CHANGE:
            _run(connection, (files("procrastinate.sql") / "migrations" / name).read_text("utf-8"))
    _run(connection, _marked(NEWEST_CHANGE))


def take_away(connection: Connection) -> None:
    """The tables with all that belongs to them. What waits in them is no loss: the rows it is about say what is due."""
    for statement in _drops(connection):
        connection.execute(text(statement))


def _drops(connection: Connection) -> Iterator[str]:
    yield f"DROP TABLE IF EXISTS {', '.join(TABLES)} CASCADE"
    functions = text("""
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace""")
    for name in connection.scalars(functions).all():
        yield f"DROP FUNCTION {name} CASCADE"
    types = text("""
        SELECT oid::regtype::text FROM pg_type
        WHERE typname LIKE 'procrastinate\\_%' AND typnamespace = current_schema()::regnamespace AND typtype IN ('c', 'e')""")
    for name in connection.scalars(types).all():
        yield f"DROP TYPE {name} CASCADE"


def _stands_at(connection: Connection) -> str | None:
    """The last change the tables have; None without them."""
    comment = connection.scalar(text("SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"))
    found = _MARK.search(comment or "")
    return found[1] if found else None


def _marked(change: str) -> str:
    return f"\nCOMMENT ON TABLE procrastinate_jobs IS 'Jobs waiting for a worker: Procrastinate, as of {change}';\n"


def _run(connection: Connection, script: str) -> None:
    """Several statements at once, in which % and : mean themselves; in the transaction that is open already."""
    driver: Any = connection.connection.driver_connection
    driver.execute(script)
