"""Portals on databases of their own, since these commands take whole databases away."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.commands.demo import seed_if_empty
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation
from tests import databases
from tests.conftest import SERVER, on_postgres

KEY = "only-for-tests-only-for-tests-only-for-tests"
_numbers = count()
#: (kind) -> a portal on an empty, migrated database: "sqlite", "postgresql", or as the tests run where nothing is said
NewPortal = Callable[..., Flask]


def settings_for(url: str, folder: Path, **more: str) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "SECRET_KEY": KEY,
        "DEMO": "0",
        "PORTAL_URL": "http://localhost",
        "INSTANCE_PATH": str(folder),
        **more,
    }


@pytest.fixture(scope="session")
def migrated_like(
    database_url: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """(kind) -> a migrated database that nobody writes to: the next ones are copies of it."""
    with ExitStack() as open_ones:

        @cache
        def made(kind: str) -> str:
            folder = tmp_path_factory.mktemp("migrated")
            url = _database(open_ones, pytestconfig, folder, kind)
            app = create_app(settings_for(url, folder))
            databases.migrate(app)
            _close(app)
            return url

        yield made


@pytest.fixture(scope="module")
def new_portal(
    migrated_like: Callable[[str], str], pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewPortal]:
    with _portals(migrated_like, pytestconfig, tmp_path_factory) as portal:
        yield portal


@contextmanager
def _portals(
    migrated_like: Callable[[str], str], pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewPortal]:
    with ExitStack() as open_ones:

        def portal(kind: str = "", *, migrated: bool = True, like: Flask | None = None, **more: str) -> Flask:
            """`like`: what another portal's database holds just now."""
            folder = tmp_path_factory.mktemp("portal")
            kind = kind or ("postgresql" if on_postgres(pytestconfig) else "sqlite")
            source = migrated_like(kind) if migrated else None
            if like is not None:
                source = like.config["SQLALCHEMY_DATABASE_URI"]
                _close(like)  # PostgreSQL copies a database in which nobody is
            url = _database(open_ones, pytestconfig, folder, kind, source)
            app = create_app(settings_for(url, folder, **more))
            app.testing = True
            open_ones.callback(_close, app)
            return app

        yield portal


def _database(
    open_ones: ExitStack, pytestconfig: pytest.Config, folder: Path, kind: str, source: str | None = None
) -> str:
    """The URL of an empty one, or of a copy of another one."""
    if kind == "postgresql":
        name = f"portal_commands_{os.getpid()}_{next(_numbers)}"
        return open_ones.enter_context(databases.postgres_database(pytestconfig.stash[SERVER], name, like=source))
    if source is not None:
        databases.copy_sqlite(source, folder / "portal.sqlite3")
    return f"sqlite:///{folder / 'portal.sqlite3'}"


def run(app: Flask, *words: object) -> Result:
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def names(app: Flask) -> set[str]:
    with app.app_context(), acting_for_all("a test looks"):
        found = set(db.session.scalars(select(Organisation.name)))
        db.session.remove()
    return found


@pytest.fixture(scope="session")
def year(
    migrated_like: Callable[[str], str], pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The demo's year on the database that the tests run on. Only looked at: a test that changes it asks for one like it."""
    with _portals(migrated_like, pytestconfig, tmp_path_factory) as portal:
        app = portal(DEMO="1")
        seed_if_empty(app)
        yield app


@pytest.fixture(scope="session")
def file(year: Flask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "portal.backup"
    done = run(year, "backup", path)
    assert done.exit_code == 0, done.output
    return path


def _close(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
