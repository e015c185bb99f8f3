"""Webhooks from the event to the receiver: who is told what, signed, tried again, given up, replayed; over a real HTTP server."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.engagements import actions as engagements
from app.foundation import clock
from app.foundation.announcements import KNOWN, Announcement
from app.foundation.database import db, transaction
from app.foundation.history import EVENTS as HISTORY_EVENTS
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, viewing
from app.jobs import forget_webhooks, send_webhooks
from app.jobs.work import never
from app.notices import webhook_rules, webhook_sending, webhooks
from app.notices.webhook_events import EVENTS, TEST, offered
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from app.notices.webhook_queries import deliveries_of, endpoints_here, state_of
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.notices.conftest import settings_of
from tests.notices.receiver import Receiver, receiving
from tests.people import People, move_in

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def people(app: Flask) -> Iterator[People]:
    with app.app_context():
        yield move_in()
        db.session.remove()


@pytest.fixture
def send(app: Flask) -> Any:
    """What one run of the job does, towards loopback; in a session of its own, as the job has it."""

    def run(**changes: Any) -> webhook_sending.Sent:
        db.session.remove()
        webhook_sending.fan_out()
        settings = settings_of(app, **{"webhook_private_addresses": True, **changes})
        sent = webhook_sending.send_due(settings)
        db.session.remove()
        return sent

    return run


def listen(people: People, person: str, url: str, *types: str) -> tuple[WebhookEndpoint, str]:
    by = people.viewer(person)
    with viewing(by):
        wanted = types or [told.type for told in offered(by.capacity)]
        return webhooks.add(url, wanted, private_allowed=True, by=by)


def deliveries(**where: Any) -> list[WebhookDelivery]:
    db.session.expire_all()
    with acting_for_all("a test looks"):
        found = select(WebhookDelivery).filter_by(**where).order_by(WebhookDelivery.created_at, WebhookDelivery.id)
        return list(db.session.scalars(found))


def endpoint_of(row: WebhookEndpoint) -> WebhookEndpoint:
    db.session.expire_all()
    with acting_for_all("a test looks"):
        return db.session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == row.id)).one()


def types(receiver: Receiver) -> list[str]:
    return [json.loads(body)["type"] for body in receiver.bodies]


def test_the_table_names_events_of_history_and_facts_that_they_carry() -> None:
    assert set(EVENTS) == KNOWN and set(HISTORY_EVENTS) >= KNOWN
    assert len({told.type for told in EVENTS.values()}) == len(EVENTS)
    for name, told in EVENTS.items():
        declared = HISTORY_EVENTS[name]
        for facts in (told.partner, told.customer):
            assert set(facts or ()) <= declared.fields, name
            assert "amount" not in (facts or ()), "no role guards what an endpoint is told"
        assert (told.customer is None) == (declared.customer_sentence is None), name
        assert not {"note", "mailed_to"} & set(told.customer or ()), name


def test_an_event_arrives_signed_and_thin(people: People, receiver: Receiver, send: Any) -> None:
    _endpoint, secret = listen(people, "ada", receiver.url)
    product = make_product(partner=people.northbridge)
    engagement = make_engagement(product, people.acme, state="pending", at=clock.now())
    assert send().arrived == 1
    path, headers, body = receiver.received[0]
    message = receiver.verified(secret)
    assert message["type"] == "engagement.requested" and message["timestamp"].endswith("Z")
    assert message["data"] == {
        "engagement_id": str(engagement.id), "status": "pending", "client": "Acme", "plan": "Standard", "product": "Data rescue",
    }  # fmt: skip
    assert (
        path == "/hook" and headers["content-type"] == "application/json" and headers["host"].startswith("127.0.0.1:")
    )
    (delivery,) = deliveries()
    assert headers["webhook-id"] == f"msg_{delivery.message_id.hex}"
    assert (state_of(delivery), delivery.tries, delivery.last_status, delivery.body) == ("delivered", 1, 204, body)
    assert delivery.last_milliseconds is not None
    assert send() == webhook_sending.Sent(), "once"


def test_each_side_is_told_what_it_may_know(people: People, send: Any) -> None:
    """The operator's rates and the partner's net never leave; neither does another tenant's anything."""
    with receiving() as ada, receiving() as dot, receiving() as cy, receiving() as eve:
        for person, receiver in (("ada", ada), ("dot", dot), ("cy", cy), ("eve", eve)):
            listen(people, person, receiver.url)
        net = make_programme("Net", remuneration="net_plus_mark_up", remuneration_percent=Decimal("17.3"), review_threshold_minor=90_000)  # fmt: skip
        product = make_product(net, people.northbridge, bands=[(None, "123.37")])
        engagement = make_engagement(product, people.acme, at=clock.now())
        make_entry(engagement, "3.7", rated=True)
        make_entry(engagement, "100", rated=True)  # waits for review
        with viewing(people.viewer("ada")) as by:
            engagements.mark_as_complete(engagement, note="Hard client.", by=by)
        send()
        assert sorted(types(ada)) == sorted([
            "engagement.requested", "engagement.approved", "billing_entry.submitted", "billing_entry.rated",
            "billing_entry.submitted", "billing_entry.in_review", "engagement.completed",
        ])  # fmt: skip
        assert sorted(types(dot)) == sorted([
            "engagement.requested", "engagement.approved", "billing_entry.submitted", "billing_entry.rated",
            "billing_entry.submitted", "engagement.completed",
        ])  # fmt: skip
        assert cy.received == eve.received == []
        seen = "".join(dot.bodies)
        assert "Hard client." in "".join(ada.bodies) and "Hard client." not in seen
        assert not [word for word in ("456.47", "535.44", "123.37", "17.3", "amount", "due", "net") if word in seen]


