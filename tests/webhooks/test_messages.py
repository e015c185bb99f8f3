"""What arrives: who is told what, signed, and what an endpoint may be; over a real HTTP server."""

import re
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.engagements import actions as engagements
from app.foundation import clock
from app.foundation.announcements import KNOWN, Announcement
from app.foundation.database import db, transaction
from app.foundation.history import EVENTS as HISTORY_EVENTS
from app.foundation.refusals import MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, viewing
from app.notices import webhook_sending, webhooks
from app.notices.webhook_events import EVENTS, TEST, grouped, offered
from app.notices.webhook_queries import deliveries_of, endpoints_here, state_of
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.people import People
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.stage import count, deliveries, endpoint_of, listen, types


def test_the_table_names_events_of_history_and_facts_that_they_carry() -> None:
    assert set(EVENTS) == KNOWN and set(HISTORY_EVENTS) >= KNOWN
    assert len({told.type for told in EVENTS.values()}) == len(EVENTS)
    for name, told in EVENTS.items():
        declared = HISTORY_EVENTS[name]
        for facts in (told.partner, told.customer):
            assert set(facts or ()) <= declared.fields, name
            assert "amount" not in (facts or ()), "no role guards what an endpoint is told"
        if told.subject == "organisation_id":
            assert told.partner == told.customer, f"{name}: an organisation is told of its own, in either capacity"
        else:
            assert (told.customer is None) == (declared.customer_sentence is None), name
        assert not {"note", "mailed_to"} & set(told.customer or ()), name


def test_every_type_is_chosen_in_one_group() -> None:
    for capacity in ("partner", "customer"):
        chosen = [told.type for found in grouped(capacity).values() for told in found]
        assert sorted(chosen) == sorted(told.type for told in offered(capacity))


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
        seen = re.sub(r"\d{4}-\d\d-\d\dT[^\"]*", "", "".join(dot.bodies))  # 17.3 may be seconds
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


def test_a_secret_is_not_rotated_while_the_one_before_is_promised(
    people: People, receiver: Receiver, send: Any
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as time, viewing(people.viewer("ada")) as by:
        endpoint, old = listen(people, "ada", receiver.url)
        webhooks.rotate(endpoint.id, by=by)
        time.shift(timedelta(days=1) - timedelta(seconds=1))
        with pytest.raises(Refused, match="rotate again after that"):
            webhooks.rotate(endpoint.id, by=by)
        webhooks.send_test(endpoint.id, by=by)
        send()
        assert receiver.verified(old)["type"] == TEST
        time.shift(timedelta(seconds=1))
        webhooks.rotate(endpoint.id, by=by)


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


def test_two_endpoints_added_at_once_do_not_pass_the_limit(app: Flask, people: People, receiver: Receiver) -> None:
    for number in range(webhooks.MOST_ENDPOINTS - 1):
        listen(people, "ada", f"{receiver.url}?{number}", "engagement.approved")
    ada, outcomes, together = people.viewer("ada"), [], threading.Barrier(2)

    def add(number: int) -> None:
        with app.app_context(), viewing(ada):
            together.wait()
            try:
                webhooks.add(f"{receiver.url}?x{number}", ["engagement.approved"], private_allowed=True, by=ada)
                outcomes.append("added")
            except Refused:
                outcomes.append("refused")
            db.session.remove()

    both = [threading.Thread(target=add, args=(number,)) for number in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(outcomes) == ["added", "refused"]
