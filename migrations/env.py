"""Runs the migrations on SQLite or PostgreSQL, one transaction a migration, and says nothing when all is well."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from flask import current_app

from app.engagements import search_index
from app.foundation import append_only
from app.jobs import claim_tables

#: any fixed number: portals that start together on one PostgreSQL take turns on it
ONE_AT_A_TIME = 7_221_045_113

db = current_app.extensions["migrate"].db
autogenerating = bool(getattr(context.config.cmd_opts, "autogenerate", False))
if not autogenerating:
    logging.getLogger("alembic").setLevel(logging.WARNING)


def is_modelled(name: str | None, kind: str, parents: object = None) -> bool:
    return claim_tables.is_ours(name, kind, parents) and search_index.is_modelled(name, kind, parents)


def render_item(kind: str, thing: object, _context: object) -> str | Literal[False]:
    """Writes our own column types as what they store, so that an old migration never imports today's code."""
    if kind == "type" and isinstance(thing, sa.types.TypeDecorator):
        return f"sa.{thing.impl!r}"
    return False


def drop_empty_revision(_context: object, _revision: object, directives: list[Any]) -> None:
    if autogenerating and directives[0].upgrade_ops.is_empty():
        directives.clear()


@contextmanager
def one_at_a_time(connection: sa.Connection) -> Iterator[None]:
    connection.execute(sa.select(sa.func.pg_advisory_lock(ONE_AT_A_TIME)))
    connection.commit()  # the lock belongs to the session; an open transaction would make Alembic leave commits to us
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(ONE_AT_A_TIME)))
        connection.commit()


@contextmanager
def foreign_keys_off(connection: sa.Connection) -> Iterator[None]:
    """A batch change drops and recreates its table, which enforced keys would refuse or, worse, cascade.

    SQLite ignores the switch inside a transaction, so it goes to the driver, past SQLAlchemy's BEGIN.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    (enforced,) = driver.execute("PRAGMA foreign_keys").fetchone()
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        orphans = driver.execute("PRAGMA foreign_key_check").fetchall()
        if orphans:
            raise RuntimeError(f"The migration left {len(orphans)} rows that point nowhere, first in {orphans[0][0]}.")
    finally:
        connection.rollback()
        driver.execute(f"PRAGMA foreign_keys={enforced}")


def migrate(connection: sa.Connection) -> None:
    on_sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        compare_type=True,
        include_name=is_modelled,
        render_as_batch=on_sqlite,
        render_item=render_item,
        process_revision_directives=drop_empty_revision,
        transaction_per_migration=True,
    )
    alone = foreign_keys_off if on_sqlite else one_at_a_time
    with alone(connection):
        with context.begin_transaction():
            context.run_migrations()
        append_only.protect(connection)
        search_index.keep(connection)
        connection.commit()


def write_sql() -> None:
    """`flask db upgrade --sql`: the statements, for a database administrator to read."""
    context.configure(url=db.engine.url, target_metadata=db.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
        for statement in append_only.guarded(context.get_context().dialect.name):
            context.get_context().impl.static_output(f"{statement};")


if context.is_offline_mode():
    write_sql()
else:
    with db.engine.connect() as open_connection:
        migrate(open_connection)
