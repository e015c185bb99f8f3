"""Headers, logs, static files, compression, metrics, health, and the shell around the page."""

import gzip
import io
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Blueprint, Flask, Response, render_template_string
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from app.foundation.database import db
from app.foundation.tenancy import Viewer
from app.members.model import Member
from app.parties.model import Organisation
from app.screens import MENU, health
from app.web import logs, metrics, shell
from app.web.guard import public, signed_in
from tests.page import Page
from tests.web.conftest import CONTRAIL, NORTHBRIDGE, build


def _screen() -> Blueprint:
    screen = Blueprint("some", "some")

    @screen.get("/page")
    @public
    def page() -> str:
        return "<p>word </p>" * 500

    @screen.get("/small")
    @public
    def small() -> str:
        return "<p>few</p>"

    @screen.get("/stream")
    @public
    def stream() -> Response:
        return Response((b"piece " for _ in range(1000)), content_type="text/csv")

    @screen.get("/mine")
    @signed_in
    def mine() -> str:
        return "mine"

    @screen.get("/reset/<token>")
    @public
    def reset(token: str) -> str:
        return "reset"

    return screen


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    app = build(
        Path(tmp_path_factory.mktemp("plumbing")),
        screen=_screen(),
        METRICS_TOKEN="for-prometheus",
        PORTAL_NAME="Harbour Portal",
    )
    app.register_blueprint(health.screen)
    return app


@pytest.fixture
def client(little: Flask) -> FlaskClient:
    return little.test_client()


# Headers


def test_browsers_are_told_what_to_refuse(client: FlaskClient) -> None:
    for path in ("/page", "/nowhere", "/static/app.css", "/healthz"):
        headers = client.get(path).headers
        assert "script-src 'self'; style-src 'self'; img-src 'self' data:" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
    client.get(f"/become/{NORTHBRIDGE}")
    assert client.get("/mine").headers["Cache-Control"] == "no-store"
    assert "no-store" not in client.get("/static/app.css").headers["Cache-Control"]


def test_over_tls(tmp_path: Path) -> None:
    client = build(tmp_path, PORTAL_URL="https://portal.example.com").test_client()
    answer = client.get("/nowhere", base_url="https://portal.example.com")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookies = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Host-csrf=")]
    assert len(cookies) == 1
    assert "Secure" in cookies[0]
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
    assert "Domain" not in cookies[0]


# Logs


@pytest.fixture
def lines() -> Any:
    root = logging.getLogger()
    handler = next(h for h in root.handlers if getattr(h, "writes_json_lines", False))
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    handler.setStream(before)


def test_one_line_a_request(client: FlaskClient, lines: Any) -> None:
    client.get(f"/become/{NORTHBRIDGE}")
    client.get("/mine?secret=query-value", headers={"X-Request-ID": "trace-0001"})
    line = lines()[-1]
    assert {k: line[k] for k in ("event", "method", "path", "status", "request_id", "capacity", "organisation", "level")} == {
        "event": "request", "method": "GET", "path": "/mine", "status": 200, "request_id": "trace-0001", "capacity": "partner",
        "organisation": str(NORTHBRIDGE), "level": "info",
    }  # fmt: skip
    assert line["member"]
    assert line["ms"] >= 0
    assert line["at"].endswith("Z")
    assert len(lines()) == 2


def test_a_line_that_cannot_be_written_fails_no_request(client: FlaskClient, lines: Any) -> None:
    handler: Any = next(h for h in logging.getLogger().handlers if getattr(h, "writes_json_lines", False))
    handler.stream.close()
    assert client.get("/small").status_code == 200
    handler.setStream(io.StringIO())


def test_nothing_private_is_logged(client: FlaskClient, lines: Any) -> None:
    client.get("/reset/abcdef123456?q=hidden")
    client.get("/ada@northbridge.example/x")
    client.post("/page", data={"notes": "form-value"})
    written = json.dumps(lines())
    for private in ("abcdef123456", "hidden", "ada@northbridge.example", "form-value"):
        assert private not in written
    assert [line["path"] for line in lines()] == ["/reset/<token>", "/<address>/x", "/page"]


