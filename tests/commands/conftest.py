"""Portals on databases of their own, since these commands take whole databases away."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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


@pytest.fixture(scope="module")
def new_portal(
    database_url: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewPortal]:
    with ExitStack() as open_ones:

        def portal(kind: str = "", *, migrated: bool = True, **more: str) -> Flask:
            folder = tmp_path_factory.mktemp("portal")
            url = f"sqlite:///{folder / 'portal.sqlite3'}"
            if (kind or ("postgresql" if on_postgres(pytestconfig) else "sqlite")) == "postgresql":
                name = f"portal_commands_{os.getpid()}_{next(_numbers)}"
                url = open_ones.enter_context(databases.postgres_database(pytestconfig.stash[SERVER], name))
            app = create_app(settings_for(url, folder, **more))
            app.testing = True
            if migrated:
                databases.migrate(app)
            open_ones.callback(_close, app)
            return app

        yield portal


def run(app: Flask, *words: object) -> Result:
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def names(app: Flask) -> set[str]:
    with app.app_context(), acting_for_all("a test looks"):
        found = set(db.session.scalars(select(Organisation.name)))
        db.session.remove()
    return found


@pytest.fixture(scope="module")
def year(new_portal: NewPortal) -> Flask:
    """The demo's year on the database that the tests run on."""
    app = new_portal(DEMO="1")
    seed_if_empty(app)
    return app


@pytest.fixture(scope="module")
def file(year: Flask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "portal.backup"
    done = run(year, "backup", path)
    assert done.exit_code == 0, done.output
    return path


def _close(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
