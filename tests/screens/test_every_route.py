"""Every route x every person x own and foreign ids: who gets in, who is sent to sign in, and that foreign ids do not exist.

A new route is walked by itself: its permission says who may open it, its parameters which rows are own and which foreign.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from app.billing.model import BillingEntry, Correction
from app.catalog.model import Evidence, ListingReview, Product, Programme
from app.charges.model import ChargeLine
from app.engagements.model import Engagement
from app.foundation import clock, timetable
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.saved_views import SavedView, save_view
from app.foundation.tenancy import acting_for_all, one, viewing
from app.foundation.timetable import Plan
from app.members import api_keys
from app.members.invitations import invite
from app.members.model import Invitation, Membership
from app.months.model import Month
from app.notices import webhooks
from app.notices.webhook_model import WebhookDelivery, WebhookEndpoint
from app.parties.model import Organisation, PartnerCustomer
from tests.makers import ask_correction, close_month, make_engagement, make_entry, make_product, make_programme
from tests.makers.csp_accounts import connected
from tests.makers.listing import listing_ids
from tests.people import CAST, People, move_in, sign_in

PERSONS = [*CAST, "nobody"]
#: where no row is named, or the name is a secret of its own and not a tenant's
FREE = {
    "filename": "app.css",
    "token": "not-a-token",
    "kind": "csv",
    "failed_kind": "mail",
    "run_id": str(uuid4()),
    "job_name": "rate_billing_entries",
    "verb": "withdraw",
    "mail_id": str(uuid4()),
    "session_id": str(uuid4()),
    "way": "require",
    "side": "customer",
    "slot": "estimator",
    "deed": "test",
    "switch": "disable",
}
#: a kind of what waits; and what belongs to one member, not to a tenant
FREE |= {"kind_name": "engagement-request", "notice_id": str(uuid4()), "batch_id": str(uuid4())}
FREE |= {"month": str(BillingMonth.at(clock.now()).previous), "book": "reject-after-grace"}
#: signing out would end the walk of a person
LEFT_OUT = {"sign_in.leave", "static"}


@dataclass
class World:
    """`own[person]`: parameter -> an id that person's organisation has; the others' ids are foreign to it."""

    own: dict[str, dict[str, str]]
    clients: dict[str, FlaskClient]
    people: People


@pytest.fixture(scope="module")
def world(migrated_app: Flask, restore_database: Any) -> Iterator[World]:
    """Two partners, each with a customer of its own, each with a submitted, a reviewed and a rated entry; one operator."""
    restore_database()
    migrated_app.config["WTF_CSRF_ENABLED"] = False  # the walk asks what lies behind the token
    with migrated_app.app_context():
        people = move_in()
        own = {first: _rows_of(people, partner, customer) for first, partner, customer in _SIDES}
        _close_and_correct(*own.values())
        with acting_for_all("the timetable"):
            timetable.write_down([Plan(FREE["job_name"], "Rates.", 1, 1)])
        db.session.remove()
    clients = {}
    for person in PERSONS:
        clients[person] = migrated_app.test_client()
        if person != "nobody":
            sign_in(clients[person], people.members[person].email)
    yield World(own, clients, people)
    migrated_app.config["WTF_CSRF_ENABLED"] = True


_SIDES = (("north", "northbridge", "acme"), ("south", "contrail", "globex"))
SIDE = {
    "ada": "north",
    "abe": "north",
    "ben": "north",
    "dot": "north",
    "cy": "south",
    "eve": "south",
    "olga": "north",
    "otto": "north",
}


def _rows_of(people: People, partner: str, customer: str) -> dict[str, str]:
    programme = make_programme(f"Programme of {partner}", review_threshold_minor=100_000)
    region: dict[str, Any] = {"key": "region", "label": "Region", "kind": "short_text"}
    product = make_product(programme, people.organisations[partner], name=f"Service of {partner}", parameters=[region])
    engagement = make_engagement(product, people.organisations[customer])
    pending = make_engagement(product, people.organisations[customer], state="pending")
    rated = make_entry(engagement, "1", rated=True)
    last = BillingMonth.at(clock.now()).previous
    old = make_entry(engagement, "3", month=last, at=last.starts_at + timedelta(days=9), rated=True)
    make_entry(engagement, "2")
    waiting = make_entry(engagement, "20", rated=True)
    assert waiting.state == "in_review"
    with acting_for_all("a test's membership"):
        membership = people.memberships["ben" if partner == "northbridge" else "cy"]
        return {
            "engagement_id": str(engagement.id), "entry_id": str(waiting.id), "product_id": str(product.id), "slug": product.slug,
            "programme_id": str(programme.id), "organisation_id": str(people.organisations[customer].id),
            "membership_id": str(membership.id), "invitation_id": str(_invitation_of(people, partner)),
            "relation_id": str(_relation_of(people, partner)), "row_id": str(pending.id),
            "view_id": str(_view_of(people, "ada" if partner == "northbridge" else "cy").id),
            **listing_ids(product), **_settings_of(people, "ada" if partner == "northbridge" else "cy"),
            "old_entry_id": str(old.id), "account_id": _account_of(people, "ada" if partner == "northbridge" else "cy"),
            "line_id": str(db.session.scalars(select(ChargeLine.id).where(ChargeLine.source_id == rated.id)).one()),
        }  # fmt: skip


def _invitation_of(people: People, partner: str) -> UUID:
    by = people.viewer("ada" if partner == "northbridge" else "cy")
    with viewing(by):
        return invite(f"new@{partner}.example", [], by=by).id


def _account_of(people: People, first_name: str) -> str:
    by = people.viewer(first_name)
    with viewing(by):
        return str(connected(by).id)


def _relation_of(people: People, partner: str) -> UUID:
    found = select(PartnerCustomer.id).where(PartnerCustomer.partner_id == people.organisations[partner].id)
    return db.session.scalars(found).one()


def _view_of(people: People, person: str) -> SavedView:
    with viewing(people.viewer(person)) as by:
        return save_view("/engagements", "status=active", name="Active", by=by)


def _settings_of(people: People, person: str) -> dict[str, str]:
    """An API key and a webhook endpoint with one delivery, of the partner's admin."""
    by = people.viewer(person)
    with viewing(by):
        key, _whole = api_keys.make("Nightly", api_keys.offered_to(by=by), expires_in_days=30, by=by)
        endpoint, _secret = webhooks.add(
            "https://hooks.example/portal", ["engagement.requested"], private_allowed=False, by=by
        )
        delivery = webhooks.send_test(endpoint.id, by=by)
    return {"key_id": str(key.id), "endpoint_id": str(endpoint.id), "delivery_id": str(delivery.id)}