@pytest.mark.parametrize("sent", ["short", "x" * 65, "a b c d e f g", "{newline}\\n12345678", "\u00e912345678"])
def test_an_insane_request_id_is_replaced(client: FlaskClient, sent: str) -> None:
    answer = client.get("/small", headers={"X-Request-ID": sent})
    assert len(answer.headers["X-Request-ID"]) == 32


def test_the_library_s_lines_are_json_too(lines: Any) -> None:
    logging.getLogger("elsewhere").error("broke %s", "here", exc_info=ValueError("x"))
    line = lines()[-1]
    assert (line["event"], line["logger"], line["level"]) == ("broke here", "elsewhere", "error")
    logs.configure()
    assert sum(getattr(h, "writes_json_lines", False) for h in logging.getLogger().handlers) == 1


# Static files and compression


def test_static_files_for_ever(client: FlaskClient, little: Flask) -> None:
    with little.test_request_context():
        address = render_template_string("{{ asset('app.css') }}")
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == Path("static/app.css").read_bytes()
    assert "Set-Cookie" not in answer.headers
    again = client.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    plain = client.get("/static/app.css", headers={"Accept-Encoding": "identity"})
    assert plain.headers["Cache-Control"] == "public, no-cache"
    assert plain.data == Path("static/app.css").read_bytes()
    assert plain.headers["ETag"] != answer.headers["ETag"]
    assert client.get("/static/app.css?v=0123456789").headers["Cache-Control"] == "public, no-cache"
    font = client.get("/static/vendor/plex/IBMPlexSans-Light-Latin1.woff2", headers={"Accept-Encoding": "gzip"})
    assert (font.mimetype, "Content-Encoding" in font.headers) == ("font/woff2", False)
    assert client.head("/static/app.css").status_code == 200


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    from app.web.assets import StaticFiles

    files = StaticFiles(tmp_path)
    (tmp_path / "a.css").write_text("one")
    first = files.find("a.css")
    (tmp_path / "a.css").write_text("another")
    second = files.find("a.css")
    assert first is not None
    assert second is not None
    assert first.mark != second.mark
    assert files.find("../pyproject.toml") is files.find("none") is files.find("\x00") is None


def test_text_travels_compressed(client: FlaskClient) -> None:
    packed = client.get("/page", headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == b"<p>word </p>" * 500
    assert int(packed.headers["Content-Length"]) == len(packed.data) < 500
    assert "Accept-Encoding" in packed.headers["Vary"]
    for path, accepted in (("/page", "gzip;q=0"), ("/page", ""), ("/small", "gzip"), ("/stream", "gzip")):
        answer = client.get(path, headers={"Accept-Encoding": accepted})
        assert "Content-Encoding" not in answer.headers
    sizes = {client.get("/page", headers={"Accept-Encoding": "gzip"}).content_length for _ in range(20)}
    assert len(sizes) > 1  # the size tells nobody what the page repeats


# Health and metrics


def test_healthz_asks_no_database(client: FlaskClient, little: Flask) -> None:
    with little.app_context(), counted() as statements:
        assert client.get("/healthz").get_json() == {"status": "ok"}
    assert statements == []


def test_readyz_wants_the_newest_migration(client: FlaskClient, little: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["migrations"]) == (503, "not at the newest")
    monkeypatch.setattr(health, "_revisions", lambda _directory: (set(), set()))
    assert client.get("/readyz").status_code == 200


def test_metrics_for_those_who_may(client: FlaskClient) -> None:
    client.get("/page")
    metrics.gauge("portal_test_waiting", "What waits", lambda: 3)
    metrics.gauge("portal_test_broken", "What fails", lambda: 1 / 0)
    metrics.gauge(
        "portal_test_members", "Members", lambda: db.session.scalar(select(func.count()).select_from(Member)) or 0
    )
    try:
        text = client.get("/metrics").text
    finally:
        for name in ("portal_test_waiting", "portal_test_broken", "portal_test_members"):
            metrics.GAUGES.pop(name)
    assert 'portal_requests_total{endpoint="some.page",method="GET",status="200"}' in text
    assert 'portal_request_seconds_bucket{endpoint="some.page",le="0.005"}' in text
    assert "portal_test_waiting 3.0" in text
    assert "portal_test_members 0.0" in text
    assert "portal_test_broken" not in text


@pytest.mark.parametrize(
    ("address", "headers", "code"),
    [
        ("127.0.0.1", {}, 200), ("::1", {}, 200), ("192.0.2.7", {}, 404), ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 404),
        ("192.0.2.7", {"Authorization": "Bearer for-prometheus"}, 200), ("192.0.2.7", {"Authorization": "Bearer "}, 404),
        ("192.0.2.7", {"Authorization": "Bearer wrong\u00e9"}, 404), ("", {}, 404),
    ],
)  # fmt: skip
def test_metrics_are_for_this_machine_or_the_token(
    client: FlaskClient, address: str, headers: dict[str, str], code: int
) -> None:
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": address}, headers=headers).status_code == code


