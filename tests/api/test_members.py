"""Members, roles and the organisation's history by API: read by its admins, changed by nobody's key."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import viewing
from app.members import api_keys
from app.members.invitations import invite
from app.members.roles import PRICING_VIEWER
from tests.api.conftest import Ask
from tests.people import People

READS = ("/members", "/roles", "/permissions", "/organisation/history")


@pytest.fixture
def invited(app: Flask, people: People) -> str:
    by = people.viewer("ada")
    with app.app_context(), viewing(by):
        invitation_id = str(invite("new@northbridge.example", [PRICING_VIEWER], by=by).id)
        db.session.remove()
    return invitation_id


def test_who_belongs_and_who_is_invited(ask: Ask, invited: str) -> None:
    ada = ask("ada")
    rows = ada.get("/members").json["items"]
    new = rows[0]
    assert new["email"] == "new@northbridge.example" and len(rows) == 4
    assert (new["kind"], new["id"], new["status"], new["member_id"]) == ("invited", invited, "invited", None)
    assert new["roles"] == [PRICING_VIEWER] and new["invited_by"].startswith("Ada Marsh") and new["invitation_sent_at"]
    ben = next(row for row in rows if row["name"] == "Ben Novak")
    assert (ben["kind"], ben["status"], ben["roles"]) == ("member", "member", [PRICING_VIEWER])
    assert ada.get(f"/members/{ben['id']}").json == ben
    assert ada.get(f"/members/{invited}").status_code == 404
    assert [row["email"] for row in ada.get("/members?kind=invited").json["items"]] == ["new@northbridge.example"]
    assert [row["name"] for row in ada.get("/members?search=novak").json["items"]] == ["Ben Novak"]
    first = ada.get("/members?limit=3").json
    assert len(first["items"]) == 3 and len(ada.get(f"/members?cursor={first['next_cursor']}").json["items"]) == 1
    assert ada.get("/members?cursor=zzz").status_code == 422 and ada.get("/members?kind=x").status_code == 422


def test_an_invitation_that_was_not_answered_in_time(ask: Ask, invited: str) -> None:
    ada = ask("ada")
    with time_machine.travel(clock.now() + timedelta(days=8), tick=False):
        assert ada.get("/members?kind=invited").json["items"][0]["status"] == "expired"


def test_who_may_read_it(ask: Ask, people: People, invited: str) -> None:
    one = f"/members/{people.memberships['ben'].id}"
    for path in (*READS, one):
        assert ask("nobody").get(path).status_code == 401
        refused = ask("ben").get(path)
        assert (refused.status_code, refused.json["permission"]) == (403, "member:view")
        assert ask("ada").get(path).status_code == 200
    for person in ("cy", "dot"):
        assert ask(person).get(one).status_code == 404
        seen = "".join(ask(person).get(path).text for path in READS)
        assert "northbridge.example" not in seen and "Novak" not in seen


def test_roles_and_what_they_allow(ask: Ask) -> None:
    partner, customer = ask("ada").get("/roles").json["items"], ask("dot").get("/roles").json["items"]
    assert {role["key"] for role in partner} & {role["key"] for role in customer} == set()
    allowed = {one["name"]: one["roles"] for one in ask("ada").get("/permissions").json["items"]}
    assert len(allowed["billing-entry:submit"]) == 3 and allowed["engagement:view"] == []
    assert "rating-queue:decide" not in allowed


def test_the_organisations_history(ask: Ask, invited: str) -> None:
    events = ask("ada").get("/organisation/history").json["items"]
    told = next(one for one in events if one["event"] == "invitation_sent")
    assert "new@northbridge.example" in told["sentence"] and told["by"].startswith("Ada Marsh")
    assert [one["sequence"] for one in events] == sorted((one["sequence"] for one in events), reverse=True)


def test_no_key_says_who_belongs(app: Flask) -> None:
    """A key neither outlives nor exceeds its membership; an account made with one would do both."""
    assert not {"member:manage", "organisation:secure", "api-key:manage", "webhook:manage"} & {
        name for names in api_keys.OFFERED.values() for name in names
    }
    written = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and "POST" in (rule.methods or ())
    ]
    assert not [rule for rule in written if "member" in rule or "invitation" in rule or "role" in rule]
