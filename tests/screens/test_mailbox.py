"""The demo mailbox: everybody's mail in the demo, nothing at all outside it."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.foundation import clock
from app.foundation.database import transaction
from app.foundation.tenancy import acting_for_all
from app.jobs import engine
from app.members import sign_ins
from app.notices.model import DemoMail
from app.screens.demo.mailbox import linked
from tests.page import Fragment, Page
from tests.people import People

As = Callable[[str], FlaskClient]


@pytest.fixture
def demo(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], demo=True))
    return app


def mail(app: Flask, subject: str = "Trial", body: str = "Hello\n", minutes_ago: int = 0) -> uuid.UUID:
    with app.app_context(), acting_for_all("a test's mail"), transaction() as session:
        sent_at = clock.now() - timedelta(minutes=minutes_ago)
        row = DemoMail(
            outbox_id=uuid.uuid4(), to="ada@northbridge.example", subject=subject, body=body, sent_at=sent_at
        )
        session.add(row)
    return row.id


@pytest.mark.parametrize("who", ["nobody", "ada", "ben", "cy", "dot", "olga"])
def test_there_is_none_outside_the_demo(app: Flask, as_: As, who: str) -> None:
    mail_id = mail(app)
    for path in ("/demo/mailbox", f"/demo/mailbox/{mail_id}"):
        answer = as_(who).get(path)
        assert answer.status_code == 404
        assert "Trial" not in answer.text


@pytest.mark.parametrize("who", ["nobody", "ada", "dot"])
def test_in_the_demo_everybody_reads_it(demo: Flask, as_: As, who: str) -> None:
    client = as_(who)
    empty = Page(client.get("/demo/mailbox"))
    empty.check()
    assert "Mail appears here" in empty.text
    mail_id = mail(demo, "Acme & Co <requests> Rescue")
    listed = Page(client.get("/demo/mailbox"))
    listed.check()
    assert listed.soup.select_one("td a").text == "Acme & Co <requests> Rescue"
    shown = Page(client.get(f"/demo/mailbox/{mail_id}"))
    shown.check()
    assert shown.soup.select_one("h1").text == "Acme & Co <requests> Rescue"
    assert client.get(f"/demo/mailbox/{uuid.uuid4()}").status_code == 404


def test_another_machine_finds_none_even_in_the_demo(demo: Flask, as_: As) -> None:
    """DEMO is 1 unless it is said otherwise: behind another server than ours it must not hand out password links."""
    for path in ("/demo/mailbox", f"/demo/mailbox/{mail(demo)}"):
        assert as_("nobody").get(path, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}).status_code == 404


def test_a_forgotten_password_is_set_from_it(demo: Flask, as_: As, people: People) -> None:
    with demo.app_context():
        sign_ins.ask_for_link("ada@northbridge.example", source="127.0.0.1")
    assert engine.run_once(demo, "send_notices").rows == 1
    client = as_("nobody")
    first = Page(client.get("/demo/mailbox")).soup.select_one("td a")["href"]
    link = Page(client.get(first)).soup.select_one(".as-typed a")
    assert link["href"].startswith("/reset-password/")
    assert client.get(link["href"], follow_redirects=True).status_code == 200


def test_pages_newest_first(demo: Flask, as_: As) -> None:
    for minutes in range(60):
        mail(demo, f"Mail {minutes}", minutes_ago=minutes)
    client = as_("nobody")
    first = Page(client.get("/demo/mailbox"))
    first.check()
    assert [link.text for link in first.soup.select("td a")] == [f"Mail {n}" for n in range(50)]
    following = first.soup.select_one("a[rel=next]")["href"]
    second = Page(client.get(following))
    assert [link.text for link in second.soup.select("td a")] == [f"Mail {n}" for n in range(50, 60)]
    part = Fragment(client.get(following, headers={"HX-Request": "true"}))
    assert part.soup.select_one("html body > #results") is not None
    assert client.get("/demo/mailbox?after=nonsense").status_code == 404


def test_only_the_portals_own_addresses_can_be_followed() -> None:
    text = (
        "See http://127.0.0.1:8000/engagements/7?tab=a\nor http://evil.example/x, http://127.0.0.1:80001/y,\n"
        "http://127.0.0.1:8000.evil.example/z javascript:alert(1) http://127.0.0.1:8000\n"
    )
    pieces = linked(text, "http://127.0.0.1:8000", "http://localhost")
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.path for piece in pieces if piece.path] == ["/engagements/7?tab=a", "/"]
