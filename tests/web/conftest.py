"""A portal of one page: the plumbing under test without rooms or screens."""

import uuid
from collections.abc import Iterator

import pytest
from flask import Flask

from app.foundation import clock, tenancy
from app.foundation.tenancy import Viewer
from app.web import templating

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
