"""Signing in through the pages: one form, its refusals, the second step, a forgotten password, and what a session is worth."""

import re
from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import event, select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.members import second_factor, sign_ins
from app.notices.delivery import facts_of
from app.web.sign_in import same_site
from tests.people import PASSWORD, fill, hidden_fields, sign_in

ADA = "ada@northbridge.example"


@pytest.fixture
def client(app, people):
    return app.test_client()


def is_signed_in(client):
    return client.get("/account").status_code == 200


def test_the_form_is_one_with_email_and_password(client):
    page = client.get("/sign-in")
    assert page.status_code == 200
    assert page.text.count('name="email"') == page.text.count('name="password"') == 1
    assert 'autocomplete="username"' in page.text
    assert "portal-demo" not in page.text  # not a demo


def test_who_signs_in_goes_back_to_where_they_wanted(client):
    asked = client.get("/account?x=1")
    assert asked.status_code == 302
    answer = fill(client, asked.headers["Location"], action="/sign-in", email=ADA, password=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?x=1")
    assert is_signed_in(client)
    assert client.get("/sign-in?next=/account").headers["Location"] == "/account"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "/\t/evil.example",
        "/\n/evil",
        "javascript:alert(1)",
        "evil",
        "",
        "/ /x",
        "/" + "a" * 3000,
    ],
)
def test_next_never_leads_elsewhere(client, elsewhere):
    assert same_site(elsewhere) == "/"
    answer = fill(client, "/sign-in", email=ADA, password=PASSWORD, next=elsewhere)
    assert answer.headers["Location"] == "/"


def test_wrong_email_and_wrong_password_look_the_same(client):
    known = fill(client, "/sign-in", email=ADA, password="wrong password")
    unknown = fill(client, "/sign-in", email="nobody@northbridge.example", password="wrong password")
    assert known.status_code == unknown.status_code == 422
    plain = [re.sub(r'value="[^"]*"|csrf[^>]*|X-CSRFToken[^>]*', "", page.text) for page in (known, unknown)]
    assert plain[0] == plain[1]
    assert "E-mail or password is wrong." in known.text
    assert f'value="{ADA}"' in known.text  # what was typed is kept,
    assert "wrong password" not in known.text  # but never a password
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "typed",
    [
        {"email": "", "password": ""},
        {"email": ADA},
        {"password": PASSWORD},
        {"email": "\0", "password": "\0"},
        {"email": "🙂" * 300, "password": "x" * 100_000},
    ],
)
def test_a_damaged_form_is_422(client, typed):
    page = client.get("/sign-in")
    answer = client.post("/sign-in", data={**hidden_fields(page.text, "/sign-in"), **typed})
    assert answer.status_code == 422


def test_a_form_of_another_site_is_refused(client):
    client.get("/sign-in")
    assert client.post("/sign-in", data={"email": ADA, "password": PASSWORD}).status_code == 400
    assert not is_signed_in(client)


def test_the_sixth_try_waits_on_every_machine(app, client):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        for _ in range(5):
            assert fill(client, "/sign-in", email=ADA, password="wrong password").status_code == 422
        answer = fill(app.test_client(), "/sign-in", email=ADA, password=PASSWORD)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
        assert "Try again in 15 minutes." in answer.text
        assert f'value="{ADA}"' in answer.text
        now.shift(timedelta(minutes=15))
        sign_in(client, ADA)


def test_the_session_is_a_new_one_after_signing_in(client):
    with client.session_transaction() as before:
        before["planted"] = "by somebody else"
    sign_in(client, ADA)
    with client.session_transaction() as after:
        assert "planted" not in after


def test_the_cookie_is_not_for_scripts(client):
    answer = sign_in(client, ADA)
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert not any(value.startswith("remember_token") for value in answer.headers.getlist("Set-Cookie"))


def test_a_session_taken_to_another_browser_is_worth_nothing(app, client):
    sign_in(client, ADA)
    assert is_signed_in(client)
    assert client.get("/account", headers={"User-Agent": "somebody else's"}).status_code == 302


def test_signing_out_takes_a_post(client):
    sign_in(client, ADA)
    assert client.get("/sign-out").status_code == 405
    page = client.get("/account")
    answer = client.post("/sign-out", data=hidden_fields(page.text, "/sign-out"))
    assert answer.status_code == 303
    assert not is_signed_in(client)


def test_a_member_who_may_no_longer_sign_in_is_out_at_once(app, client, people):
    sign_in(client, "ben@northbridge.example")
    assert is_signed_in(client)
    from app.foundation.database import transaction
    from app.foundation.tenancy import one
    from app.members.model import Member

    with app.app_context(), acting_for_all("a test"), transaction():
        one(Member, people.ben.id).active = False
    assert not is_signed_in(client)


