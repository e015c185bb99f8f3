"""Every operation x every key x own and foreign ids: who is let in, and that foreign ids do not exist. New ones are walked by themselves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from app.billing.model import BillingEntry, Correction
from app.catalog.model import Product
from app.csp.customers.model import CspCustomer
from app.csp.statements.model import CspStatement
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.members.api_keys import OFFERED
from tests.api.conftest import Caller, key_of
from tests.api.listing_stage import ENTRY, FILE, METRIC, PER_HOUR
from tests.makers import ask_correction, close_month, make_engagement, make_entry, make_product, make_programme
from tests.makers.csp_documents import csp_ids as billing_ids
from tests.makers.csp_runs import account_ids, microsoft_set_up
from tests.makers.listing import listing_ids
from tests.people import CAST, People, move_in
from tests.screens.csp_stage import csp_ids

PERSONS = [person for person, (*_, capacity, _roles) in CAST.items() if capacity != "operator"]
LAST = BillingMonth.at(clock.now()).previous
SIDES = {"ada": "north", "abe": "north", "ben": "north", "dot": "north", "cy": "south", "eve": "south"}


@dataclass
class World:
    people: People
    #: side -> parameter -> an id of its own
    own: dict[str, dict[str, str]] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)


@pytest.fixture(scope="module", autouse=True)
def microsoft() -> Iterator[None]:
    with microsoft_set_up():
        yield


@pytest.fixture(scope="module")
def world(migrated_app: Flask, restore_database: Any) -> World:
    restore_database()
    with migrated_app.app_context():
        world, entries = World(move_in()), {}
        for side, partner, customer in (("north", "northbridge", "acme"), ("south", "contrail", "globex")):
            product = make_product(
                make_programme(f"Programme of {partner}"), world.people.organisations[partner], name=f"Service of {partner}",
                parameters=[{"key": "region", "label": "Region", "kind": "short_text"}],
            )  # fmt: skip
            engagement = make_engagement(product, world.people.organisations[customer])
            make_entry(engagement, "1", rated=True)
            make_entry(engagement, "2")
            old = [
                make_entry(engagement, n, month=LAST, at=LAST.starts_at + timedelta(days=9), rated=True) for n in "34"
            ]
            pending = make_engagement(product, world.people.organisations[customer], state="pending")
            member = world.people.memberships["ben" if side == "north" else "cy"]
            entries[side] = old[0]
            world.own[side] = {
                **csp_ids(world.people, partner, "ada" if side == "north" else "cy", customer),
                "engagement_id": str(engagement.id), "entry_id": str(old[1].id), "product_id": str(product.id),
                "kind_name": "engagement-request", "row_id": str(pending.id), "membership_id": str(member.id),
                "batch_id": str(uuid4()), "notice_id": str(uuid4()),
                **billing_ids(world.people.organisations[partner], world.people.organisations[customer], f"G-{partner}"),
                **listing_ids(product),
                **account_ids(world.people.viewer("ada" if side == "north" else "cy")),
            }  # fmt: skip
        close_month(LAST)
        for side, entry in entries.items():
            world.own[side]["correction_id"] = str(ask_correction(entry, "2").id)
        for person in PERSONS:
            world.callers[person] = Caller(migrated_app, key_of(world.people, person))
        world.callers["nobody"] = Caller(migrated_app, None)
        db.session.remove()
    return world


def operations(app: Flask) -> list[tuple[Rule, str, Any]]:
    """(rule, method, view) of everything below /api/v1."""
    return [
        (rule, method, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
        if rule.rule.startswith("/api/v1")
    ]


def address(rule: Rule, ids: dict[str, str]) -> str:
    return re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda found: ids[found[1]], rule.rule).removeprefix("/api/v1")


def call(caller: Caller, method: str, path: str, body: Any = None) -> Any:
    asked = QUERIES.get(path.rpartition("/")[2], "")
    return caller.get(path + asked) if method == "GET" else caller.post(path, body)


#: last part of an address -> what it has to be asked with
QUERIES = {"preview": f"?metric=hours&month={LAST.next}&quantity=1", "correction-preview": "?quantity=1"}
#: what belongs to one member, or is the other capacity's
NOT_EVERYBODYS = {"membership_id", "row_id", "batch_id", "notice_id"}


def allowed(view: Any, world: World, person: str) -> bool:
    viewer = world.people.viewer(person)
    return viewer.capacity in view.needed_by_capacity and viewer.may(view.needed_by_capacity[viewer.capacity])


def test_every_operation_names_its_permission(migrated_app: Flask) -> None:
    asked: dict[str, set[str]] = {"partner": set(), "customer": set()}
    for rule, _method, view in operations(migrated_app):
        assert getattr(view, "needed_by_capacity", None), f"{rule}: declare it with operations.get or operations.post"
        for capacity, permission in view.needed_by_capacity.items():
            asked[capacity].add(permission)
    strict = {"billing-entry:view-with-all-three"}  # asked for inside, by programme
    assert {capacity: set(names) - strict for capacity, names in OFFERED.items()} == asked


@pytest.mark.parametrize("person", [*PERSONS, "nobody"])
def test_each_operation_opens_for_whom_it_should(migrated_app: Flask, world: World, person: str) -> None:
    """Own ids: an answer for those with the permission, 403 for the others, 401 without a key; a POST of nothing changes nothing."""
    wrong = []
    before = states(migrated_app)
    for rule, method, view in operations(migrated_app):
        path = address(rule, world.own[SIDES.get(person, "north")])
        body = {"hostile": "\u0000"}  # never valid, so that nothing is done
        status = call(world.callers[person], method, path, body).status_code
        if person == "nobody":
            fits = status == 401
        elif not allowed(view, world, person):
            fits = status == 403
        else:
            elsewhere = status == 404 and bool(NOT_EVERYBODYS & rule.arguments)
            fits = (status == 422 if method == "POST" else status == 200) or elsewhere
        if not fits:
            wrong.append((method, path, status))
    assert wrong == []
    assert states(migrated_app) == before


@pytest.mark.parametrize("person", PERSONS)
def test_foreign_ids_do_not_exist(migrated_app: Flask, world: World, person: str) -> None:
    other = world.own["south" if SIDES[person] == "north" else "north"]
    nobodys = {name: str(uuid4()) for name in other}
    foreign_name = b"Service of contrail" if SIDES[person] == "north" else b"Service of northbridge"
    wrong = []
    before = states(migrated_app)
    for rule, method, view in operations(migrated_app):
        public = rule.rule.startswith("/api/v1/catalog/")  # a published service is everybody's
        if not rule.arguments:
            continue
        for ids in (other, nobodys):
            if public and ids is other:
                continue
            answer = call(world.callers[person], method, address(rule, ids), VALID.get(rule.rule.rpartition("/")[2]))
            expected = 404 if allowed(view, world, person) else 403
            if answer.status_code != expected or foreign_name in answer.data:
                wrong.append((method, rule.rule, answer.status_code, expected))
    assert wrong == []
    assert states(migrated_app) == before


PARAMETER, PLAN = {"label": "Where", "kind": "checkbox"}, {"name": "Night", "code": "night"}
#: last part of an address -> a body that would be taken
VALID = {
    "reject": {"reason": "No."},
    "reject-completion": {"reason": "No.", "outcome": "delete"},
    "billing-entries": {"metric": "hours", "month": "2026-10", "quantity": "1"},
    "catalog-entry": ENTRY,
    "support": {"support": "Day and night."},
    "custom-parameters": PARAMETER,
    "<uuid:parameter_id>": PARAMETER,
    "move": {"direction": "up"},
    "plans": PLAN,
    "<uuid:plan_id>": PLAN,
    "metrics": METRIC,
    "<uuid:metric_id>": METRIC,
    "prices": {"price": PER_HOUR},
    "preview": {"price": PER_HOUR, "quantity": "1"},
    "evidence": FILE,
    "tests": {"plan_id": str(uuid4()), "name": "A test"},
    "corrections": {"quantity": "1", "reason": "No."},
    "statements": {},
    "delegate": {"to": str(uuid4())},
    "mark-up": {"percent": "5", "valid_from": "2026-11-01"},
    "remove-mark-up": {"valid_from": "2026-11-01"},
    "tax-rate": {"percent": "5", "valid_from": "2026-11-01"},
    "remove-tax-rate": {"valid_from": "2026-11-01"},
    "budget": {"amount": "5", "currency": "EUR"},
    "monitoring": {"monitored": True},
    "discovery": {},
}


def test_a_session_is_no_credential(migrated_app: Flask, world: World) -> None:
    from tests.people import sign_in

    browser = migrated_app.test_client()
    sign_in(browser, "ada@northbridge.example")
    assert browser.get("/").status_code == 200
    for rule, method, _view in operations(migrated_app):
        path = "/api/v1" + address(rule, world.own["north"])
        assert browser.open(path, method=method).status_code == 401, path


def states(app: Flask) -> list[Any]:
    with app.app_context(), acting_for_all("a test compares"):
        found = [
            *db.session.execute(select(Engagement.id, Engagement.state, Engagement.version)),
            *db.session.execute(select(BillingEntry.id, BillingEntry.state, BillingEntry.version)),
            *db.session.execute(select(Product.id, Product.state, Product.version)),
            *db.session.execute(select(Correction.id, Correction.state, Correction.version)),
            *db.session.execute(select(CspCustomer.id, CspCustomer.version)),
            *db.session.execute(select(CspStatement.id)),
        ]
        db.session.remove()
        return [tuple(map(str, row)) for row in found]
