"""Engagements by API: lists and their pages, details, history, and every verb of partner and customer."""

import pytest

from app.engagements import states
from tests.screens.engagement_stage import set_stage

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def test_the_list_is_filtered_and_paged(ask, stage, people):
    ada = ask("ada")
    every = ada.get("/engagements").json
    assert len(every["items"]) == 8 and every["next_cursor"] is None
    assert {item["status"] for item in every["items"]} == {*states.CURRENT, *states.PAST}
    pages, cursor = [], ""
    while cursor is not None:
        page = ada.get(f"/engagements?limit=3&cursor={cursor}").json
        pages.append([item["id"] for item in page["items"]])
        cursor = page["next_cursor"]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [one for page in pages for one in page] == [item["id"] for item in every["items"]]

    def found(query):
        return [item["status"] for item in ada.get(f"/engagements?{query}").json["items"]]

    assert found("status=pending") == ["pending"]
    assert len(found("status=current")) == 4 and len(found("status=past")) == 4
    assert len(found(f"customer={people.globex.id}")) == 1
    assert len(found(f"product={stage.product.id}")) == 8 and found(f"product={NOBODY}") == []
    assert len(found(f"plan={every['items'][0]['plan']['id']}")) == 8 and found(f"plan={NOBODY}") == []
    assert len(found("search=globex")) == 1 and len(found("month=1999-01")) == 0
    month = every["items"][0]["requested_at"][:7]
    assert len(found(f"month={month}&status=&search=")) == 8, "an empty parameter was not given"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=１２", "limit"),
        ("limit=1e400", "limit"),
        ("month=2026-13", "month"),
        ("month=２０２６-10", "month"),
        ("product=x", "product"),
        ("cursor=zzz", "cursor"),
        ("cursor=" + "A" * 9000, "cursor"),
        ("search=%01", "search"),
        ("state=pending", "state"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(ask, stage, query, field):
    answer = ask("ada").get(f"/engagements?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_details_say_what_may_be_done(ask, stage):
    pending = stage.engagements[states.PENDING]
    told = ask("ada").get(f"/engagements/{pending.id}").json
    assert told["number"] == pending.number and told["actions"] == ["approve", "reject"]
    assert told["custom_parameters"] == [{"label": "Region", "value": "Prague"}]
    assert told["requested_at"].endswith("Z") and told["active_from"] is None
    assert ask("ben").get(f"/engagements/{pending.id}").json["actions"] == []
    assert ask("dot").get(f"/engagements/{pending.id}").json["actions"] == ["withdraw"]
    asked = stage.engagements[states.COMPLETION_REQUESTED]
    told = ask("ada").get(f"/engagements/{asked.id}").json
    assert told["completion_request"]["wish"] == "The work is done."
    assert told["actions"] == ["add-billing-entry", "mark-complete", "reject-completion"]


def test_who_may_read_what(ask, stage):
    path = f"/engagements/{stage.engagements[states.ACTIVE].id}"
    for below in ("", "/history", "/billing-entries"):
        assert ask("nobody").get(path + below).status_code == 401
        assert ask("ben").get(path + below).status_code == 200
        assert ask("cy").get(path + below).status_code == 404
        assert ask("dot").get(path + below).status_code == 200
        assert ask("eve").get(path + below).status_code == 404
    assert [item["name"] for item in ask("eve").get("/engagements").json["items"]] == [
        "Globex archive",
        "Watch of Globex",
    ]


def test_history_is_told_to_each_side_in_its_words(ask, stage):
    path = f"/engagements/{stage.engagements[states.COMPLETE].id}/history"
    partner, customer = ask("ada").get(path).json["items"], ask("dot").get(path).json["items"]
    assert [event["event"] for event in partner] == ["marked_complete", "request_approved", "engagement_created"]
    assert "mailed to" in partner[-1]["sentence"] and "mailed to" not in customer[-1]["sentence"]
    assert partner[0]["to_status"] == "complete" and "to_status" not in customer[0]
    assert len(ask("ada").get(f"{path}?limit=1").json["items"]) == 1


DECISIONS = [
    ("ada", states.PENDING, "approve", None, "active"),
    ("ada", states.PENDING, "reject", {"reason": "We are booked out."}, "rejected"),
    ("ada", states.ACTIVE, "mark-complete", {}, "complete"),
    ("ada", states.COMPLETION_REQUESTED, "mark-complete", {"note": "Thanks."}, "complete"),
    ("ada", states.COMPLETION_REQUESTED, "reject-completion", {"outcome": "delete", "reason": "No."}, "deleted"),
    ("ada", states.COMPLETION_REQUESTED, "reject-completion", {"outcome": "keep-active", "reason": "No."}, "active"),
    ("dot", states.PENDING, "withdraw", None, "withdrawn"),
    ("dot", states.ACTIVE, "request-completion", {"wish": "All done."}, "completion_requested"),
    ("dot", states.COMPLETION_REQUESTED, "withdraw-completion-request", {}, "active"),
    ("dot", states.COMPLETE, "delete-instance", {}, "complete"),
]


@pytest.mark.parametrize(("who", "state", "verb", "body", "after"), DECISIONS)
def test_each_verb(ask, stage, who, state, verb, body, after):
    path = f"/engagements/{stage.engagements[state].id}"
    other, foreign = ("dot", "cy") if who == "ada" else ("ada", "eve")
    assert ask("nobody").post(f"{path}/{verb}", body).status_code == 401
    assert ask(other).post(f"{path}/{verb}", body).status_code == 403
    assert ask(foreign).post(f"{path}/{verb}", body).status_code == 404
    if who == "ada":
        refused = ask("ben").post(f"{path}/{verb}", body)
        assert refused.status_code == 403 and refused.json["permission"].startswith("engagement:")
    answer = ask(who).post(f"{path}/{verb}", body)
    assert (answer.status_code, answer.json["status"]) == (200, after), answer.text
    again = ask(who).post(f"{path}/{verb}", body)
    assert again.status_code == 409
    assert again.json["type"].endswith(":already-done")


def test_a_key_does_it_once_and_answers_the_same(ask, stage):
    path = f"/engagements/{stage.engagements[states.PENDING].id}"
    first = ask("ada").post(f"{path}/approve", {}, once="k-1")
    again = ask("ada").post(f"{path}/approve", {}, once="k-1")
    assert (first.status_code, first.json) == (again.status_code, again.json)
    for other, body in ((f"{path}/approve", {"version": 1}), (f"{path}/mark-complete", {})):
        reused = ask("ada").post(other, body, once="k-1")
        assert reused.status_code == 409 and reused.json["type"].endswith(":key-reused")
    assert ask("cy").post(f"{path}/approve", {}, once="k-1").status_code == 404, "a key is its organisation's"
    assert ask("ada").post(f"{path}/approve", {}, once="ä").status_code == 422


def test_a_decision_upon_an_old_version_is_refused(ask, stage):
    engagement = stage.engagements[states.PENDING]
    path = f"/engagements/{engagement.id}/approve"
    assert ask("ada").post(path, {"version": engagement.version + 1}).status_code == 409
    assert ask("ada").post(path, {"version": engagement.version}).status_code == 200


def test_a_request_from_the_catalog_to_pending(ask, stage):
    dot = ask("dot")
    (service,) = list(dot.get("/catalog?search=rescue").json["items"])
    details = dot.get(f"/catalog/{service['id']}").json
    assert details["parameters"][0]["key"] == "region"
    assert details["plans"][0]["prices"][0]["price"]["bands"] == [{"up_to": None, "price": "150"}]
    body = {
        "product_id": service["id"],
        "plan_id": details["plans"][0]["id"],
        "name": "Archive 🗄",
        "contact_number": "+44 20 7946 0812",
        "parameters": {"region": "Prague"},
    }
    first, again = dot.post("/engagements", body, once="r-1"), dot.post("/engagements", body, once="r-1")
    assert first.status_code == again.status_code == 201 and first.json == again.json
    assert first.json["status"] == "pending" and first.json["name"] == "Archive 🗄"
    assert first.json["custom_parameters"] == [{"label": "Region", "value": "Prague"}]
    assert ask("ada").get(f"/engagements/{first.json['id']}").status_code == 200
    assert ask("ada").post("/engagements", body).status_code == 403
    wrong = dot.post("/engagements", {**body, "plan_id": NOBODY})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "plan")
    assert dot.post("/engagements", {**body, "product_id": NOBODY}).status_code == 404
    assert ask("dot").post("/engagements", {**body, "contact_number": "call me"}).status_code == 422