def _close_and_correct(*rows: dict[str, str]) -> None:
    """Last month is closed, and an entry of it waits to be corrected."""
    close_month(BillingMonth.at(clock.now()).previous)
    for own in rows:
        own["correction_id"] = _correction_of(UUID(own.pop("old_entry_id")))


def _correction_of(entry_id: UUID) -> str:
    """One that waits, of an entry of last month, which is closed."""
    with acting_for_all("a test's entry"):
        entry = one(BillingEntry, entry_id)
    return str(ask_correction(entry, "2").id)


def rules(app: Flask) -> list[Rule]:
    """Pages. What programs call is walked by tests/api/test_every_route.py, with keys."""
    return [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in LEFT_OUT and not rule.rule.startswith("/api/v1")
    ]


def address(rule: Rule, ids: dict[str, str]) -> str:
    return re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda found: {**FREE, **ids}[found[1]], rule.rule)


def calls(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) & {"GET", "POST"})


def allowed(app: Flask, rule: Rule, world: World, person: str) -> bool:
    view: Any = app.view_functions[rule.endpoint]
    if getattr(view, "is_public", False):
        return True
    if person == "nobody":
        return False
    viewer = world.people.viewer(person)
    if view.needed_capacity and view.needed_capacity != viewer.capacity:
        return False
    return view.needed_permission is None or viewer.may(view.needed_permission)


@pytest.mark.parametrize("person", PERSONS)
def test_each_route_opens_for_whom_it_should(migrated_app: Flask, world: World, person: str) -> None:
    """Own ids, GET: the page for those with the permission, 403 for those without, sign-in for nobody; never a 5xx."""
    wrong = []
    for rule in rules(migrated_app):
        if "GET" not in calls(rule):
            continue
        path = address(rule, world.own[SIDE.get(person, "north")])
        status = world.clients[person].get(path).status_code
        if not allowed(migrated_app, rule, world, person):
            fits = status == 302 if person == "nobody" else status == 403
        else:
            fits = (
                status in (200, 302, 303, 404, 409, 410) if _may_be_elsewhere(rule) else status in (200, 302, 303, 409)
            )
        if not fits:
            wrong.append((path, rule.endpoint, status))
    assert wrong == []


