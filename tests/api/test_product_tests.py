"""End-to-end tests by API: begun on an unpublished product, taken along like an engagement, and in no list."""

from uuid import UUID

import pytest

from app.billing.model import BillingEntry
from app.catalog import states
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import api_keys
from tests.api.conftest import Caller
from tests.api.listing_stage import Listed
from tests.makers import rate


@pytest.fixture
def stage(app, people):
    return Listed.in_state(app, people, states.DRAFT)


@pytest.fixture
def trial(ask, stage):
    answer = ask("ada").post(stage.path("/tests"), {"plan_id": stage.ids["plan_id"], "name": "Two hours"})
    assert answer.status_code == 201
    return answer.json


def month() -> str:
    return str(BillingMonth.at(clock.now()))


def test_a_test_goes_all_the_way(app, ask, stage, trial):
    ada, here = ask("ada"), f"/engagements/{trial['id']}"
    assert (trial["number"], trial["status"], trial["is_test"]) == ("TEST-ENG-1001", "pending", True)
    assert trial["customer"] == trial["partner"] and trial["actions"] == ["approve", "reject"]
    assert ada.post(f"{here}/approve").json["status"] == "active"
    entry = ada.post(f"{here}/billing-entries", {"metric": "hours", "month": month(), "quantity": "2"}, once="e")
    assert (entry.status_code, entry.json["status"], entry.json["is_test"]) == (201, "submitted", True)
    taken_back = ada.post(f"{here}/billing-entries", {"metric": "hours", "month": month(), "quantity": "9"}).json
    assert ada.post(f"/billing-entries/{taken_back['id']}/withdraw").json["status"] == "withdrawn"
    with app.app_context():
        with acting_for_all("a test's entry"):
            row = one(BillingEntry, UUID(entry.json["id"]))
        assert rate(row) == "rated"
        db.session.remove()
    told = ada.get(f"/billing-entries/{entry.json['id']}").json
    assert (told["status"], told["amount"]) == ("rated", {"amount": "300.00", "currency": "USD"})
    assert told["explanation"]["tiers"][0]["unit_price"] == "150", "a price that nobody has approved yet"
    assert [one["status"] for one in ada.get(f"{here}/billing-entries").json["items"]] == ["withdrawn", "rated"]
    assert ada.post(f"{here}/mark-complete").json["status"] == "complete"
    assert len(ada.get(f"{here}/history").json["items"]) == 7
    (listed,) = ada.get(stage.path("/tests")).json["items"]
    assert (listed["id"], listed["status"]) == (trial["id"], "complete")
    assert listed["entries"] == [{"status": "rated", "entries": 1}, {"status": "withdrawn", "entries": 1}]
    steps = ada.get(stage.path("/checklist")).json["tested"]
    assert steps == {"requested": True, "approved": True, "submitted": True, "rated": True, "completed": True}


def test_no_list_and_no_total_holds_it(app, ask, stage, trial):
    ada, here = ask("ada"), f"/engagements/{trial['id']}"
    ada.post(f"{here}/approve")
    ada.post(f"{here}/billing-entries", {"metric": "hours", "month": month(), "quantity": "2"})
    for path in ("/engagements", "/billing-entries", "/charges"):
        assert ada.get(path).json["items"] == [], path
    record = {"key": "k", "engagement_id": trial["id"], "metric": "hours", "month": month(), "quantity": "1"}
    (result,) = ada.post("/billing-entries/batch", {"records": [record]}).json["results"]
    assert result["result"] == "refused", "batches bill clients"


def test_whose_it_is(app, people, ask, stage, trial):
    here = f"/engagements/{trial['id']}"
    for path in (here, f"{here}/history", f"{here}/billing-entries"):
        for person, status in (("ada", 200), ("abe", 200), ("ben", 404), ("cy", 404), ("dot", 404), ("nobody", 401)):
            assert ask(person).get(path).status_code == status, (person, path)
    for person, status in (("ada", 200), ("ben", 403), ("cy", 404), ("dot", 403), ("nobody", 401)):
        assert ask(person).get(stage.path("/tests")).status_code == status
    assert ask("cy").post(f"{here}/approve").status_code == 404


def test_a_key_without_testing_meets_no_test(app, people, stage, trial):
    """Its member may run tests; the key was not given that."""
    with app.app_context(), viewing(people.viewer("ada")) as ada:
        allowed = ("engagement:view", "engagement:decide", "billing-entry:view", "billing-entry:submit")
        _row, key = api_keys.make("Billing", allowed, expires_in_days=1, by=ada)
        db.session.remove()
    caller, here = Caller(app, key), f"/engagements/{trial['id']}"
    assert caller.get(here).status_code == caller.post(f"{here}/approve").status_code == 404
    body = {"metric": "hours", "month": month(), "quantity": "1"}
    assert caller.post(f"{here}/billing-entries", body).status_code == 404
    assert caller.get(stage.path("/tests")).status_code == 403


@pytest.mark.parametrize(("wrong", "field"), [({"plan_id": "00000000-0000-7000-8000-000000000000"}, "plan_id"), ({"name": " "}, "name"), ({"name": ""}, "name")])  # fmt: skip
def test_a_test_that_cannot_begin(ask, stage, wrong, field):
    body = {"plan_id": stage.ids["plan_id"], "name": "Two hours", **wrong}
    answer = ask("ada").post(stage.path("/tests"), body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_tests_are_run_before_publication(app, people, ask):
    stage = Listed.in_state(app, people, states.PUBLISHED)
    answer = ask("ada").post(stage.path("/tests"), {"plan_id": stage.ids["plan_id"], "name": "Too late"})
    assert answer.status_code == 422 and "before publication" in answer.json["detail"]
    assert ask("ada").get(stage.path("/tests")).json == {"items": [], "next_cursor": None}


def test_what_a_test_would_come_to_is_seen_as_well(ask, trial):
    """Previews, months and the entry's own history know tests where the entry's pages do; corrections do not."""
    ada, here = ask("ada"), f"/engagements/{trial['id']}"
    ada.post(f"{here}/approve")
    seen = ada.get(f"{here}/billing-entries/preview?metric=hours&month={month()}&quantity=2")
    assert (seen.status_code, seen.json["amount"]["amount"]) == (200, "300.00")
    entry = ada.post(f"{here}/billing-entries", {"metric": "hours", "month": month(), "quantity": "2"}).json
    assert entry["actions"] == ["withdraw"]
    assert [one["event"] for one in ada.get(f"/billing-entries/{entry['id']}/history").json["items"]] == [
        "billing_submitted"
    ]
    assert ada.get(f"{here}/months").json["items"][0]["entries"] == 1
    assert ada.get(f"/billing-entries/{entry['id']}/correction-preview?quantity=1").status_code == 404
    assert ask("cy").get(f"{here}/months").status_code == 404
