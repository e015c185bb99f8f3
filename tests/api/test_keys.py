"""What a key opens and for how long: made, expired, revoked, its member's roles and membership taken away; how often it may ask."""

from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import update

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, viewing
from app.members import actions, api_keys
from app.members.api_keys import ApiKey
from app.members.roles import PRICING_VIEWER
from app.parties.model import Organisation
from app.web.rate_limit import Windows
from tests.api.conftest import Caller
from tests.people import everybody


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def key_for(app, people, person="ada", permissions=("engagement:view",), days=30):
    by = people.viewer(person)
    with viewing(by):
        row, whole = api_keys.make("Nightly", permissions, expires_in_days=days, by=by)
    return row, Caller(app, whole)


def kept(row):
    db.session.expire_all()
    with acting_for_all("a test reads"):
        return db.session.get(ApiKey, row.id)


def test_a_key_opens_what_was_chosen_for_it_and_nothing_else(app, people):
    _row, caller = key_for(app, people)
    assert caller.get("/engagements").status_code == 200
    refused = caller.get("/billing-entries")
    assert (refused.status_code, refused.json["permission"]) == (403, "billing-entry:view")
    assert refused.json["type"].endswith(":missing-permission") and "billing-entry:view" in refused.json["detail"]


def test_what_is_kept_opens_nothing(app, people):
    row, caller = key_for(app, people)
    assert caller.key.startswith(row.prefix) and caller.key not in str(vars(kept(row)))
    for shown in (
        row.prefix,
        row.digest,
        caller.key[:-1],
        caller.key + "x",
        caller.key.lower(),
        "ppk_",
        "x" * 9000,
        "ä",
    ):
        assert Caller(app, shown.encode("utf-8").decode("latin-1")).get("/engagements").status_code == 401, shown


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "ppk_x", "Bearer \u00e4", "Token {key}"])
def test_no_other_way_in(app, people, header):
    _row, caller = key_for(app, people)
    client: FlaskClient = caller.client
    answer = client.get("/api/v1/engagements", headers={"Authorization": header.format(key=caller.key)})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["type"].endswith(":no-valid-key")
    in_address = client.get(f"/api/v1/engagements?key={caller.key}&access_token={caller.key}")
    assert in_address.status_code == 401


def test_it_expires_at_its_instant(app, people):
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False) as time:
        _row, caller = key_for(app, people, days=1)
        time.move_to("2026-03-02T09:59:59.999999Z")
        assert caller.get("/engagements").status_code == 200
        time.move_to("2026-03-02T10:00:00Z")
        assert caller.get("/engagements").status_code == 401


def test_revoked_it_is_gone_at_once(app, people):
    row, caller = key_for(app, people)
    assert caller.get("/engagements").status_code == 200
    with viewing(people.viewer("abe")) as abe:
        api_keys.revoke(row.id, by=abe)
    assert caller.get("/engagements").status_code == 401


def test_it_never_exceeds_its_members_roles(app, people):
    _row, caller = key_for(app, people, permissions=("engagement:view", "billing-entry:view", "billing-entry:submit"))
    assert caller.get("/billing-entries").status_code == 200
    with viewing(people.viewer("abe")) as abe:
        actions.change_roles(people.memberships["ada"].id, [], by=abe)
    assert caller.get("/billing-entries").status_code == 403
    assert caller.get("/engagements").status_code == 200
    with viewing(people.viewer("abe")) as abe:
        actions.change_roles(people.memberships["ada"].id, [PRICING_VIEWER], by=abe)
    assert caller.get("/billing-entries").status_code == 200
    assert caller.post("/billing-entries/batch", {"records": []}).status_code == 403


def test_it_never_outlives_its_membership_even_if_the_member_comes_back(app, people):
    _row, caller = key_for(app, people)
    with viewing(people.viewer("abe")) as abe:
        actions.remove_from_organisation(people.memberships["ada"].id, by=abe)
        assert caller.get("/engagements").status_code == 401
    with acting_for_all("the operator takes Ada in again") as system:
        northbridge = people.organisations["northbridge"]
        actions.join(people.members["ada"], northbridge, "partner", [PRICING_VIEWER], by=system)
    assert caller.get("/engagements").status_code == 401


def test_it_lets_in_nobody_whom_the_organisation_would_not_let_in_by_hand(app, people):
    _row, caller = key_for(app, people)
    for column in ("second_factor_since", "deactivated_at"):
        for value, answer in ((clock.now(), 401), (None, 200)):
            with acting_for_all("the organisation's rule"), transaction() as session:
                session.execute(
                    update(Organisation)
                    .where(Organisation.name == people.organisations["northbridge"].name)
                    .values({column: value})
                )
            assert caller.get("/engagements").status_code == answer, column


def test_the_last_use_is_noted_at_most_once_a_minute(app, people):
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False) as time:
        row, caller = key_for(app, people)
        caller.get("/engagements")
        first = kept(row).last_used_at
        assert first == clock.now()
        time.shift(timedelta(seconds=59))
        caller.get("/engagements")
        assert kept(row).last_used_at == first
        time.shift(timedelta(seconds=1))
        caller.get("/engagements")
        assert kept(row).last_used_at == first + timedelta(minutes=1)


def test_too_often_is_told_when_to_come_again(app, people, monkeypatch):
    monkeypatch.setitem(app.extensions, "api_requests", Windows(3))
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False) as time:
        _row, caller = key_for(app, people)
        left = [caller.get("/engagements").headers["RateLimit-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        time.shift(timedelta(seconds=20))
        refused = caller.get("/no-such-thing")
        assert (refused.status_code, refused.headers["Retry-After"], refused.headers["RateLimit-Reset"]) == (
            429,
            "40",
            "40",
        )
        assert refused.json["type"].endswith(":too-many-requests")
        _other, another = key_for(app, people, "abe")
        assert another.get("/engagements").status_code == 200, "each key has its own"
        time.shift(timedelta(seconds=40))
        assert caller.get("/engagements").status_code == 200


def test_windows_begin_anew_when_a_demo_clock_is_moved_back(people):
    windows, caller, now = Windows(1), people.ada.id, clock.now()
    assert windows.take(caller, now).allowed
    assert not windows.take(caller, now).allowed
    assert windows.take(caller, now - timedelta(days=1)).allowed


def test_unknown_addresses_are_problems_too(app, people):
    _row, caller = key_for(app, people)
    assert caller.get("/no-such-thing").status_code == 404
    assert caller.get("/engagements/not-an-id").status_code == 404
    assert caller.get("/engagements?search=%00").status_code == 400
    assert caller.client.get("/api/nothing").content_type == "application/problem+json"


def test_a_mistake_of_ours_is_a_problem_with_the_requests_number(app, people, monkeypatch):
    _row, caller = key_for(app, people)
    monkeypatch.setattr("app.api.engagements.listed", lambda *_rest: 1 / 0)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    answer = caller.get("/engagements", **{"X-Request-ID": "a-request-of-mine"})
    assert (answer.status_code, answer.json["request_id"]) == (500, "a-request-of-mine")
    assert "ZeroDivision" not in answer.text