def _may_be_elsewhere(rule: Rule) -> bool:
    """A token, a mail or an action of another state: the address is right, the thing is not there."""
    not_everybodys = {
        "token",
        "mail_id",
        "membership_id",
        "invitation_id",
        "session_id",
        "row_id",
        "run_id",
        "view_id",
        "batch_id",
        "key_id",
        "endpoint_id",
    }
    return bool(not_everybodys & rule.arguments) or rule.endpoint in {
        "health.metrics",
        "health.ready",
        "mailbox.show_list",
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("person", [person for person in PERSONS if person not in ("olga", "otto", "nobody")])
def test_foreign_ids_do_not_exist(migrated_app: Flask, world: World, person: str, method: str) -> None:
    """Another tenant's id and an id that nobody has answer the same: 404 where the role would open the route, else 403."""
    other = world.own["south" if SIDE[person] == "north" else "north"]
    nobodys = {name: str(uuid4()) for name in other} | {"slug": "no-such-service"}
    wrong: list[tuple[object, ...]] = []
    for rule in rules(migrated_app):
        tenant_named = rule.arguments & (set(other) - {"slug"})
        if method not in calls(rule) or not tenant_named:
            continue
        expected = 404 if allowed(migrated_app, rule, world, person) else 403
        if "organisation_id" in rule.arguments:
            expected = 403  # the operator's screens: no other capacity gets as far as the id
        answers = {
            name: world.clients[person].open(address(rule, ids), method=method)
            for name, ids in (
                ("foreign", other),
                ("nobody's", nobodys),
                ("mixed", {**world.own[SIDE[person]], "entry_id": other["entry_id"]}),
            )
            if name != "mixed" or {"engagement_id", "entry_id"} <= rule.arguments
        }
        wrong += [
            (rule.rule, name, a.status_code, expected) for name, a in answers.items() if a.status_code != expected
        ]
        leaks = [name for name, a in answers.items() if b"Service of" in a.data and _foreign_name(person) in a.data]
        wrong += [(rule.rule, name, "names another tenant", "") for name in leaks]
    assert wrong == []


def _foreign_name(person: str) -> bytes:
    return b"Service of contrail" if SIDE[person] == "north" else b"Service of northbridge"


@pytest.mark.parametrize("person", PERSONS)
def test_an_empty_post_is_refused_politely(migrated_app: Flask, world: World, person: str) -> None:
    """No form field at all: 4xx or a redirect, never a 5xx and never a change."""
    before = _states(migrated_app)
    wrong = []
    for rule in rules(migrated_app):
        if "POST" not in calls(rule):
            continue
        path = address(rule, world.own[SIDE.get(person, "north")])
        for body in (
            {},
            {
                "submission_key": "x" * 5000,
                "rendered_for": "\x00",
                "version": "NaN",
                "quantity": "1e400",
                "reason": "\ud800",
            },
        ):
            encoded = {name: value.encode("utf-8", "surrogatepass") for name, value in body.items()}
            status = world.clients[person].post(path, data=encoded).status_code
            if status >= 500 or (
                status < 300 and not getattr(migrated_app.view_functions[rule.endpoint], "is_public", False)
            ):
                wrong.append((path, rule.endpoint, status))
    assert wrong == []
    assert _states(migrated_app) == before


def _states(app: Flask) -> list[Any]:
    with app.app_context(), acting_for_all("a test compares"):
        states = [
            *db.session.execute(select(Engagement.id, Engagement.state, Engagement.version)),
            *db.session.execute(select(BillingEntry.id, BillingEntry.state, BillingEntry.version)),
            *db.session.execute(select(Programme.id, Programme.version)),
            *db.session.execute(select(Product.id, Product.state, Product.version)),
            *db.session.execute(select(ListingReview.id, ListingReview.outcome)),
            *db.session.execute(select(Evidence.id, Evidence.replaced_at)),
            *db.session.execute(select(Correction.id, Correction.state)),
            *db.session.execute(select(Month.id, Month.state)),
            *db.session.execute(select(Membership.id, Membership.roles)),
            *db.session.execute(select(Invitation.id, Invitation.state, Invitation.version)),
            *db.session.execute(select(Organisation.id, Organisation.name, Organisation.version)),
            *db.session.execute(select(PartnerCustomer.id, PartnerCustomer.ended_at)),
            *db.session.execute(select(api_keys.ApiKey.id, api_keys.ApiKey.revoked_at)),
            *db.session.execute(select(WebhookEndpoint.id, WebhookEndpoint.version)),
            *db.session.execute(select(WebhookDelivery.id, WebhookDelivery.due_at)),
        ]
        db.session.remove()
        return [tuple(map(str, row)) for row in states]


@pytest.mark.parametrize(
    "path",
    [
        "/engagements/%00",
        "/engagements?search=%00&after=%FF",
        "/%ff%fe",
        "/engagements/" + "9" * 4000,
        "/catalog/..%2f..%2fetc",
        "/engagements?after=" + "A" * 9000,
        "/engagements?month=9999-99&state=drop",
        "/engagements?month=9998-12",
        "/my/engagements?month=9998-12",
        "/my/charges?month=1970-01",
    ],
)
@pytest.mark.parametrize("person", ["ada", "dot", "nobody"])
def test_hostile_addresses_never_break_it(world: World, person: str, path: str) -> None:
    assert world.clients[person].get(path).status_code < 500


def test_ids_are_compared_whole(world: World) -> None:
    """Upper case or braces are the same UUID or none; never another row."""
    own = UUID(world.own["north"]["engagement_id"])
    assert world.clients["ada"].get(f"/engagements/{str(own).upper()}").status_code in (200, 301, 308, 404)
