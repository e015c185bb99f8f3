"""A database that goes away in the middle: who had read is answered, who had not is told when to come back, nobody meets a 500."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask, request_finished
from sqlalchemy import event, text

from app.foundation.database import db

pytestmark = pytest.mark.postgres


def cut(app: Flask) -> None:
    """The server ends the connection of the present session."""
    pid = db.session.scalar(text("SELECT pg_backend_pid()"))
    with app.app_context():
        url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)


def test_what_was_read_is_answered_though_the_connection_is_cut_before_the_end(
    app: Flask, people: Any, as_: Any
) -> None:
    ada = as_("ada")

    def cut_at_the_end(*_arguments: Any, **_more: Any) -> None:
        cut(app)

    with request_finished.connected_to(cut_at_the_end, app):
        answer = ada.get("/engagements")
    assert answer.status_code == 200
    assert ada.get("/engagements").status_code == 200, "and the next request has another connection"


@pytest.fixture
def away(app: Flask) -> Iterator[None]:
    """Each statement finds its connection cut."""

    def cut_it(connection: Any, *_rest: Any) -> None:
        connection.connection.driver_connection.pgconn.finish()

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", cut_it)
    yield
    event.remove(engine, "before_cursor_execute", cut_it)


@pytest.mark.parametrize("path", ["/engagements", "/engagements.csv", "/engagements.xlsx", "/", "/inbox"])
def test_who_asks_meanwhile_is_told_when_to_come_back(people: Any, as_: Any, path: str, request: Any) -> None:
    ada = as_("ada")
    request.getfixturevalue("away")
    answer = ada.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The portal is busy" in answer.text
