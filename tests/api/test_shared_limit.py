"""The API's limit over many processes: counted once, whichever of them is asked."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.foundation.database import db
from app.foundation.identity import new_id
from app.foundation.tenancy import acting_for_all
from app.web.rate_limit import Limit, SharedWindows, Windows

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(params=[Windows, pytest.param(SharedWindows, marks=pytest.mark.postgres)])
def limit(app: Flask, request: pytest.FixtureRequest) -> Iterator[Limit]:
    """Three a minute, in memory and in the table: they behave alike."""
    with app.app_context():
        yield request.param(3)
        db.session.remove()


def test_a_window_begins_with_the_first_request_and_ends_a_minute_later(limit: Limit) -> None:
    caller = new_id()
    taken = [limit.take(caller, NOON + timedelta(seconds=at)) for at in (0, 20, 59.9, 59.99)]
    assert [(one.allowed, one.remaining, one.seconds) for one in taken] == [
        (True, 2, 60),
        (True, 1, 40),
        (True, 0, 1),
        (False, 0, 1),
    ]
    assert limit.take(new_id(), NOON).allowed, "somebody else's window is their own"
    assert limit.take(caller, NOON + timedelta(seconds=60)).remaining == 2


def test_a_clock_moved_back_begins_anew(limit: Limit) -> None:
    caller = new_id()
    for _ in range(4):
        limit.take(caller, NOON)
    assert not limit.take(caller, NOON).allowed
    assert limit.take(caller, NOON - timedelta(days=30)).allowed


@pytest.mark.postgres
def test_machines_whose_clocks_differ_count_together(app: Flask) -> None:
    caller, limit = new_id(), SharedWindows(3)
    with app.app_context():
        allowed = [limit.take(caller, NOON + timedelta(seconds=off)).allowed for off in (3, 0, 3, 0)]
        db.session.remove()
    assert allowed == [True, True, True, False]


@pytest.mark.postgres
def test_sixteen_that_ask_at_once_are_counted_one_by_one(app: Flask) -> None:
    caller, limit = new_id(), SharedWindows(10)
    allowed: list[bool] = []

    def ask() -> None:
        with app.app_context(), acting_for_all("a test's process"):
            allowed.append(limit.take(caller, NOON).allowed)
            db.session.remove()

    processes = [threading.Thread(target=ask) for _ in range(16)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert (allowed.count(True), allowed.count(False)) == (10, 6)


def test_which_kind_a_portal_has(app: Flask) -> None:
    shared = app.config["SETTINGS"].database_url.startswith("postgresql")
    assert isinstance(app.extensions["api_requests"], SharedWindows if shared else Windows)
