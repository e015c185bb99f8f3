"""Every way of changing a product's listing by API: who may, whose it is, once only, and not past somebody else's change."""

from typing import Any

import pytest

from app.catalog import states
from tests.api.listing_stage import CHANGING, ENTRY, FILE, METRIC, PER_HOUR, UPLOADED, Listed

REGION = {"label": "Data location", "kind": "selection", "options": ["EU", "US"], "required": True}
PLAN = {"name": "Night shift", "code": "night", "description": "22:00 to 06:00"}
METRIC_HERE = "/plans/{plan_id}/metrics/{metric_id}"

#: (state, address below the product, body, answer, the same with another body or None where there is none)
WRITES: list[tuple[str, str, dict[str, Any], int, dict[str, Any] | None]] = [
    (states.DRAFT, "/catalog-entry", ENTRY, 200, {"name": "Another"}),
    (states.DRAFT, "/support", {"support": "Day and night."}, 200, {"support": "Never."}),
    (states.DRAFT, "/custom-parameters", REGION, 201, {"label": "Another"}),
    (states.DRAFT, "/custom-parameters/{parameter_id}", REGION, 200, {"label": "Another"}),
    (states.DRAFT, "/custom-parameters/{parameter_id}/move", {"direction": "up"}, 200, {"direction": "down"}),
    (states.DRAFT, "/custom-parameters/{parameter_id}/remove", {}, 200, {"version": 1}),
    (states.DRAFT, "/plans", PLAN, 201, {"name": "Another"}),
    (states.DRAFT, "/plans/{plan_id}", PLAN, 200, {"name": "Another"}),
    (states.DRAFT, "/plans/{plan_id}/remove", {}, 200, {"version": 1}),
    (states.DRAFT, "/plans/{plan_id}/metrics", METRIC, 201, {"name": "Another"}),
    (states.DRAFT, METRIC_HERE, METRIC, 200, {"name": "Another"}),
    (states.DRAFT, METRIC_HERE + "/remove", {}, 200, {"version": 1}),
    (states.PUBLISHED, "/plans/{plan_id}/change-prices", {}, 201, {"version": 1}),
    (CHANGING, METRIC_HERE + "/prices", {"price": PER_HOUR}, 200, {"version": 1}),
    (CHANGING, "/plans/{plan_id}/request-pricing", {}, 200, {"version": 1}),
    (CHANGING, "/plans/{plan_id}/discard-prices", {}, 200, {"version": 1}),
    (states.PRICING_APPROVED, "/evidence", FILE, 201, {"file_name": "another.png"}),
    (UPLOADED, "/evidence/{evidence_id}/remove", {}, 200, None),
    (states.DRAFT, "/request-pricing", {}, 200, {"version": 1}),
    (UPLOADED, "/submit-evidence", {}, 200, {"version": 1}),
    (states.EVIDENCE_APPROVED, "/request-publication", {}, 200, {"version": 1}),
    (states.PUBLISHED, "/withdraw", {}, 200, {"version": 1}),
    (states.DRAFT, "/tests", {"plan_id": "{plan_id}", "name": "Two tiers"}, 201, {"name": "Another"}),
]
NAMES = [f"{state}{path}" for state, path, *_ in WRITES]


def test_the_table_holds_every_write(app):
    below = {
        rule.rule.replace("<uuid:", "{").replace(">", "}").partition("{product_id}")[2]
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/products/<") and "POST" in (rule.methods or ())
    }
    assert below - {path for _state, path, *_ in WRITES} == {"/pricing/preview"}, "it writes nothing"


@pytest.mark.parametrize(("state", "below", "body", "status", "other"), WRITES, ids=NAMES)
def test_each_write(app, people, ask, state, below, body, status, other):
    stage = Listed.in_state(app, people, state)
    path = stage.path(below)
    body = {name: stage.ids["plan_id"] if name == "plan_id" else value for name, value in body.items()}
    before = stage.events(app)
    assert ask("nobody").post(path, body).status_code == 401
    missing = ask("ben").post(path, body)
    permission = "testing:run" if below == "/tests" else "product:edit"
    assert (missing.status_code, missing.json["permission"]) == (403, permission)
    assert ask("dot").post(path, body).status_code == 403
    assert ask("cy").post(path, body).status_code == 404, "another partner's, published or not"
    assert ask("ada").post(path, {**body, "surprise": 1}).status_code == 422
    if "version" in (other or {}):
        stale = ask("ada").post(path, {**body, "version": 10**6})
        assert (stale.status_code, stale.json["type"].rpartition(":")[2]) == (409, "already-done")
    assert stage.events(app) == before, "nothing was written"
    first = ask("ada").post(path, body, once="a-key-of-mine")
    assert first.status_code == status, first.text
    after = stage.events(app)
    assert after > before or below.endswith("/move")
    again = ask("ada").post(path, body, once="a-key-of-mine")
    assert (again.status_code, again.json) == (status, first.json)
    if other is not None:
        reused = ask("ada").post(path, {**body, **other}, once="a-key-of-mine")
        assert (reused.status_code, reused.json["type"].rpartition(":")[2]) == (409, "key-reused")
    assert stage.events(app) == after, "once"


@pytest.mark.parametrize(("state", "below", "body"), [write[:3] for write in WRITES if "_id}" in write[1]])
def test_parts_of_another_product_are_not_there(app, people, ask, state, below, body):
    """The own product's address with a part of somebody else's: the address does not exist."""
    stage = Listed.in_state(app, people, state)
    nobodys = "00000000-0000-7000-8000-000000000000"
    before = stage.events(app)
    for part in stage.ids:
        if part != "product_id" and f"{{{part}}}" in below:
            path = stage.path(below.replace(f"{{{part}}}", nobodys))
            assert ask("ada").post(path, body).status_code == 404, part
    assert stage.events(app) == before


def test_a_change_upon_an_old_version_changes_nothing(app, people, ask):
    stage = Listed.in_state(app, people, states.DRAFT)
    seen = ask("ada").get(stage.path("/catalog-entry")).json["version"]
    changed = ask("ada").post(stage.path("/support"), {"support": "Nights.", "version": seen})
    assert changed.status_code == 200 and changed.json["version"] > seen
    late = ask("ada").post(stage.path("/support"), {"support": "Days.", "version": seen})
    assert late.status_code == 409
    assert ask("ada").get(stage.path("/catalog-entry")).json["support"] == "Nights."
    assert ask("ada").post(stage.path("/support"), {"support": "Days."}).json["support"] == "Days."