def test_two_steps(app, client, people):
    with time_machine.travel("2026-11-02T12:00:10Z", tick=False) as now:
        with app.app_context():
            by = people.viewer("ada")
            totp = pyotp.TOTP(second_factor.begin(by=by))
            codes = second_factor.confirm(totp.now(), by=by)
        now.shift(timedelta(seconds=30))
        answer = fill(client, "/sign-in", email=ADA, password=PASSWORD, next="/account")
        assert answer.headers["Location"] == "/sign-in/code"
        assert not is_signed_in(client)
        assert fill(client, "/sign-in/code", code="000000").status_code == 422
        answer = fill(client, "/sign-in/code", code=totp.now())
        assert answer.headers["Location"] == "/account"
        assert is_signed_in(client)

        other = app.test_client()
        fill(other, "/sign-in", email=ADA, password=PASSWORD)
        assert fill(other, "/sign-in/code", code=totp.now()).status_code == 422
        assert fill(other, "/sign-in/code", code=codes[0]).status_code == 303
        assert is_signed_in(other)


def test_the_second_step_ends_after_five_minutes_and_needs_the_first(app, client, people):
    assert client.get("/sign-in/code").headers["Location"] == "/sign-in"
    with time_machine.travel("2026-11-02T12:00:10Z", tick=False) as now:
        with app.app_context():
            by = people.viewer("ada")
            totp = pyotp.TOTP(second_factor.begin(by=by))
            second_factor.confirm(totp.now(), by=by)
        fill(client, "/sign-in", email=ADA, password=PASSWORD)
        page = client.get("/sign-in/code")
        now.shift(timedelta(seconds=300))
        answer = client.post("/sign-in/code", data={**hidden_fields(page.text, "/sign-in/code"), "code": totp.now()})
        assert answer.headers["Location"] == "/sign-in"
        assert not is_signed_in(client)


def test_a_forgotten_password(app, client):
    sign_in(client, ADA)
    visitor = app.test_client()
    known = fill(visitor, "/forgot-password", email="ADA@northbridge.example")
    unknown = fill(visitor, "/forgot-password", email="nobody@northbridge.example")
    assert known.status_code == unknown.status_code == 200
    assert re.sub(r"X-CSRFToken[^>]*", "", known.text) == re.sub(r"X-CSRFToken[^>]*", "", unknown.text)
    with app.app_context(), acting_for_all("a test"):
        [notice] = db.session.scalars(select(OutboxRow)).all()
    path = facts_of(notice)["path"]
    assert fill(visitor, path, password="short", password_again="short").status_code == 422
    assert fill(visitor, path, password="a new password", password_again="another one").status_code == 422
    answer = fill(visitor, path, password="a new password", password_again="a new password")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert not is_signed_in(client)  # the other session has ended
    assert visitor.get(path).status_code == 410
    sign_in(visitor, ADA, "a new password")


@pytest.mark.parametrize("token", ["x", "a.b.c", "%F0%9F%99%82", "%2e%2e"])
def test_a_link_that_is_none_of_ours(client, token):
    assert client.get(f"/reset-password/{token}").status_code == 410


def test_a_request_costs_one_statement_to_know_who_asks(app, client):
    sign_in(client, ADA)
    statements = count_statements(app)
    client.get("/members/roles")
    assert len(statements) <= 2, statements  # who asks, and what waits
    statements.clear()
    client.get("/members")
    assert len(statements) <= 3, statements


def test_machines_and_static_files_ask_nothing(app, client):
    sign_in(client, ADA)
    statements = count_statements(app)
    assert client.get("/static/app.css").status_code == 200
    client.get("/healthz")
    assert not [one for one in statements if "member" in one], statements


def count_statements(app):
    statements = []
    with app.app_context():
        engine = db.engine

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("BEGIN", "SET ")):
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    return statements


def test_the_demo_lists_its_sign_ins(app, client):
    app.config["DEMO_SIGN_INS"] = [(ADA, "partner, every role")]
    try:
        page = client.get("/sign-in?next=/members")
        assert "portal-demo" in page.text
        assert f'value="{ADA}"' in client.get(f"/sign-in?email={ADA}").text
    finally:
        app.config["DEMO_SIGN_INS"] = []


def test_wrong_sentences_are_the_rooms(client):
    assert sign_ins.WRONG in fill(client, "/sign-in", email=ADA, password="wrong password").text
