"""Sign-up on its pages: the same answer for everybody, confirmed by link and password, and closed where it is closed."""

import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.members.model import Member, SignUp
from app.notices.delivery import facts_of
from tests.page import Page
from tests.people import fill, hidden_fields

WHOLE: dict[str, Any] = {
    "organisation_name": "Harbour Works",
    "name": "Kim Okafor",
    "email": "kim@harbour.example",
    "password": "four calm herons",
}


@pytest.fixture
def client(app, people):
    return app.test_client()


def found(app, model):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(model)).all()


def link(app):
    return facts_of(found(app, OutboxRow)[-1])["path"]


def plain(answer, email):
    return re.sub(r"X-CSRFToken[^>]*|csrf[^>]*", "", answer.text).replace(email, "THE E-MAIL")


def test_it_is_offered_on_the_sign_in_page_and_says_the_same_to_everybody(app, client, people):
    assert 'href="/sign-up"' in client.get("/sign-in").text
    Page(client.get("/sign-up")).check()
    unknown = fill(client, "/sign-up", **WHOLE)
    Page(unknown).check()
    known = fill(client, "/sign-up", **{**WHOLE, "email": people.dot.email})
    standing = fill(client, "/sign-up", **{**WHOLE, "email": "other@harbour.example", "organisation_name": "Acme"})
    assert unknown.status_code == known.status_code == standing.status_code == 200
    told = {
        plain(answer, email)
        for answer, email in (
            (unknown, WHOLE["email"]), (known, people.dot.email), (standing, "other@harbour.example"),
        )
    }  # fmt: skip
    assert len(told) == 1
    assert len(found(app, SignUp)) == 2


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"organisation_name": ""}, "organisation_name"),
        ({"organisation_name": "A\x00B"}, "organisation_name"),
        ({"name": ""}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "🙂"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": ""}, "password"),
        ({"organisation_name": "x" * 1_000_000}, "organisation_name"),
    ],
)
def test_what_is_refused_stands_on_its_field(app, client, typed, field):
    answer = fill(client, "/sign-up", **{**WHOLE, **typed})
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and page.soup.select_one(f"#{field}-error")
    assert "four calm herons" not in answer.text
    assert not found(app, OutboxRow)


def test_a_program_that_fills_every_field_gets_nowhere(app, client):
    answer = fill(client, "/sign-up", **WHOLE, website="https://spam.example")
    assert answer.status_code == 200 and "Look into your mail" in answer.text
    assert not found(app, OutboxRow) and not found(app, SignUp)


def test_confirmed_one_is_home_as_admin(app, client):
    fill(client, "/sign-up", **WHOLE)
    path = link(app)
    page = Page(client.get(path))
    page.check()
    assert WHOLE["email"] in page.text and page.headers["Cache-Control"] == "no-store"
    assert not [member for member in found(app, Member) if member.email == WHOLE["email"]]
    wrong = fill(client, path, organisation="Harbour Works", password="not the one chosen")
    Page(wrong).check()
    assert wrong.status_code == 422 and "not the password" in wrong.text
    taken = fill(client, path, organisation="ACME", password=WHOLE["password"])
    Page(taken).check()
    assert taken.status_code == 422 and "of this name already" in taken.text and 'value="ACME"' in taken.text
    done = fill(client, path, organisation="Harbour & Works", password=WHOLE["password"])
    assert (done.status_code, done.headers["Location"]) == (303, "/")
    for path_of_theirs in ("/", "/members", "/catalog", "/my/engagements", "/account"):
        Page(client.get(path_of_theirs)).check()
    assert "Harbour &amp; Works" in client.get("/members").text
    over = Page(client.get(path))
    over.check()
    assert client.get(path).status_code == 410 and "is confirmed" in over.text
    assert client.get("/sign-up").status_code == 303  # who is signed in has no need


def test_too_many_tries_are_429(app, client):
    fill(client, "/sign-up", **WHOLE)
    path = link(app)
    for _ in range(5):
        fill(client, path, organisation="Harbour Works", password="not the one chosen")
    answer = fill(client, path, organisation="Harbour Works", password=WHOLE["password"])
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    Page(answer).check()
    for number in range(20):
        answer = fill(client, "/sign-up", **{**WHOLE, "email": f"n{number}@harbour.example"})
    assert answer.status_code == 429
    Page(answer).check()
    assert 'value="n19@harbour.example"' in answer.text


@pytest.mark.parametrize("token", ["x", "a.b.c", "%F0%9F%99%82", "A" * 5000])
def test_a_link_that_is_none_of_ours(client, token):
    path = f"/sign-up/{token}"
    Page(client.get(path)).check()
    assert client.get(path).status_code == 410
    sent = hidden_fields(client.get("/sign-in").text, "/sign-in")
    assert client.post(path, data={**sent, "organisation": "A", "password": "x" * 12}).status_code == 410


def test_switched_off_there_is_none(app, client):
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, sign_up=False)
    try:
        for path in ("/sign-up", "/sign-up/x"):
            assert client.get(path).status_code == 404
        sent = hidden_fields(client.get("/sign-in").text, "/sign-in")
        assert client.post("/sign-up", data={**sent, **WHOLE}).status_code == 404
        assert "/sign-up" not in client.get("/sign-in").text
    finally:
        app.config["SETTINGS"] = settings
