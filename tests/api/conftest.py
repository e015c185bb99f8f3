"""Everybody with a key of their own, and one way to ask: `ask("ada").get("/engagements")`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.foundation.database import db
from app.foundation.tenancy import system
from app.members import api_keys
from tests.databases import Restorer
from tests.people import People, everybody


class Caller:
    """A program with a key, or without one. Answers are werkzeug's; every refusal is checked to be a problem."""

    def __init__(self, app: Flask, key: str | None) -> None:
        self.client = app.test_client(use_cookies=False)
        self.key = key

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._checked(self.client.get(f"/api/v1{path}", headers=self._headers(headers)))

    def post(self, path: str, body: Any = None, *, once: str | None = None, **headers: str) -> TestResponse:
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        if once is not None:
            headers["Idempotency-Key"] = once
        return self._checked(self.client.post(f"/api/v1{path}", headers=self._headers(headers), **sent))

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {**({"Authorization": f"Bearer {self.key}"} if self.key else {}), **headers}

    @staticmethod
    def _checked(answer: TestResponse) -> TestResponse:
        assert "Set-Cookie" not in answer.headers
        if answer.status_code >= 400:
            assert answer.content_type == "application/problem+json", answer.text
            assert answer.json["status"] == answer.status_code
            assert answer.json["type"].startswith("urn:partner-portal:problem:")
            assert answer.json["title"] and answer.json["detail"] and answer.json["request_id"]
        else:
            assert answer.content_type == "application/json"
        return answer


Ask = Callable[[str], Caller]


def key_of(people: People, person: str) -> str:
    """A key with all that this person may do by API. Wants an app context."""
    email = people.members[person].email
    by = system("a test's key")
    return api_keys.make_for(email, organisation=None, capacity=None, expires_in_days=None, by=by)[1]


@pytest.fixture
def people(app: Flask, restore_database: Restorer) -> People:
    return everybody(app, restore_database)


@pytest.fixture
def ask(app: Flask, people: People) -> Ask:
    """`ask("ada")` calls with Ada's key, `ask("nobody")` with none."""
    keys: dict[str, str | None] = {"nobody": None}

    def caller(person: str) -> Caller:
        if person not in keys:
            with app.app_context():
                keys[person] = key_of(people, person)
                db.session.remove()
        return Caller(app, keys[person])

    return caller
