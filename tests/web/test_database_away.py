"""A database that cannot be reached: the page of it has the portal's look, asks nothing more of it, and leaves one line in the log."""

import hashlib
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.foundation.database import db
from tests.page import Fragment, Page

#: nobody listens there
NOBODY = "postgresql://portal@127.0.0.1:1/portal?connect_timeout=2"


@pytest.fixture
def unreachable(tmp_path: Path) -> Iterator[Flask]:
    settings = {"DATABASE_URL": NOBODY, "DEMO": "0", "SECRET_KEY": "x" * 40, "INSTANCE_PATH": str(tmp_path)}
    app = create_app({**settings, "PORTAL_URL": "http://localhost"})
    app.testing = True
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def ada(unreachable: Flask) -> FlaskClient:
    """Signed in while the database was there."""
    client = unreachable.test_client()
    client.environ_base["HTTP_USER_AGENT"] = "ada"
    with client.session_transaction() as session:
        session["_user_id"] = f"{uuid.uuid4().hex}.mark.token"
        session["_id"] = hashlib.sha512(
            b"b'127.0.0.1'|b'ada'"
        ).hexdigest()  # whose browser it is, as Flask-Login has it
    return client


def logged(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """What was said since this was asked last, but for each request's own line."""
    said = [record.msg for record in caplog.records if record.levelno > logging.INFO]
    caplog.clear()
    return said


@pytest.mark.parametrize("path", ["/engagements?status=active", "/"])
def test_the_page_keeps_the_shell(ada: FlaskClient, path: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = ada.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    page = Page(answer)
    page.check()
    assert page.soup.select_one("header.top .brand") and page.soup.select_one("link[href*='app.css']")
    assert page.soup.select_one("h1").text == "The portal is busy"
    assert page.soup.select_one(f".content a[href='{path}']").text.strip() == "Try again"
    assert not page.soup.select(".top-sign"), "whoever reads this may be signed in"
    [line] = logged(caplog)
    assert line["event"] == "database away" and "exception" not in line
    assert line["why"] and "\n" not in line["why"]


def test_a_fragment_and_a_program_are_told_alike(ada: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    part = ada.get("/engagements", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Reswap"]) == (503, "none")
    Fragment(part).check()
    assert len(logged(caplog)) == 1
    told = ada.get("/api/v1/engagements", headers={"Authorization": "Bearer ppk_" + "a" * 43})
    assert (told.status_code, told.content_type) == (503, "application/problem+json")
    assert len(logged(caplog)) == 1


def test_a_form_sent_meanwhile_is_answered_so(ada: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = ada.post("/engagements/bulk-entry", data={"notes": "two hours"})
    assert answer.status_code == 503
    assert "not done twice" in Page(answer).text
    assert len(logged(caplog)) == 1
