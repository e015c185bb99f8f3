"""The far side of the network at its worst: redirects, endless and dripping answers, names that lead inside, nobody there."""

from threading import Event
from typing import Any

import pytest

from app.foundation import clock
from app.foundation.tenancy import viewing
from app.notices import webhooks
from tests.makers import make_engagement, make_product
from tests.people import People
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.stage import deliveries, listen


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(people: People, receiver: Receiver, send: Any, status: int) -> None:
    receiver.status, receiver.headers = status, {"Location": f"{receiver.url}/elsewhere"}
    listen(people, "ada", receiver.url, "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    assert send().failed == 1
    assert [path for path, *_ in receiver.received] == ["/hook"]


def test_an_endless_answer_is_read_no_further_than_its_beginning(people: People, receiver: Receiver, send: Any) -> None:
    receiver.status, receiver.answer = 200, b"x" * 5_000_000
    listen(people, "ada", receiver.url, "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    assert send().arrived == 1
    assert deliveries()[0].last_answer == "x" * 1000


@pytest.mark.parametrize("slow", [{"thinks_seconds": 3}, {"status": 200, "answer": b"x" * 900, "drips_seconds": 0.1}])
def test_who_dawdles_is_left(
    people: People, receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch, slow: dict[str, Any]
) -> None:
    monkeypatch.setattr("app.notices.webhook_post.TOTAL_SECONDS", 0.5)
    for name, value in slow.items():
        setattr(receiver, name, value)
    listen(people, "ada", receiver.url, "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    assert send().failed == 1
    (delivery,) = deliveries()
    assert "no answer within" in (delivery.last_error or "") and (delivery.last_milliseconds or 0) < 2500


def test_a_name_that_is_answered_slowly_is_left_too(
    people: People, receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner's name server decides how long a look-up takes."""
    monkeypatch.setattr("app.notices.webhook_post.TOTAL_SECONDS", 0.3)
    over = Event()

    def in_a_while(*_asked: Any, **_more: Any) -> list[Any]:
        over.wait(10)
        return []

    monkeypatch.setattr("app.notices.webhook_post.socket.getaddrinfo", in_a_while)
    listen(people, "ada", f"http://hooks.example:{receiver.port}/hook", "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    assert send().failed == 1
    over.set()
    (delivery,) = deliveries()
    assert "no answer within" in (delivery.last_error or "") and (delivery.last_milliseconds or 0) < 2500


def test_private_addresses_are_refused_when_it_is_sent_too(
    people: People, receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address was fine when it was entered; its name leads inside when the message is sent."""
    by = people.viewer("ada")
    with viewing(by):
        webhooks.add("https://rebind.example/hook", ["engagement.approved"], private_allowed=False, by=by)
    asked = []

    def inside(host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.215.14", port)), (2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("app.notices.webhook_post.socket.getaddrinfo", inside)
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    assert send(webhook_private_addresses=False).failed == 1
    assert asked == ["rebind.example"] and receiver.received == []
    assert "127.0.0.1" in (deliveries()[0].last_error or "")


def test_the_checked_address_is_the_one_that_is_called(
    people: People, receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time gains nothing: it is asked once, and its Host header stays."""
    listen(people, "ada", f"http://hooks.example:{receiver.port}/hook?tenant=7", "engagement.approved")
    asked = []

    def once(host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        assert len(asked) == 1, "asked again: the second answer could be another"
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("app.notices.webhook_post.socket.getaddrinfo", once)
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    assert send().arrived == 1
    path, headers, _body = receiver.received[0]
    assert (path, headers["host"]) == ("/hook?tenant=7", f"hooks.example:{receiver.port}")


def test_nobody_there_is_a_failure_with_a_reason(people: People, send: Any) -> None:
    with receiving() as gone:
        listen(people, "ada", gone.url, "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    assert send().failed == 1
    assert "Connect" in (deliveries()[0].last_error or "")
