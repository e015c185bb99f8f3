"""Corrections by API: both lines before anything is sent, a second person's decision, and what a customer reads of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.billing.model import BillingEntry
from app.catalog.model import Programme
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, viewing
from app.members import api_keys
from tests.api.conftest import Ask, Caller
from tests.makers import correct, freeze_month, make_engagement, make_entry, make_product, make_programme
from tests.people import People
from tests.screens.billing_stage import OCTOBER, at, rate_now, set_stage, utc
from tests.screens.engagement_stage import statements

#: October is frozen since the 3rd
TODAY = utc(2026, 11, 20, 9)
NOBODY = "00000000-0000-7000-8000-000000000000"
NOON = {"quantity": "30", "reason": "The drill ended at noon."}


@dataclass
class Scene:
    engagement: Any
    #: 38.25 h, the third rated entry of October
    drill: BillingEntry

    @property
    def path(self) -> str:
        return f"/billing-entries/{self.drill.id}"


@pytest.fixture
def today() -> Iterator[None]:
    with at(TODAY):
        yield


@pytest.fixture
def scene(app: Flask, people: People, today: None) -> Scene:
    stage = set_stage(app, people)
    rate_now(app, stage.night)
    with app.app_context():
        freeze_month(OCTOBER)
        db.session.remove()
    return Scene(stage.engagement, stage.drill)


def test_both_lines_are_seen_before_anything_is_asked_for(ask: Ask, scene: Scene) -> None:
    told = ask("ada").get(f"{scene.path}/correction-preview?quantity=30")
    assert told.status_code == 200, told.text
    seen = told.json
    assert [(line["kind"], line["quantity"], line["amount"]["amount"]) for line in seen["lines"]] == [
        ("reversal", "-38.25", "-5707.34"), ("rebill", "30", "4485.31"),
    ]  # fmt: skip
    assert seen["difference"] == {"amount": "-1222.03", "currency": "USD"} and not seen["operator_decides"]
    assert (seen["month"], seen["booked_month"]) == ("2026-10", "2026-11")
    assert seen["entry"] == {"id": str(scene.drill.id), "number": scene.drill.number, "quantity": "38.25"}
    assert len(ask("ada").get(f"{scene.path}/correction-preview?quantity=0").json["lines"]) == 1
    assert ask("ada").get("/corrections").json["items"] == []
    assert ask("ada").get(scene.path).json["explanation"]["links"] == [], "nothing corrects it yet"


@pytest.mark.parametrize("said", ["", "38.25", "0.1", "-3", "1e400", "NaN", "３０", "99999999999"])
def test_a_quantity_that_cannot_be_is_refused(ask: Ask, scene: Scene, said: str) -> None:
    refused = ask("ada").get(f"{scene.path}/correction-preview?quantity={said}")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "quantity")
    refused = ask("ada").post(f"{scene.path}/corrections", {**NOON, "quantity": said})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "quantity")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**NOON, "reason": ""}, "reason"),
        ({**NOON, "reason": "  "}, "reason"),
        ({**NOON, "reason": "x" * 501}, "reason"),
        ({**NOON, "reason": "\u0000"}, "reason"),
        ({"quantity": "30"}, "reason"),
        ({**NOON, "quantity": 30}, "quantity"),
        ({**NOON, "shown": "-1.00 USD 1.00 USD 2026-11"}, "correction"),
        ({**NOON, "amount": "1"}, "amount"),
    ],
)
def test_what_cannot_be_asked_for(ask: Ask, scene: Scene, body: dict[str, Any], field: str) -> None:
    refused = ask("ada").post(f"{scene.path}/corrections", body)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field)
    assert ask("ada").get("/corrections").json["items"] == []


def test_from_asking_to_booking(ask: Ask, scene: Scene) -> None:
    ada, abe = ask("ada"), ask("abe")
    shown = ada.get(f"{scene.path}/correction-preview?quantity=30").json["shown"]
    made, again = (ada.post(f"{scene.path}/corrections", {**NOON, "shown": shown}, once="c-1") for _ in range(2))
    assert made.status_code == again.status_code == 201 and made.json == again.json, made.text
    told = made.json
    assert (told["status"], told["asked_by"], told["actions"]) == ("requested", "Ada Marsh", ["withdraw"])
    assert "somebody else" in told["cannot_approve"] and told["cannot_be_booked"] is None
    assert told["difference"]["amount"] == "-1222.03" and told["outlook"]["shown"] == shown
    path = f"/corrections/{told['id']}"
    entry = ada.get(scene.path).json
    assert entry["correction"] == {"id": told["id"], "number": told["number"], "status": "requested"}
    assert entry["actions"] == []
    refused = ada.post(f"{path}/approve", {})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "correction")
    seen = abe.get(path).json
    assert seen["actions"] == ["approve", "reject"] and seen["cannot_approve"] is None
    approved = abe.post(f"{path}/approve", {"shown": seen["outlook"]["shown"]}, once="c-2")
    assert (approved.status_code, approved.json["status"]) == (200, "approved"), approved.text
    assert approved.json == abe.post(f"{path}/approve", {"shown": seen["outlook"]["shown"]}, once="c-2").json
    assert approved.json["decided_by"].startswith("Abe Adeyemi") and approved.json["outlook"] is None
    booked = {row["kind"]: row for row in approved.json["booked"]}
    assert {kind: row["amount"]["amount"] for kind, row in booked.items()} == {
        "reversal": "-5707.34", "rebill": "4485.31",
    }  # fmt: skip
    late = ask("abe").post(f"{path}/reject", {"reason": "Too late."})
    assert late.status_code == 409 and late.json["state"] == "approved"
    explained_to_both(ask, scene, booked, told["number"])


def explained_to_both(ask: Ask, scene: Scene, booked: dict[str, Any], number: str) -> None:
    """Each row leads to the others; the customer reads gross, and neither reason nor number of the correction."""
    back = ask("ada").get(f"/billing-entries/{booked['reversal']['id']}").json
    assert back["quantity"] == "-38.25" and back["booked_month"] == "2026-11" and back["month"] == "2026-10"
    assert back["corrects"] == {"id": str(scene.drill.id), "number": scene.drill.number}
    assert {link["relation"] for link in back["explanation"]["links"]} == {"corrected", "sister"}
    assert back["correction"]["number"] == number and back["explanation"]["amount"]["amount"] == "-5707.34"
    first = ask("ada").get(scene.path).json
    assert {link["relation"] for link in first["explanation"]["links"]} == {"taken-back-by", "billed-anew-as"}
    assert first["actions"] == []
    assert "correct" in ask("ada").get(f"/billing-entries/{booked['rebill']['id']}").json["actions"]
    own = ask("dot").get(f"/billing-entries/{booked['rebill']['id']}")
    assert own.json["charge"]["gross"]["amount"] == "4485.31" and own.json["actions"] == []
    listed = ask("dot").get("/billing-entries")
    assert {one["kind"] for one in listed.json["items"]} == {"entry", "reversal", "rebill"}
    for text in (own.text, listed.text, ask("dot").get(f"/billing-entries/{booked['reversal']['id']}/history").text):
        assert "noon" not in text and number not in text
    told = [
        event["event"] for event in ask("ada").get(f"/billing-entries/{booked['reversal']['id']}/history").json["items"]
    ]
    assert told == ["billing_reversed"]


def test_a_second_persons_no_and_a_second_thought(ask: Ask, scene: Scene) -> None:
    made = ask("ada").post(f"{scene.path}/corrections", NOON).json
    path = f"/corrections/{made['id']}"
    own = ask("ada").post(f"{path}/reject", {"reason": "Mine."})
    assert (own.status_code, own.json["errors"][0]["field"]) == (422, "correction")
    assert ask("abe").post(f"{path}/withdraw", {}).status_code == 422, "only who asked takes it back"
    assert ask("abe").post(f"{path}/reject", {}).status_code == 422
    told = ask("abe").post(f"{path}/reject", {"reason": "The log says 38.25."}).json
    assert (told["status"], told["decision_reason"], told["booked"]) == ("rejected", "The log says 38.25.", [])
    again = ask("ada").post(f"{scene.path}/corrections", NOON).json
    second = ask("ada").post(f"{scene.path}/corrections", NOON)
    assert (second.status_code, second.json["errors"][0]["field"]) == (422, "entry"), "one waits an entry"
    assert ask("ada").post(f"/corrections/{again['id']}/withdraw").json["status"] == "withdrawn"


def test_who_may_do_what(ask: Ask, scene: Scene) -> None:
    made = ask("ada").post(f"{scene.path}/corrections", NOON).json
    path = f"/corrections/{made['id']}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"{scene.path}/correction-preview?quantity=1", None),
        ("POST", f"{scene.path}/corrections", NOON),
        ("POST", f"{path}/approve", {}),
        ("POST", f"{path}/reject", {"reason": "No."}),
        ("POST", f"{path}/withdraw", {}),
    ]
    for method, address, body in [*calls, ("GET", path, None)]:
        for person, status in (("nobody", 401), ("cy", 404), ("dot", 403)):
            caller = ask(person)
            answer = caller.get(address) if method == "GET" else caller.post(address, body)
            assert answer.status_code == status, (person, address)
    for method, address, body in calls:
        refused = ask("ben").get(address) if method == "GET" else ask("ben").post(address, body)
        assert refused.status_code == 403 and refused.json["permission"].startswith("correction:")
    assert ask("ben").get(path).json["actions"] == [] and ask("ben").get("/corrections").status_code == 200
    assert ask("cy").get("/corrections").json["items"] == [] and ask("dot").get("/corrections").status_code == 403
    assert ask("ada").get(f"/corrections/{NOBODY}").status_code == 404


def test_nobody_asks_for_or_approves_amounts_that_they_may_not_see(
    app: Flask, people: People, ask: Ask, scene: Scene
) -> None:
    made = ask("ada").post(f"{scene.path}/corrections", NOON).json
    abe = people.viewer("abe")
    with app.app_context(), viewing(abe):
        _row, whole = api_keys.make("Blind", ["correction:request", "correction:decide"], expires_in_days=9, by=abe)
        db.session.remove()
    blind = Caller(app, whole)
    for answer in (
        blind.get(f"{scene.path}/correction-preview?quantity=1"),
        blind.post(f"{scene.path}/corrections", NOON),
        blind.post(f"/corrections/{made['id']}/approve", {}),
        blind.post(f"/corrections/{made['id']}/reject", {"reason": "No."}),
    ):
        assert (answer.status_code, answer.json["permission"]) == (403, "billing-entry:view")
    assert ask("ada").get(f"/corrections/{made['id']}").json["status"] == "requested"


def test_a_large_one_is_the_operators(app: Flask, ask: Ask, scene: Scene) -> None:
    with app.app_context(), acting_for_all("a test's threshold"), transaction() as session:
        session.execute(update(Programme).values(review_threshold_minor=100_000))
    assert ask("ada").get(f"{scene.path}/correction-preview?quantity=30").json["operator_decides"]
    made = ask("ada").post(f"{scene.path}/corrections", NOON).json
    told = ask("abe").get(f"/corrections/{made['id']}").json
    assert told["actions"] == ["reject"] and "the operator decides it" in told["cannot_approve"]
    refused = ask("abe").post(f"/corrections/{made['id']}/approve", {})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "correction")


def test_what_has_changed_meanwhile_is_asked_about_again(ask: Ask, scene: Scene) -> None:
    made = ask("ada").post(f"{scene.path}/corrections", NOON).json
    path = f"/corrections/{made['id']}"
    with at(TODAY + timedelta(days=20)):  # weeks later it falls into another month
        told = ask("abe").get(path).json
        assert (told["booked_month"], told["outlook"]["booked_month"]) == ("2026-11", "2026-12")
        refused = ask("abe").post(f"{path}/approve", {})
        assert refused.status_code == 422 and "changed meanwhile" in refused.json["detail"]
        approved = ask("abe").post(f"{path}/approve", {"shown": told["outlook"]["shown"]})
        assert (approved.status_code, approved.json["booked_month"]) == (200, "2026-12")


def test_an_open_month_has_nothing_to_correct(app: Flask, people: People, ask: Ask) -> None:
    with at():
        stage = set_stage(app, people)
        path = f"/billing-entries/{stage.drill.id}"
        for answer in (
            ask("ada").get(f"{path}/correction-preview?quantity=30"),
            ask("ada").post(f"{path}/corrections", NOON),
        ):
            assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "entry")
        assert ask("ada").get(path).json["actions"] == []
        assert ask("ada").get(f"/billing-entries/{stage.night.id}").json["actions"] == ["withdraw"]
        assert ask("ben").get(f"/billing-entries/{stage.night.id}").json["actions"] == []


def test_the_list_is_filtered_and_paged_in_few_statements(app: Flask, ask: Ask, scene: Scene) -> None:
    ada = ask("ada")
    ada.post(f"{scene.path}/corrections", NOON)
    found = ada.get("/billing-entries?search=On-call").json["items"]
    ada.post(f"/billing-entries/{found[0]['id']}/corrections", {**NOON, "quantity": "1"})
    every = [one["id"] for one in ada.get("/corrections").json["items"]]
    first = ada.get("/corrections?limit=1").json
    rest = ada.get(f"/corrections?limit=1&cursor={first['next_cursor']}").json
    assert [first["items"][0]["id"], rest["items"][0]["id"]] == every and rest["next_cursor"] is None
    for query, number in (
        (f"entry={scene.drill.id}", 1), (f"engagement={scene.engagement.id}", 2), (f"engagement={NOBODY}", 0),
        ("status=requested", 2), ("status=approved", 0), ("month=2026-10", 2), ("month=2026-11", 0),
    ):  # fmt: skip
        assert len(ada.get(f"/corrections?{query}").json["items"]) == number, query
    assert ada.get("/corrections?status=done").status_code == 422
    assert ada.get("/corrections?cursor=zzz").status_code == 422
    with statements(app) as seen:
        ada.get("/corrections")
    assert len([one for one in seen if "correction" in one]) == 1


def test_a_strict_programmes_corrections_take_all_three(app: Flask, people: People, ask: Ask, today: None) -> None:
    with app.app_context():
        strict = make_programme("Strict", viewing_takes_all_three=True)
        engagement = make_engagement(
            make_product(strict, people.northbridge, name="Strict care"), people.acme, at=utc(2026, 9, 1)
        )
        entry = make_entry(engagement, "3", at=utc(2026, 10, 9), month=OCTOBER, rated=True)
        freeze_month(OCTOBER)
        db.session.remove()
    made = ask("ada").post(f"/billing-entries/{entry.id}/corrections", NOON)
    assert made.status_code == 201, made.text
    assert len(ask("ada").get("/corrections").json["items"]) == 1 and ask("ben").get("/corrections").json["items"] == []
    refused = ask("ben").get(f"/corrections/{made.json['id']}")
    assert (refused.status_code, refused.json["permission"]) == (403, "billing-entry:view-with-all-three")


def test_no_net_figure_of_a_correction_reaches_a_customer(app: Flask, people: People, ask: Ask, today: None) -> None:
    """456.47 net is taken back and 246.74 billed anew: the customer reads 535.44 and 289.43, and no reason."""
    with app.app_context():
        net = make_programme("Marketplace", remuneration="net_plus_mark_up", remuneration_percent=Decimal("17.3"))
        product = make_product(net, people.northbridge, name="Net service", bands=[(None, "123.37")])
        engagement = make_engagement(product, people.acme, at=utc(2026, 9, 1))
        entry = make_entry(engagement, "3.7", month=OCTOBER, at=utc(2026, 10, 9), rated=True)
        freeze_month(OCTOBER)
        correct(entry, "2")
        db.session.remove()
    dot, here = ask("dot"), f"/engagements/{engagement.id}"
    seen = [
        dot.get(path).text
        for path in ("/charges", "/charges/months", "/billing-entries", f"{here}/months", f"{here}/history")
    ]
    rows = dot.get("/billing-entries").json["items"]
    seen += [dot.get(f"/billing-entries/{row['id']}{below}").text for row in rows for below in ("", "/history")]
    whole = re.sub(r"\d{4}-\d\d-\d\dT[^\"]*", "", "".join(seen))
    assert len(rows) == 3 and all(figure in whole for figure in ("535.44", "-535.44", "289.43"))
    assert not [
        said for said in ("123.37", "456.47", "246.74", "209.73", "17.3", "Minutes", "COR-", '"due"') if said in whole
    ]
    assert "246.74" in ask("ada").get("/billing-entries").text
