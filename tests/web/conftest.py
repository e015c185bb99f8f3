"""A portal of one page: the plumbing under test without rooms or screens."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Blueprint, Flask, g, session

from app.config import HERE, settings_from
from app.foundation import clock, database, tenancy
from app.foundation.tenancy import Viewer
from app.parties.model import Organisation
from app.web import assets, csrf, errors, guard, logs, metrics, security_headers, shell, templating, ui
from app.web.guard import public

NORTHBRIDGE = uuid.UUID("018f0000-0000-7000-8000-000000000001")


@pytest.fixture
def ada() -> Viewer:
    return Viewer(
        "partner", NORTHBRIDGE, "Northbridge", uuid.UUID(int=7), "Ada Byron",
        frozenset({"engagement:view", "billing-entry:view"}), "Europe/Prague",
    )  # fmt: skip


@pytest.fixture
def small() -> Flask:
    app = Flask("small")
    app.config.update(SECRET_KEY="a test's key", TESTING=True, WTF_CSRF_ENABLED=False)
    templating.install(app)
    return app


@pytest.fixture
def as_ada(small: Flask, ada: Viewer) -> Iterator[Viewer]:
    with small.test_request_context("/"), tenancy.viewing(ada):
        yield ada


@pytest.fixture(autouse=True)
def _machine_time() -> Iterator[None]:
    clock.follow(None)
    yield
    clock.follow(None)


def build(folder: Path, *, screen: Blueprint | None = None, **environment: str) -> Flask:
    """All of the plumbing in create_app's order, on an empty SQLite, with a sign-in that believes what it is told."""
    given = {"SECRET_KEY": "a test's key", "INSTANCE_PATH": str(folder), "DEMO": "1", **environment}
    settings = settings_from(given)
    app = Flask("little", root_path=str(HERE), instance_path=str(folder))
    app.config.update(SETTINGS=settings, SECRET_KEY=settings.secret_key, SESSION_COOKIE_SECURE=settings.secure_cookies)
    app.config.update(MAX_CONTENT_LENGTH=4 * 1024 * 1024, MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024)
    database.install(app, f"sqlite:///{folder / 'little.sqlite3'}", migrations=HERE / "migrations")
    logs.install(app)
    security_headers.install(app)
    metrics.install(app)
    app.before_request(_believe)
    app.teardown_request(lambda _error: tenancy.set_viewer(None))
    csrf.install(app)
    guard.install(app)
    templating.install(app)
    assets.install(app)
    ui.install_ui(app)
    shell.install(app, MENU)
    errors.install(app)
    app.register_blueprint(_sign_in())
    if screen is not None:
        app.register_blueprint(screen)
    with app.app_context(), tenancy.acting_for_all("make tables"):
        database.db.create_all()
        with database.transaction() as rows:
            rows.add(Organisation(id=NORTHBRIDGE, name="Northbridge", is_partner=True, created_at=clock.now()))
            rows.add(Organisation(id=CONTRAIL, name="Contrail", is_partner=True, created_at=clock.now()))
            rows.add(Organisation(name="Acme", is_customer=True, created_at=clock.now()))
    return app


CONTRAIL = uuid.UUID("018f0000-0000-7000-8000-000000000002")
MENU = (
    shell.Line(None, "Home", "home", "/"),
    shell.Line(None, "Engagements", "task", "/engagements", "engagement:view", "partner"),
    shell.Line("Platform", "Programmes", "rule", "/programmes", "programme:view", "operator"),
    shell.Line("Organisation", "Members and roles", "user--multiple", "/members", "member:view"),
)
NAMES = {str(NORTHBRIDGE): "Northbridge", str(CONTRAIL): "Contrail"}


def _believe() -> None:
    tenancy.set_viewer(tenancy.PUBLIC)
    g.signed_in, g.memberships = None, ()
    acting_for = session.get("organisation")
    if acting_for:
        permissions = frozenset({"engagement:view", "billing-entry:view"})
        tenancy.set_viewer(
            Viewer(
                "partner",
                uuid.UUID(acting_for),
                NAMES[acting_for],
                uuid.UUID(int=7),
                "Ada Byron",
                permissions,
                "Europe/Prague",
            )
        )
        g.signed_in = SimpleNamespace(email="ada@northbridge.example")
        g.memberships = tuple(
            SimpleNamespace(
                organisation_id=uuid.UUID(key), organisation_name=name, capacity="partner", key=f"{key}:partner"
            )
            for key, name in NAMES.items()
        )


def _sign_in() -> Blueprint:
    screen = Blueprint("sign_in", "sign_in")

    @screen.get("/sign-in")
    @public
    def show() -> str:
        return "sign in here"

    @screen.get("/become/<organisation>")
    @public
    def become(organisation: str) -> str:
        session.clear()
        session["organisation"] = organisation
        return "done"

    @screen.get("/leave")
    @public
    def leave() -> str:
        session.clear()
        return "done"

    return screen


def token_of(answer: Any) -> str:
    """The form token in a page."""
    return str(answer.text.split('name="csrf_token" value="')[1].split('"')[0])
