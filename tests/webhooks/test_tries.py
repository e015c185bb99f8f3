"""Messages tried again, given up, replayed, sent by several at once, killed in between; and the two jobs."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.engagements import farewells
from app.foundation import clock
from app.foundation.announcements import Announcement
from app.foundation.database import db, transaction
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.jobs import forget_webhooks, send_webhooks
from app.jobs.work import never
from app.notices import webhook_gauges, webhook_rules, webhook_sending, webhooks
from app.notices.webhook_model import WebhookDelivery
from app.notices.webhook_queries import state_of
from app.parties.model import Organisation
from tests.makers import make_engagement, make_product
from tests.notices.conftest import settings_of
from tests.people import People
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.stage import START, count, deliveries, endpoint_of, listen


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


def test_nothing_is_sent_for_a_deactivated_organisation(people: People, receiver: Receiver, send: Any) -> None:
    endpoint, _secret = listen(people, "ada", receiver.url)
    ada, olga = people.viewer("ada"), people.viewer("olga")
    with viewing(ada):
        webhooks.send_test(endpoint.id, by=ada)
    with viewing(olga):
        farewells.deactivate(people.northbridge.id, reason="Gone.", by=olga)
    send()
    assert receiver.received == []
    with acting_for_all("a test looks"):
        assert webhook_gauges.waiting() == 0


def test_nothing_is_made_or_sent_in_a_capacity_that_was_taken_away(
    people: People, receiver: Receiver, send: Any
) -> None:
    endpoint, _secret = listen(people, "ada", receiver.url)
    make_engagement(make_product(partner=people.northbridge), people.acme, state="pending", at=clock.now())
    with acting_for_all("a test's operator"), transaction():
        northbridge = one(Organisation, people.northbridge.id)
        northbridge.is_partner, northbridge.is_customer = False, True
    send()
    assert receiver.received == []
    assert deliveries(endpoint_id=endpoint.id) == []


def test_organisations_take_turns_whoever_has_more_to_be_told(people: People, receiver: Receiver, send: Any) -> None:
    cys, _ = listen(people, "cy", receiver.url)
    adas, _ = listen(people, "ada", f"{receiver.url}?ada")
    cy, ada = people.viewer("cy"), people.viewer("ada")
    with viewing(cy):
        for _n in range(6):
            webhooks.send_test(cys.id, by=cy)
    with viewing(ada):
        for _n in range(2):
            webhooks.send_test(adas.id, by=ada)
    assert send().arrived == 8
    whose = ["ada" if path.endswith("?ada") else "cy" for path, *_rest in receiver.received]
    assert whose == ["cy", "ada", "cy", "ada", "cy", "cy", "cy", "cy"]


def test_whose_receiver_is_slow_keeps_nobody_else_waiting(
    people: People, receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "SHARE_SECONDS", 0.3)
    receiver.thinks_seconds = 0.4
    with receiving() as quick:
        cys, _ = listen(people, "cy", receiver.url)
        adas, _ = listen(people, "ada", quick.url)
        cy, ada = people.viewer("cy"), people.viewer("ada")
        with viewing(cy):
            for _n in range(3):
                webhooks.send_test(cys.id, by=cy)
        with viewing(ada):
            for _n in range(5):
                webhooks.send_test(adas.id, by=ada)
        send()
        assert (len(receiver.received), len(quick.received)) == (1, 5)
        send()
        assert (len(receiver.received), len(quick.received)) == (2, 5)


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
