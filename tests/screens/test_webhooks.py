"""Webhooks on their screens: an endpoint added with its secret shown once, changed, rotated, switched, removed, tried, replayed."""

import re
from uuid import UUID

import pytest
from sqlalchemy import select

from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one
from app.notices import webhook_sending
from app.notices.webhook_model import WebhookEndpoint
from app.parties.model import Organisation
from tests.makers import make_membership
from tests.notices.conftest import settings_of
from tests.page import Fragment, Page
from tests.people import every_role, fill, hidden_fields
from tests.webhooks.receiver import receiving

HTMX = {"HX-Request": "true"}
HERE = "/settings/webhooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


def add(client, url="https://hooks.example/portal", types=("engagement.approved", "engagement.requested"), **more):
    return fill(client, f"{HERE}/new", url=url, types=list(types), **more)


@pytest.fixture
def endpoint(as_):
    """The address of Ada's endpoint."""
    answer = add(as_("ada"))
    return re.search(rf"{HERE}/[0-9a-f-]{{36}}", answer.text)[0]


def test_an_endpoint_is_added_and_its_secret_shown_once(as_):
    ada = as_("ada")
    Page(ada.get(HERE)).check()
    Page(ada.get(f"{HERE}/new")).check()
    hidden = hidden_fields(ada.get(f"{HERE}/new").text, f"{HERE}/new")
    body = {**hidden, "url": "https://hooks.example/portal", "types": ["engagement.approved"]}
    made = ada.post(f"{HERE}/new", data=body)
    Page(made).check()
    assert made.status_code == 200 and len(set(SECRET.findall(made.text))) == 1
    again = ada.post(f"{HERE}/new", data=body)
    assert not SECRET.search(again.text) and "was sent before" in again.text
    listed = ada.get(HERE)
    Page(listed).check()
    assert listed.text.count("https://hooks.example/portal") >= 1 and not SECRET.search(listed.text)


def test_a_form_opened_as_partner_is_not_sent_as_customer(app, people, as_):
    """The same organisation in its other capacity is another side, with other people and other endpoints."""
    with app.app_context(), acting_for_all("Northbridge buys as well"):
        with transaction():
            northbridge = one(Organisation, people.northbridge.id)
            northbridge.is_customer = True
        make_membership(people.ada, northbridge, "customer", every_role("customer"))
        db.session.remove()
    ada = as_("ada")
    body = {
        **hidden_fields(ada.get(f"{HERE}/new").text, f"{HERE}/new"),
        "url": "https://hooks.example/x",
        "types": ["engagement.approved"],
    }
    fill(ada, "/account", action="/switch", capacity=f"{people.northbridge.id}:customer")
    answer = ada.post(f"{HERE}/new", data=body)
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "You act in another capacity now" in page.text
    assert "opened for Northbridge as partner; you now act for Northbridge as customer" in page.text
    with app.app_context(), acting_for_all("a test looks"):
        assert db.session.scalars(select(WebhookEndpoint.id)).all() == []
    kept = page.form(f"{HERE}/new")
    fill(ada, "/account", action="/switch", capacity=f"{people.northbridge.id}:partner")
    assert ada.post(f"{HERE}/new", data={**kept, "types": body["types"]}).status_code == 200


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"url": "http://hooks.example/"}, "must begin with https://"),
        ({"url": "https://127.0.0.1/"}, "inside a private network"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "inside a private network"),
        ({"url": "hooks.example"}, "Write an address"),
        ({"url": ""}, "This is missing"),
        ({"url": "https://h.example/" + "x" * 600}, "characters"),
        ({"types": []}, "Choose at least one event"),
        ({"types": ["no.such"]}, "Choose at least one event"),
    ],
)
def test_what_is_refused_is_named(as_, typed, words):
    answer = add(as_("ada"), **typed)
    assert answer.status_code == 422 and words in answer.text
    Page(answer).check()


def test_a_customer_is_offered_what_a_customer_is_told(as_):
    offered = {box["value"] for box in Page(as_("dot").get(f"{HERE}/new")).soup.select("input[name=types]")}
    partners = {box["value"] for box in Page(as_("ada").get(f"{HERE}/new")).soup.select("input[name=types]")}
    assert offered < partners
    apart = partners - offered
    assert {"billing_entry.rejected", "billing_entry.in_review"} == {one for one in apart if one.startswith("billing")}
    assert {"correction.requested", "correction.rejected", "correction.withdrawn"} < apart
    assert "product.published" in apart, "a listing is between partner and operator"
    assert add(as_("dot"), types=["billing_entry.rejected"]).status_code == 422


