"""A session's cookie is verified once for many requests: it ages all the same, and no request writes into another's session."""

import time

import pytest
from flask import Flask, session

from app.web.sign_in import SESSION_HOURS

SAID = {"_flashes": [["done", "Saved"]], "acting_for": "x"}


@pytest.fixture
def cookie(app: Flask) -> str:
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(serializer.dumps(SAID))


def opened(app: Flask, cookie: str) -> dict[str, object]:
    with app.test_request_context("/", headers={"Cookie": f"session={cookie}"}):
        found = dict(session)
        for kept in session.values():
            if isinstance(kept, list):
                kept.append("of this request alone")
        return {name: list(value) if isinstance(value, list) else value for name, value in found.items()}


def test_what_a_request_writes_stays_with_it(app: Flask, cookie: str) -> None:
    opened(app, cookie)
    with app.test_request_context("/", headers={"Cookie": f"session={cookie}"}):
        assert dict(session) == SAID


def test_it_ages(app: Flask, cookie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    for later, is_over in (
        (SESSION_HOURS * 3600 - 5, False),
        (SESSION_HOURS * 3600 + 5, True),
        (0, False),
        (-3600, True),
    ):
        monkeypatch.setattr(time, "time", lambda later=later: now + later)
        assert (opened(app, cookie) == {}) == is_over


def test_only_ours_counts(app: Flask, cookie: str) -> None:
    assert opened(app, cookie)
    body, _dot, signature = cookie.rpartition(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    for wrong in ("", "x", ".", f"{body}.{other}", f"{body}.", cookie[1:]):
        assert opened(app, wrong) == {}


def test_another_key_reads_nothing_of_it(app: Flask, cookie: str) -> None:
    assert opened(app, cookie)
    before = app.secret_key
    app.secret_key = "another key, as long as a key must be here"
    try:
        assert opened(app, cookie) == {}
    finally:
        app.secret_key = before