# The shell


class counted:
    """Every statement that reaches the database."""

    def __enter__(self) -> list[str]:
        self.statements: list[str] = []
        event.listen(db.engine, "before_cursor_execute", self._note)
        return self.statements

    def __exit__(self, *_: object) -> None:
        event.remove(db.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)


@time_machine.travel(datetime(2026, 11, 1, 20, 0, tzinfo=UTC), tick=False)
def test_the_shell_shows_what_this_viewer_may_open(client: FlaskClient) -> None:
    client.get(f"/become/{NORTHBRIDGE}")
    page = Page(client.get("/engagements/nowhere", headers={"Cookie": ""}))
    client.set_cookie("theme", "dark")
    page = Page(client.get("/engagements/nowhere"))
    page.check()
    assert [a.get_text(strip=True) for a in page.soup.select("#side ul a")] == ["Home", "Engagements"]
    assert page.soup.select_one("#side a[aria-current]").get_text(strip=True) == "Engagements"
    assert page.soup.html["data-theme"] == "dark"
    assert "1 Nov 2026, 20:00 UTC" in page.text
    assert "Harbour" in page.text
    assert "ada@northbridge.example" in page.text
    current = page.soup.select('#switcher button[aria-current="true"]')
    assert [b["value"] for b in current] == [f"{NORTHBRIDGE}:partner"]
    assert "Platform" not in page.text
    client.set_cookie("theme", "<script>")
    assert "data-theme" not in Page(client.get("/nowhere")).soup.html.attrs


def test_all_counts_are_one_statement_and_tenancy_filters_them(
    client: FlaskClient, little: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def organisations(viewer: Viewer) -> Any:
        """A partner sees partners; the customer Acme is nobody's of theirs."""
        few = select(Organisation.id).limit(100).subquery()
        return "/engagements", select(func.count()).select_from(few).scalar_subquery()

    def customers(viewer: Viewer) -> Any:
        return "/engagements", select(func.count(Organisation.id)).where(Organisation.is_customer).scalar_subquery()

    monkeypatch.setattr(shell, "WAITING", [])
    shell.waiting(organisations)
    shell.waiting(organisations)
    shell.waiting(customers)
    shell.waiting(lambda viewer: None)
    client.get(f"/become/{CONTRAIL}")
    with little.app_context(), counted() as statements:
        page = Page(client.get("/nowhere"))
    assert page.soup.select_one("#side .count").text == "2"
    assert len([s for s in statements if s.startswith("SELECT")]) == 1
    with little.app_context(), counted() as statements:
        client.get("/nowhere", headers={"HX-Request": "true"})
    assert statements == []


def test_counts_that_fail_do_not_take_the_page_along(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import text

    monkeypatch.setattr(
        shell,
        "WAITING",
        [lambda viewer: ("/x", select(text("nothing")).select_from(text("nowhere")).scalar_subquery())],
    )
    client.get(f"/become/{CONTRAIL}")
    assert client.get("/nowhere").status_code == 404
    assert "Contrail" in client.get("/nowhere").text


def test_the_site_map_is_sound() -> None:
    icons = Path("frontend/icons.txt").read_text().split()
    assert all(line.icon in icons for line in MENU)
    assert len({(line.path, line.capacity) for line in MENU}) == len(MENU)