def test_each_deed_asks_first(as_, endpoint):
    ada = as_("ada")
    Page(ada.get(endpoint)).check()
    Fragment(ada.get(endpoint, headers=HTMX)).check()
    for deed in ("rotate", "disable", "remove", "test", "replay", "edit"):
        Page(ada.get(f"{endpoint}/{deed}")).check()
    assert ada.get(f"{endpoint}/enable").status_code == 409
    assert SECRET.search(fill(ada, f"{endpoint}/rotate").text)
    too_soon = fill(ada, f"{endpoint}/rotate")
    Page(too_soon).check()
    assert too_soon.status_code == 422 and "rotate again after that" in too_soon.text
    assert fill(ada, f"{endpoint}/test").status_code == 303
    assert fill(ada, f"{endpoint}/disable").status_code == 303
    assert "Disabled" in ada.get(endpoint).text
    for deed in ("disable", "test", "replay"):
        answer = ada.get(f"{endpoint}/{deed}")
        assert answer.status_code == 409
        Page(answer).check()
    assert fill(ada, f"{endpoint}/enable").status_code == 303
    changed = fill(ada, f"{endpoint}/edit", url="https://hooks.example/new", types=["billing_entry.rated"])
    assert changed.status_code == 303 and "hooks.example/new" in ada.get(endpoint).text
    assert fill(ada, f"{endpoint}/remove").headers["Location"] == HERE
    assert ada.get(endpoint).status_code == 404


@pytest.mark.parametrize(
    "since", ["", "yesterday", "２０２６-11-01T00:00", "1970-01-01T00:00", "9999-12-31T23:59", "2026-02-30T00:00"]
)
def test_send_again_since_an_instant_that_is_none(as_, endpoint, since):
    answer = fill(as_("ada"), f"{endpoint}/replay", since=since)
    assert answer.status_code == 422
    Page(answer).check()


def test_a_delivery_is_seen_and_replayed(app, as_):
    with receiving() as receiver:
        path = re.search(rf"{HERE}/[0-9a-f-]{{36}}", add(as_("ada"), url="https://hooks.example/portal").text)[0]
        with app.app_context(), acting_for_all("a test points the endpoint at loopback"), transaction() as session:
            session.get(WebhookEndpoint, UUID(path.rpartition("/")[2])).url = receiver.url
        ada = as_("ada")
        fill(ada, f"{path}/test")
        receiver.status, receiver.answer = 500, b"<script>alert(1)</script>"
        send(app)
        listed = ada.get(path)
        Page(listed).check()
        assert "Waiting" in listed.text and "500" in listed.text
        assert "endpoint.test" in ada.get(f"{path}?state=waiting&event_type=endpoint.test", headers=HTMX).text
        assert "No message fits" in ada.get(f"{path}?state=failed").text
        delivery = re.search(rf"{path}/deliveries/[0-9a-f-]{{36}}", listed.text)[0]
        shown = ada.get(delivery)
        Page(shown).check()
        assert "&lt;script&gt;" in shown.text and "answered 500" in shown.text and "endpoint.test" in shown.text
        receiver.status = 204
        Page(ada.get(f"{delivery}/replay")).check()
        assert fill(ada, f"{delivery}/replay").status_code == 303
        send(app)
        assert len(receiver.received) == 2 and "Arrived" in ada.get(delivery).text
        for stranger in ("cy", "dot"):
            assert as_(stranger).get(delivery).status_code == 404
            assert as_(stranger).get(f"{delivery}/replay").status_code == 404


def send(app):
    with app.app_context():
        webhook_sending.fan_out()
        webhook_sending.send_due(settings_of(app, webhook_private_addresses=True))
        db.session.remove()


def test_who_else_gets_nowhere(as_, endpoint):
    for where in (HERE, f"{HERE}/new", endpoint, f"{endpoint}/rotate"):
        assert as_("nobody").get(where).status_code == 302
        assert as_("ben").get(where).status_code == 403
        assert as_("olga").get(where).status_code == 403
    for stranger in ("cy", "dot"):
        for where in (endpoint, f"{endpoint}/edit", f"{endpoint}/rotate", f"{endpoint}/test"):
            assert as_(stranger).get(where).status_code == 404
        assert "hooks.example" not in as_(stranger).get(HERE).text
