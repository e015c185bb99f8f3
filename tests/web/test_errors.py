"""Every refusal is a page in the shell that says what to do next; none raises again; nothing typed is lost."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, abort, request
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.foundation import tenancy
from app.foundation.pages import BadCursor
from app.foundation.refusals import AlreadyDone, KeyReused, MissingRole, NotVisible, Refused
from app.foundation.tenancy import NoViewer
from app.web.guard import needs, public, signed_in
from tests.page import Page
from tests.web.conftest import CONTRAIL, NORTHBRIDGE, build

RAISED: dict[str, Any] = {
    "refused": lambda: Refused("month", "%(m)s is closed.", m="January 2027"),
    "done": lambda: AlreadyDone("active", "approve"),
    "reused": lambda: KeyReused(),
    "invisible": lambda: NotVisible(),
    "cursor": lambda: BadCursor("x"),
    "role": lambda: MissingRole("billing-entry:submit"),
    "busy": lambda: OperationalError("select 1", {}, Exception("database is locked")),
    "bug": lambda: ZeroDivisionError("a secret in the message"),
    "no-viewer": lambda: NoViewer("nobody"),
}
CODES = {
    "refused": 422,
    "done": 409,
    "reused": 409,
    "invisible": 404,
    "cursor": 404,
    "role": 403,
    "busy": 503,
    "bug": 500,
    "no-viewer": 500,
}


def _screen() -> Blueprint:
    screen = Blueprint("wrong", "wrong")

    @screen.route("/wrong/<how>", methods=["GET", "POST"])
    @public
    def wrong(how: str) -> str:
        raise RAISED[how]()

    @screen.get("/http/<int:code>")
    @public
    def http(code: int) -> str:
        abort(code)

    @screen.get("/api/v1/busy")
    @public
    def busy() -> str:
        raise RAISED["busy"]()

    @screen.get("/api/v1/wrong")
    @public
    def api() -> str:
        raise NotVisible

    @screen.route("/members-only", methods=["GET", "POST"])
    @signed_in
    def members_only() -> str:
        return f"entered {request.form.get('notes')}"

    @screen.get("/operators-only")
    @needs("programme:view", capacity="operator")
    def operators_only() -> str:
        return "never"

    @screen.get("/forgotten")
    def forgotten() -> str:
        return "never"

    @screen.get("/text/<path:name>")
    @public
    def text(name: str) -> str:
        return f"{name} {request.args.get('q', '')}"

    return screen


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    app = build(Path(tmp_path_factory.mktemp("errors")), screen=_screen())
    return app.test_client()


@pytest.fixture
def ada_there(client: FlaskClient) -> Any:
    client.get(f"/become/{NORTHBRIDGE}")
    yield client
    client.get("/leave")


@pytest.mark.parametrize("how", RAISED)
@pytest.mark.parametrize("signed", [True, False])
def test_each_refusal_is_a_page_in_the_shell(client: FlaskClient, how: str, signed: bool) -> None:
    client.get(f"/become/{NORTHBRIDGE}" if signed else "/leave")
    answer = client.get(f"/wrong/{how}")
    assert answer.status_code == CODES[how]
    page = Page(answer)
    page.check()
    assert ("Northbridge" in answer.text) is signed
    assert "secret in the message" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    client.get("/leave")


def test_a_500_names_its_request(client: FlaskClient) -> None:
    answer = client.get("/wrong/bug", headers={"X-Request-ID": "abc-12345678"})
    assert "abc-12345678" in answer.text
    assert answer.headers["X-Request-ID"] == "abc-12345678"


def test_the_words_say_what_and_what_next(ada_there: FlaskClient) -> None:
    assert "January 2027 is closed." in ada_there.get("/wrong/refused").text
    assert (
        "Partner Pricing Viewer, Partner Pricing Submitter, Software Instance Editor"
        in ada_there.get("/wrong/role").text
    )
    assert "nothing at this address for Northbridge" in ada_there.get("/nowhere").text
    page = Page(ada_there.get("/wrong/cursor?after=zz"))
    assert page.soup.select_one("main a.b")["href"] == "/wrong/cursor"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 429, 500, 501, 503])
def test_every_http_code_has_a_page(client: FlaskClient, code: int) -> None:
    answer = client.get(f"/http/{code}")
    assert answer.status_code == code
    Page(answer).check()


def test_htmx_gets_a_toast_and_keeps_its_page(ada_there: FlaskClient) -> None:
    for how, code in CODES.items():
        answer = ada_there.get(f"/wrong/{how}", headers={"HX-Request": "true"})
        assert answer.status_code == code
        toast = json.loads(answer.headers["HX-Trigger"])["toast"]
        assert toast["title"]
        assert toast["text"]
        assert answer.headers["HX-Reswap"] == "none"
        assert "<html" not in answer.text
        assert answer.headers["HX-Trigger"].isascii()
    boosted = ada_there.get("/wrong/done", headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert "<html" in boosted.text


def test_the_api_gets_json(client: FlaskClient) -> None:
    answer = client.get("/api/v1/wrong")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert set(answer.get_json(force=True)) == {"type", "status", "title", "detail", "request_id"}


def test_who_meets_a_database_that_is_away_is_told_when_to_come_back(client: FlaskClient) -> None:
    """And not that nothing was changed: it is the answer to a commit that may have been lost."""
    for path, headers in (("/wrong/busy", {}), ("/wrong/busy", {"HX-Request": "true"}), ("/api/v1/busy", {})):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        told = answer.text + answer.headers.get("HX-Trigger", "")
        assert "in time. Nothing" not in told
        assert "done once" in told or "not done twice" in told
    assert "Retry-After" not in client.get("/wrong/bug").headers


def test_an_error_page_never_raises(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.errors.render_template", lambda *_a, **_k: 1 / 0)
    answer = client.get("/wrong/bug")
    assert answer.status_code == 500
    assert "<h1>Something went wrong</h1>" in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_redirects_pass(client: FlaskClient) -> None:
    assert client.get("/members-only").status_code == 302
    assert client.get("/members-only?a=1").headers["Location"].endswith("/sign-in?next=/members-only?a%3D1")


def test_the_guard_says_no_by_default(ada_there: FlaskClient) -> None:
    for path in ("/operators-only", "/forgotten"):
        answer = ada_there.get(path)
        assert answer.status_code == 403
        Page(answer).check()


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/text/%00", 404), ("/text/a%00b", 404), ("/text/%ff%fe", 404), ("/text/x?q=%00", 400), ("/text/x?%00=1", 400), ("/text/x?q=%ff", 200),
        ("/static/%00", 404), ("/static/../wsgi.py", 404), ("/static/..%2fwsgi.py", 404), ("/static/", 404), ("/static/vendor", 404),
        ("/text/" + "x" * 5000, 200), ("/text/%ED%A0%80", 404), ("/text/x?q=%ED%A0%80", 200), ("/nowhere/%F0%9F%98%80", 404),
    ],
)  # fmt: skip
def test_broken_addresses(client: FlaskClient, address: str, code: int) -> None:
    assert client.get(address).status_code == code


def test_too_large_is_413(client: FlaskClient) -> None:
    answer = client.post("/members-only", data={"notes": "x" * 5_000_000})
    assert answer.status_code == 413
    Page(answer).check()


def test_no_viewer_leaks_from_a_request(ada_there: FlaskClient) -> None:
    ada_there.get("/wrong/bug")
    with pytest.raises(tenancy.NoViewer):
        tenancy.current()


# The session ended while a form was open.

TYPED = {
    "notes": "<b>Four hours</b> & \u0141\u00f3d\u017a",
    "quantity": "12.50",
    "password": "hunter2",
    "submission_key": "k" * 32,
}


def _token(client: FlaskClient) -> str:
    page = client.get("/http/404").text
    found = re.search(r'X-CSRFToken&#34;: &#34;([^&]+)&#34;|"X-CSRFToken": "([^"]+)"', page)
    assert found
    return found[1] or found[2]


def test_an_ended_session_keeps_what_was_typed_and_it_can_be_sent_again(client: FlaskClient) -> None:
    client.get(f"/become/{NORTHBRIDGE}")
    token = _token(client)
    assert client.post("/members-only", data={"csrf_token": token, **TYPED}).status_code == 200
    client.get("/leave")
    answer = client.post(
        "/members-only", data={"csrf_token": token, **TYPED}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 401
    page = Page(answer)
    page.check()
    form = page.soup.select_one("main form")
    kept = {i["name"]: i["value"] for i in form.select("input")}
    assert form["action"] == "/members-only"
    assert "hunter2" not in answer.text
    assert {k: v for k, v in kept.items() if k != "csrf_token"} == {k: v for k, v in TYPED.items() if k != "password"}
    assert page.soup.select_one('main a[target="_blank"]')["href"] == "/sign-in"

    client.get(f"/become/{CONTRAIL}")  # signs in in another tab; the session is a new one
    again = client.post("/members-only", data=kept)
    assert again.status_code == 200
    assert again.text == f"entered {TYPED['notes']}"
    client.get("/leave")


def test_an_htmx_form_of_an_ended_session_stays_on_its_page(client: FlaskClient) -> None:
    token = _token(client)
    answer = client.post("/members-only", data=TYPED, headers={"HX-Request": "true", "X-CSRFToken": token})
    assert (answer.status_code, answer.headers["HX-Reswap"]) == (401, "none")
    assert "HX-Redirect" not in answer.headers
    asked = client.get("/members-only", headers={"HX-Request": "true"})
    assert "/sign-in" in asked.headers["HX-Redirect"]


def test_without_a_token_nothing_is_done(ada_there: FlaskClient) -> None:
    for site, kept in (("same-origin", True), (None, False), ("cross-site", False)):
        headers = {"Sec-Fetch-Site": site} if site else {}
        answer = ada_there.post("/members-only", data=TYPED, headers=headers)
        assert answer.status_code == 400
        Page(answer).check()
        # what another site sent is never put into a form of ours
        assert ("Four hours" in answer.text) is kept


def test_another_site_is_refused_even_with_the_token(ada_there: FlaskClient) -> None:
    token = _token(ada_there)
    for site in ("cross-site", "same-site"):
        answer = ada_there.post("/members-only", data={"csrf_token": token}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 400


def test_anothers_token_is_refused(client: FlaskClient) -> None:
    stranger = client.application.test_client()
    stranger.get(f"/become/{CONTRAIL}")
    token = _token(stranger)
    client.get(f"/become/{NORTHBRIDGE}")
    _token(client)
    assert client.post("/members-only", data={"csrf_token": token}).status_code == 400
    assert client.post("/members-only", data={"csrf_token": "\x00" + token}).status_code == 400
    client.get("/leave")