def test_only_what_was_chosen_is_sent(people: People, receiver: Receiver, send: Any) -> None:
    listen(people, "ada", receiver.url, "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    send()
    assert types(receiver) == ["engagement.approved"]


def test_what_happened_before_or_as_a_test_is_not_sent(people: People, receiver: Receiver, send: Any) -> None:
    product = make_product(partner=people.northbridge)
    make_engagement(product, people.acme)
    listen(people, "ada", receiver.url)
    trial = make_engagement(product, people.acme, state="pending", at=clock.now())
    send()
    receiver.received.clear()
    with acting_for_all("a test's engagement becomes a trial") as system, transaction():
        trial.is_test = True
        engagements.approve(trial, by=system)
    send()
    assert types(receiver) == []


def test_event_and_announcement_stand_or_fall_together(people: People) -> None:
    product = make_product(partner=people.northbridge)
    engagement = make_engagement(product, people.acme, state="pending")
    before = count(Announcement)

    def approve_and_fail() -> None:
        with viewing(people.viewer("ada")) as by, transaction():
            engagements.approve(engagement, by=by)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        approve_and_fail()
    assert count(Announcement) == before


def test_a_failure_is_tried_again_later_and_later_and_the_others_go_on(people: People, send: Any) -> None:
    with time_machine.travel(START, tick=False) as time, receiving() as bad, receiving() as good:
        bad.status, bad.answer = 500, b"out of order\x00<b>"
        endpoint, _secret = listen(people, "ada", bad.url, "engagement.approved")
        listen(people, "abe", good.url, "engagement.approved")
        product = make_product(partner=people.northbridge)
        for _ in range(3):
            make_engagement(product, people.acme, at=clock.now())
        sent = send()
        assert (len(bad.received), len(good.received), sent.failed) == (1, 3, 1), "the failing endpoint rests"
        first = next(one for one in deliveries(endpoint_id=endpoint.id) if one.tries)
        assert (first.tries, first.last_status, first.last_error) == (1, 500, "answered 500")
        assert first.last_answer == "out of order\ufffd<b>"
        assert first.due_at == START + timedelta(seconds=5)
        send()
        assert len(bad.received) == 1
        bad.status = 204
        time.shift(timedelta(seconds=5))
        send()
        assert len(bad.received) == 4
        assert {one.delivered_at is not None for one in deliveries()} == {True}
        assert endpoint_of(endpoint).failures == 0 and endpoint_of(endpoint).failing_since is None
        first_sent, again = bad.received[0][1], next(h for _p, h, _b in bad.received[1:] if h["webhook-id"] == bad.received[0][1]["webhook-id"])  # fmt: skip
        assert first_sent["webhook-id"] == again["webhook-id"]


def test_after_three_days_it_is_given_up_and_the_admins_are_told(people: People, receiver: Receiver, send: Any) -> None:
    receiver.status = 503
    with time_machine.travel(START, tick=False) as time:
        endpoint, _secret = listen(people, "ada", receiver.url, "engagement.approved")
        make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
        for wait in (timedelta(), *webhook_rules.WAITS):
            assert endpoint_of(endpoint).disabled_at is None
            time.shift(wait)
            send()
        (delivery,) = deliveries()
        assert (delivery.tries, state_of(delivery)) == (10, "failed")
        now = endpoint_of(endpoint)
        assert now.disabled_at == clock.now() and now.disabled_because == "nothing has arrived for three days"
    with acting_for_all("a test looks"):
        mail = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "webhook_disabled")).one()
    assert (mail.audience, mail.permission) == ("organisation", "webhook:manage")


