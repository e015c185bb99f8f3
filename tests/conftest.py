"""Which database the tests run on, the application on it, and a closed network.

`--database sqlite` (default) or `--database postgresql`. PostgreSQL comes from a wheel, or from TEST_DATABASE_URL: a
server on which the URL's role may create databases (it must be a superuser); the database named there is never touched.
A PostgreSQL run leaves out the tests that use no database.
"""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask

from app import create_app
from app.foundation import memory
from app.members import passwords
from app.web.kept import PIECES
from tests import databases
from tests.people import QUICK_HASHER

#: where PostgreSQL answers, when the tests run on it, or why it does not
SERVER = pytest.StashKey[str]()
MISSING = pytest.StashKey[str]()

#: ./run test gives whole files to its workers, these first: else one of them would work long on the last of them alone
LONGEST = (
    "screens/test_every_form.py",
    "screens/test_tests_stay_out.py",
    "api/test_schema.py",
    "commands/test_backup.py",
    "commands/test_demo_load.py",
    "screens/test_every_route.py",
    "sources/test_contract.py",
    "actions/test_checks.py",
    "screens/test_no_net_for_customers.py",
    "jobs/test_killed_rating.py",
    "commands/test_scale.py",
    "jobs/test_worker_processes.py",
    "commands/test_refused_backups.py",
    "jobs/test_claims.py",
    "jobs/test_engine.py",
    "actions/test_batch.py",
    "actions/test_rating_in_bulk.py",
)

PIECES.strict = True  # a piece that could never be kept is a mistake in its template

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), help="what the service-level tests run on")


def pytest_configure(config: pytest.Config) -> None:
    """Starts PostgreSQL once, before xdist starts its workers: each has its own database on the one server."""
    config.stash[SERVER] = ""
    config.stash[MISSING] = ""
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None:
        config.stash[SERVER], config.stash[MISSING] = workerinput["postgres"]
    elif on_postgres(config):
        if given := os.environ.get("TEST_DATABASE_URL"):
            config.stash[SERVER] = given
            return
        try:
            config.stash[SERVER], stop = databases.start_postgres()
            config.add_cleanup(stop)
        except Exception as reason:
            config.stash[MISSING] = f"PostgreSQL could not be started: {reason!r}"
            if os.environ.get("CI"):
                raise pytest.UsageError(config.stash[MISSING]) from reason


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["postgres"] = (node.config.stash[SERVER], node.config.stash[MISSING])


def on_postgres(config: pytest.Config) -> bool:
    chosen = config.getoption("--database")
    if chosen is None:
        return os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql")
    return bool(chosen == "postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    postgres = on_postgres(config)
    chosen: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        uses_it = "database_url" in getattr(item, "fixturenames", ())
        only_postgres = item.get_closest_marker("postgres") is not None
        (chosen if (uses_it if postgres else not only_postgres) else left_out).append(item)
    items[:] = sorted(chosen, key=_turn)
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """A tenth of the tests' time went into the collector's visits to what was imported."""
    memory.settle()


def _turn(item: pytest.Item) -> int:
    place = item.path.relative_to(Path(__file__).parent).as_posix()
    return LONGEST.index(place) if place in LONGEST else len(LONGEST)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[MISSING]:
        terminalreporter.section("NOT TESTED ON POSTGRESQL", sep="!", red=True)
        terminalreporter.line(config.stash[MISSING])


@pytest.fixture(scope="session")
def database_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database for this process. Ask for `app`; this one is for tests of the migrations themselves."""
    if not on_postgres(pytestconfig):
        yield f"sqlite:///{tmp_path_factory.mktemp('database') / 'portal.sqlite3'}"
        return
    if pytestconfig.stash[MISSING]:
        pytest.skip(pytestconfig.stash[MISSING])
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with databases.postgres_database(pytestconfig.stash[SERVER], f"portal_test_{worker}_{os.getpid()}") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app = create_app(
        {
            "DATABASE_URL": database_url,
            "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
            "DEMO": "0",
            "PORTAL_NAME": "Partner Portal",
            "PORTAL_URL": "http://localhost",
            "INSTANCE_PATH": str(tmp_path_factory.mktemp("instance")),
        }
    )
    app.testing = True
    databases.migrate(app)
    yield app
    with app.app_context():
        databases.db.engine.dispose()


@pytest.fixture(scope="session")
def restore_database(migrated_app: Flask, pytestconfig: pytest.Config) -> databases.Restorer:
    restorer = databases.PostgresRestorer if on_postgres(pytestconfig) else databases.SqliteRestorer
    return restorer(migrated_app)


@pytest.fixture
def app(migrated_app: Flask, restore_database: databases.Restorer) -> Flask:
    """The portal on a database as the migrations leave it. No context is pushed."""
    restore_database()
    return migrated_app


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[PasswordHasher]:
    """Thousands sign in here: argon2id with its least work. What the portal takes is said by tests/rules/test_passwords.py.

    Processes that tests start (the browser's portal, a backup, a worker) hash as the portal does. Gives the portal's own.
    """
    own = passwords.hasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", QUICK_HASHER)
        yield own


@pytest.fixture(scope="session", autouse=True)
def closed_network() -> Iterator[None]:
    """Only this machine may be called: a test that would reach out fails, here as on a machine without a network."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, only_here(getattr(socket.socket, name)))
        yield


def only_here(connect: Callable[..., Any]) -> Callable[..., Any]:
    def connect_here(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_here(str(address[0])):
            self.close()
            raise RuntimeError(f"a test tried to reach {address[0]}: only loopback is open")
        return connect(self, address)

    return connect_here


def is_here(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parents[1]
