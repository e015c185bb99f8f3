"""Inbox and notices by API: what waits for the key's member, decided one by one or in one go, passed on; what was told."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.engagements import states
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, viewing
from app.members import api_keys
from app.notices import portal
from app.notices.model import PortalNotice
from tests.api.conftest import Ask, Caller
from tests.makers import ask_correction, freeze_month, make_engagement, make_entry, make_product, make_programme
from tests.people import People

LAST = BillingMonth.at(clock.now()).previous
NOBODY = "00000000-0000-7000-8000-000000000000"


@dataclass
class Scene:
    pending: Any
    asked: Any
    correction: Any
    foreign: Any


@pytest.fixture
def scene(app: Flask, people: People) -> Scene:
    with app.app_context():
        programme = make_programme()
        product = make_product(programme, people.northbridge)
        pending = make_engagement(product, people.acme, state=states.PENDING, name="New")
        asked = make_engagement(product, people.acme, state=states.COMPLETION_REQUESTED, name="Done")
        entry = make_entry(asked, "4", month=LAST, at=LAST.starts_at.replace(day=20), rated=True)
        freeze_month(LAST)
        correction = ask_correction(entry, "2", by=people.viewer("ada"))
        foreign = make_engagement(
            make_product(programme, people.contrail, name="Cloud watch"), people.globex, state=states.PENDING
        )
        db.session.remove()
    return Scene(pending, asked, correction, foreign)


def kinds(caller: Caller, query: str = "") -> list[str]:
    return [line["kind"] for line in caller.get(f"/inbox{query}").json["items"]]


def key_with(app: Flask, people: People, person: str, *permissions: str) -> Caller:
    by = people.viewer(person)
    with app.app_context(), viewing(by):
        _row, whole = api_keys.make("Narrow", permissions, expires_in_days=9, by=by)
        db.session.remove()
    return Caller(app, whole)


def test_what_waits_for_whom(ask: Ask, scene: Scene) -> None:
    lines = ask("abe").get("/inbox").json["items"]
    assert {line["kind"]: line["id"] for line in lines} == {
        "engagement-request": str(scene.pending.id), "completion-request": str(scene.asked.id), "correction": str(scene.correction.id),
    }  # fmt: skip
    by_kind = {line["kind"]: line for line in lines}
    assert by_kind["correction"]["value"] == {"amount": "-300.00", "currency": "USD"}
    assert by_kind["engagement-request"]["value"] is None and by_kind["engagement-request"]["overdue"]
    assert "Active" in by_kind["engagement-request"]["approved"] and all(line["decided_here"] for line in lines)
    assert "correction" not in kinds(ask("ada")), "never one's own"
    assert kinds(ask("ben")) == kinds(ask("dot")) == [] and kinds(ask("cy")) == ["engagement-request"]
    assert ask("nobody").get("/inbox").status_code == 401


def test_it_is_filtered_and_paged(ask: Ask, scene: Scene) -> None:
    abe = ask("abe")
    every = [line["id"] for line in abe.get("/inbox").json["items"]]
    pages, cursor = [], ""
    while cursor is not None:
        page = abe.get(f"/inbox?limit=1&cursor={cursor}").json
        pages += [line["id"] for line in page["items"]]
        cursor = page["next_cursor"]
    assert pages == every and len(every) == 3
    assert kinds(abe, "?kind=correction") == ["correction"] and kinds(abe, "?kind=no-such") == []
    assert "correction" not in kinds(abe, "?age=overdue") and kinds(abe, "?passed=by-me") == []
    for query in ("cursor=zzz", "cursor=MjAyNi0xMS0yNSB4", "age=old", "passed=on", "limit=0", "kind=" + "x" * 41):
        assert abe.get(f"/inbox?{query}").status_code == 422, query


def ticked(caller: Caller, *wanted: str) -> list[dict[str, Any]]:
    lines = caller.get("/inbox").json["items"]
    return [{name: line[name] for name in ("kind", "id", "value")} for line in lines if line["kind"] in wanted]


def test_many_are_decided_in_one_go(ask: Ask, scene: Scene) -> None:
    abe = ask("abe")
    rows = ticked(abe, "engagement-request", "completion-request", "correction")
    rows.append({"kind": "engagement-request", "id": str(scene.foreign.id), "value": None})
    told = abe.post("/inbox/decide", {"verb": "approve", "lines": rows}, once="d-1")
    assert told.status_code == 200, told.text
    assert {result["id"]: result["result"] for result in told.json["results"]} == {
        str(scene.pending.id): "done", str(scene.asked.id): "done", str(scene.correction.id): "done", str(scene.foreign.id): "gone",
    }  # fmt: skip
    assert told.json == abe.post("/inbox/decide", {"verb": "approve", "lines": rows}, once="d-1").json
    assert told.json == abe.get(f"/inbox/decisions/{told.json['id']}").json
    assert abe.post("/inbox/decide", {"verb": "approve", "lines": rows[:1]}, once="d-1").status_code == 409
    again = abe.post("/inbox/decide", {"verb": "approve", "lines": rows}).json
    assert {result["result"] for result in again["results"]} == {"gone"} and again["results"][0]["message"]
    assert abe.get(f"/engagements/{scene.pending.id}").json["status"] == "active"
    assert abe.get(f"/corrections/{scene.correction.id}").json["status"] == "approved"
    assert ask("cy").get(f"/engagements/{scene.foreign.id}").json["status"] == "pending"
    for person in ("ada", "cy"):
        assert ask(person).get(f"/inbox/decisions/{told.json['id']}").status_code == 404, "one's own only"


def test_one_reason_for_every_no(ask: Ask, scene: Scene) -> None:
    abe = ask("abe")
    rows = ticked(abe, "engagement-request", "completion-request")
    refused = abe.post("/inbox/decide", {"verb": "reject", "lines": rows})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "reason")
    told = abe.post("/inbox/decide", {"verb": "reject", "reason": "We are booked out.", "lines": rows}).json
    assert {result["result"] for result in told["results"]} == {"done"} and told["reason"] == "We are booked out."
    assert abe.get(f"/engagements/{scene.pending.id}").json["reason"] == "We are booked out."
    assert abe.get(f"/engagements/{scene.asked.id}").json["status"] == "active", "the no that harms nobody"


def test_a_yes_is_to_the_amount_that_was_seen(ask: Ask, scene: Scene) -> None:
    abe = ask("abe")
    (row,) = ticked(abe, "correction")
    for value in (None, {"amount": "-299.99", "currency": "USD"}):
        told = abe.post("/inbox/decide", {"verb": "approve", "lines": [{**row, "value": value}]}).json
        assert (told["results"][0]["result"], "amount" in told["results"][0]["message"]) == ("refused", True)
    assert abe.get(f"/corrections/{scene.correction.id}").json["status"] == "requested"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verb": "approve", "lines": []}, "lines"),
        ({"verb": "delete", "lines": [{"kind": "correction", "id": NOBODY}]}, "verb"),
        ({"verb": "approve", "lines": [{"kind": "no-such", "id": NOBODY}]}, "lines"),
        ({"verb": "approve", "lines": [{"kind": "correction", "id": "x"}]}, "lines.0.id"),
        ({"verb": "approve", "lines": [{"kind": "correction", "id": NOBODY}] * 201}, "lines"),
        ({"verb": "approve", "lines": [{"kind": "\u0000", "id": NOBODY}]}, "lines.0.kind"),
        (
            {"verb": "approve", "lines": [{"kind": "correction", "id": NOBODY, "value": {"amount": "NaN", "currency": "USD"}}]},
            "lines.0.value.amount",
        ),
        ({"verb": "reject", "reason": "x" * 501, "lines": [{"kind": "correction", "id": NOBODY}]}, "reason"),
    ],
)  # fmt: skip
def test_hostile_decisions_are_named(ask: Ask, scene: Scene, body: dict[str, Any], field: str) -> None:
    refused = ask("abe").post("/inbox/decide", body)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field)


def test_a_key_decides_what_its_own_permissions_allow(app: Flask, people: People, scene: Scene) -> None:
    """The member may decide everything; a key that may only look is shown nothing, and decides nothing."""
    looks = key_with(app, people, "abe", "inbox:view")
    assert kinds(looks) == []
    row = {"kind": "engagement-request", "id": str(scene.pending.id)}
    assert looks.post("/inbox/decide", {"verb": "approve", "lines": [row]}).json["results"][0]["result"] == "gone"
    narrow = key_with(app, people, "abe", "inbox:view", "engagement:decide", "correction:decide")
    assert set(kinds(narrow)) == {"engagement-request", "correction"}
    assert all(line["value"] is None for line in narrow.get("/inbox").json["items"]), (
        "amounts are for those who may view them"
    )
    correction = {"kind": "correction", "id": str(scene.correction.id)}
    assert (
        narrow.post("/inbox/decide", {"verb": "approve", "lines": [correction]}).json["results"][0]["result"]
        == "refused"
    )
    assert narrow.post("/inbox/decide", {"verb": "approve", "lines": [row]}).json["results"][0]["result"] == "done"
    without = key_with(app, people, "abe", "engagement:decide")
    refused = without.get("/inbox")
    assert (refused.status_code, refused.json["permission"]) == (403, "inbox:view")


def test_a_line_is_passed_to_a_colleague(ask: Ask, people: People, scene: Scene) -> None:
    path = f"/inbox/engagement-request/{scene.pending.id}"
    assert ask("ada").get(f"{path}/colleagues").json["items"] == [{"id": str(people.abe.id), "name": "Abe Adeyemi"}]
    body = {"to": str(people.abe.id), "note": "Your client."}
    told, again = (ask("ada").post(f"{path}/delegate", body, once="p-1") for _ in range(2))
    assert told.status_code == 200 and told.json == again.json
    assert (told.json["to"]["name"], told.json["note"]) == ("Abe Adeyemi", "Your client.")
    assert kinds(ask("abe"), "?passed=to-me") == kinds(ask("ada"), "?passed=by-me") == ["engagement-request"]
    (line,) = ask("abe").get("/inbox?passed=to-me").json["items"]
    assert line["passed_on"]["sender"]["name"] == "Ada Marsh" and line["passed_on"]["note"] == "Your client."
    for to in (people.ben.id, people.cy.id, people.ada.id):
        refused = ask("ada").post(f"{path}/delegate", {"to": str(to)})
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "to")
    for person in ("cy", "ben", "dot"):
        assert ask(person).post(f"{path}/delegate", body).status_code == 404
        assert ask(person).get(f"{path}/colleagues").status_code == 404
    assert ask("ada").get(f"/inbox/no-such/{scene.pending.id}/colleagues").status_code == 404
    assert ask("ada").post(f"/inbox/correction/{scene.correction.id}/delegate", body).status_code == 404, "one's own"


def shown(app: Flask) -> None:
    with app.app_context():
        portal.show_due()
        db.session.remove()


def test_notices_are_listed_and_read(app: Flask, ask: Ask, people: People, scene: Scene) -> None:
    with app.app_context():
        other = make_product(make_programme("Other"), people.northbridge, name="Other")
        make_engagement(other, people.acme, state=states.COMPLETION_REQUESTED)
        db.session.remove()
    shown(app)
    ada = ask("ada")
    first = ada.get("/notices").json
    assert len(first["items"]) > 1 and all(one["text"] and one["read_at"] is None for one in first["items"])
    assert [one["at"] for one in first["items"]] == sorted((one["at"] for one in first["items"]), reverse=True)
    assert len(ada.get("/notices?limit=1").json["items"]) == 1
    assert {one["type"] for one in ada.get(f"/notices?type={first['items'][0]['type']}").json["items"]} == {
        first["items"][0]["type"]
    }  # fmt: skip
    path = f"/notices/{first['items'][0]['id']}/read"
    for person, status in (("nobody", 401), ("abe", 404), ("cy", 404), ("dot", 404)):
        assert ask(person).post(path).status_code == status
    told = ada.post(path, once="n-1")
    assert told.status_code == 200 and told.json["read_at"] and told.json == ada.post(path, once="n-1").json
    assert len(ada.get("/notices?status=unread").json["items"]) == len(first["items"]) - 1
    ids = [one["id"] for one in first["items"][:2]]
    assert ask("abe").post("/notices/read", {"ids": ids}).json == {"marked": 0}, "one's own only"
    assert ada.post("/notices/read", {"ids": ids}, once="n-2").json == {"marked": 1}
    assert ada.post("/notices/read", {"ids": ids}, once="n-2").json == {"marked": 1}, "word for word"
    ada.post("/notices/read")
    assert ada.get("/notices?status=unread").json["items"] == []


def test_what_concerns_the_account_stays_with_the_person(app: Flask, ask: Ask, people: People, scene: Scene) -> None:
    shown(app)
    with app.app_context(), acting_for_all("a test's notice"), transaction() as session:
        kept = session.query(PortalNotice).filter_by(member_id=people.ada.id).first()
        kept.organisation_id, kept_id = None, kept.id
    ada = ask("ada")
    assert str(kept_id) not in {one["id"] for one in ada.get("/notices").json["items"]}
    assert ada.post(f"/notices/{kept_id}/read").status_code == 404
    ada.post("/notices/read")
    with app.app_context(), acting_for_all("a test looks"):
        assert db.session.query(PortalNotice).filter_by(id=kept_id).one().read_at is None
        db.session.remove()