def test_gone_is_gone(people: People, receiver: Receiver, send: Any) -> None:
    receiver.status = 410
    endpoint, _secret = listen(people, "ada", receiver.url, "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    send()
    assert endpoint_of(endpoint).disabled_because == "it says that it is gone"


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


def test_a_rotated_secret_overlaps_for_a_day(people: People, receiver: Receiver, send: Any) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as time:
        endpoint, old = listen(people, "ada", receiver.url)
        with viewing(people.viewer("ada")) as by:
            _row, new = webhooks.rotate(endpoint.id, by=by)
            webhooks.send_test(endpoint.id, by=by)
        send()
        assert receiver.verified(old)["type"] == receiver.verified(new)["type"] == TEST
        time.shift(timedelta(days=1))
        with viewing(people.viewer("ada")) as by:
            webhooks.send_test(endpoint.id, by=by)
        send()
        assert receiver.verified(new)["type"] == TEST
        assert len(receiver.received[-1][1]["webhook-signature"].split()) == 1
    assert new not in endpoint_of(endpoint).secret and old not in str(vars(endpoint_of(endpoint)))


def test_a_message_is_replayed_by_hand_under_its_own_id(people: People, receiver: Receiver, send: Any) -> None:
    endpoint, secret = listen(people, "ada", receiver.url, "engagement.approved")
    make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
    send()
    (delivery,) = deliveries()
    with viewing(people.viewer("abe")) as by:
        webhooks.replay(delivery.id, by=by)
    send()
    assert len(receiver.received) == 2 and receiver.received[0][2] == receiver.received[1][2]
    assert receiver.received[0][1]["webhook-id"] == receiver.received[1][1]["webhook-id"]
    assert receiver.verified(secret)["type"] == "engagement.approved"
    assert endpoint.id == delivery.endpoint_id


def test_what_was_missed_while_disabled_is_sent_again_since_an_instant(people: People, send: Any) -> None:
    with time_machine.travel(START, tick=False) as time, receiving() as receiver:
        endpoint, _secret = listen(people, "ada", receiver.url, "engagement.approved", "engagement.requested")
        product = make_product(partner=people.northbridge)
        make_engagement(product, people.acme, at=clock.now())
        send()
        with viewing(people.viewer("ada")) as by:
            webhooks.disable(endpoint.id, by=by)
        time.shift(timedelta(hours=1))
        since = clock.now()
        make_engagement(product, people.acme, at=clock.now())
        make_engagement(make_product(partner=people.contrail, name="Not yours"), people.globex, at=clock.now())
        send()
        assert len(receiver.received) == 2
        with viewing(people.viewer("ada")) as by:
            with pytest.raises(AlreadyDone):
                webhooks.replay_since(endpoint.id, since, by=by)
            webhooks.enable(endpoint.id, by=by)
            assert webhooks.replay_since(endpoint.id, since, by=by)[1] == 2
        send()
        assert len(receiver.received) == 4 and not [body for body in receiver.bodies if "Not yours" in body]
        with viewing(people.viewer("ada")) as by:
            assert webhooks.replay_since(endpoint.id, START, by=by)[1] == 4
            for wrong in (START - timedelta(days=31), clock.now() + timedelta(minutes=1)):
                with pytest.raises(Refused):
                    webhooks.replay_since(endpoint.id, wrong, by=by)
        send()
        assert len(receiver.received) == 8 and len(deliveries()) == 4


def test_two_senders_at_once_send_each_message_once(
    people: People, receiver: Receiver, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(people, "ada", receiver.url, "engagement.approved")
    product = make_product(partner=people.northbridge)
    for _ in range(6):
        make_engagement(product, people.acme, at=clock.now())
    db.session.remove()
    settings = settings_of(app, webhook_private_addresses=True)

    def work() -> None:
        with app.app_context():
            webhook_sending.fan_out()
            webhook_sending.send_due(settings)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len({headers["webhook-id"] for _p, headers, _b in receiver.received}) == len(receiver.received) == 6


def test_killed_while_sending_it_is_sent_again_under_the_same_id(
    people: People, receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(START, tick=False) as time:
        listen(people, "ada", receiver.url, "engagement.approved")
        make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
        with monkeypatch.context() as dying:
            dying.setattr(webhook_sending, "_settle", lambda *_rest: (_ for _ in ()).throw(SystemExit))
            with pytest.raises(SystemExit):
                send()
        send()
        assert len(receiver.received) == 1, "the claim still holds"
        time.shift(webhook_sending.LEASE)
        send()
    assert len(receiver.received) == 2
    assert receiver.received[0][1]["webhook-id"] == receiver.received[1][1]["webhook-id"]


def test_a_secret_sealed_under_another_key_delays_its_messages_only(people: People, send: Any) -> None:
    with receiving() as one, receiving() as two:
        broken, _secret = listen(people, "ada", one.url, "engagement.approved")
        listen(people, "abe", two.url, "engagement.approved")
        with acting_for_all("a test breaks a secret"), transaction():
            endpoint_of(broken).secret = "not ours"
        make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
        sent = send()
        assert (sent.arrived, sent.failed, len(one.received), len(two.received)) == (1, 1, 0, 1)
        assert "Unreadable" in (deliveries(endpoint_id=broken.id)[0].last_error or "")


def test_who_may_touch_an_endpoint(people: People, receiver: Receiver) -> None:
    endpoint, _secret = listen(people, "ada", receiver.url)
    with viewing(people.viewer("ben")) as ben:
        for deed in (webhooks.rotate, webhooks.disable, webhooks.remove, webhooks.send_test):
            with pytest.raises(MissingRole):
                deed(endpoint.id, by=ben)
    for stranger in ("cy", "dot"):
        with viewing(people.viewer(stranger)) as by:
            assert not endpoints_here()
            assert not db.session.execute(deliveries_of(endpoint.id)).all()
            for deed in (webhooks.rotate, webhooks.disable, webhooks.remove, webhooks.send_test):
                with pytest.raises(NotVisible):
                    deed(endpoint.id, by=by)
    with viewing(people.viewer("ada")) as ada:
        webhooks.remove(endpoint.id, by=ada)
        with pytest.raises(NotVisible):
            webhooks.send_test(endpoint.id, by=ada)
    assert endpoint_of(endpoint).secret == ""


def test_what_may_be_entered(people: People) -> None:
    with viewing(people.viewer("dot")) as dot:
        for wrong in (["billing_entry.in_review"], [], ["nonsense"]):
            with pytest.raises(Refused) as no:
                webhooks.add("https://dot.example/", wrong, private_allowed=False, by=dot)
            assert no.value.field == "types"
        for n in range(webhooks.MOST_ENDPOINTS):
            webhooks.add(f"https://dot.example/{n}", ["engagement.approved"], private_allowed=False, by=dot)
        with pytest.raises(Refused) as no:
            webhooks.add("https://dot.example/more", ["engagement.approved"], private_allowed=False, by=dot)
        assert no.value.field == "url"


def test_the_jobs_run_and_forget(people: People, receiver: Receiver, app: Flask) -> None:
    with time_machine.travel(START, tick=False) as time:
        listen(people, "ada", receiver.url, "engagement.approved")
        make_engagement(make_product(partner=people.northbridge), people.acme, at=clock.now())
        with acting_for_all("a test's job") as by:
            done = send_webhooks.run(by=by, stopped=never)
            assert done.failed == 1 and "may not go" in done.message, "private addresses are off unless configured"
        assert count(Announcement) == 2 and count(WebhookDelivery) == 1
        time.shift(webhooks.KEPT + timedelta(seconds=1))
        with acting_for_all("a test's job") as by:
            assert forget_webhooks.run(by=by, stopped=never).rows == 3
        assert count(Announcement) == count(WebhookDelivery) == 0


def count(model: Any) -> int:
    db.session.rollback()
    with acting_for_all("a test counts"):
        return db.session.scalar(select(func.count()).select_from(model)) or 0
