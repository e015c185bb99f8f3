"""Products begun by API, their catalog entries and request forms."""

from decimal import Decimal

import pytest

from app.catalog import states
from tests.api.listing_stage import ENTRY, Listed
from tests.makers import make_programme

NOBODYS = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def programme(app, people):
    with app.app_context():
        return str(make_programme("Managed services", remuneration_percent=Decimal(75)).id)


@pytest.fixture
def draft(app, people):
    return Listed.in_state(app, people, states.DRAFT)


def test_a_product_begins_under_a_programme(ask, programme):
    ada = ask("ada")
    assert ask("ben").get("/programmes").status_code == ask("dot").get("/programmes").status_code == 403
    (offered,) = ada.get("/programmes").json["items"]
    assert offered == {
        "id": programme, "name": "Managed services", "currency": "USD", "remuneration": "revenue_share", "percent": "75",
    }  # fmt: skip
    body = {"programme_id": programme, "name": "Log  watch", "slug": "log-watch"}
    assert ask("ben").post("/products", body).status_code == ask("dot").post("/products", body).status_code == 403
    assert ask("nobody").post("/products", body).status_code == 401
    made = ada.post("/products", body, once="first")
    assert made.status_code == 201
    told = made.json
    assert (told["name"], told["slug"], told["status"], told["ball"]) == ("Log watch", "log-watch", "draft", "partner")
    assert told["programme"] == {"id": programme, "name": "Managed services"} and told["parameters"] == []
    assert ada.post("/products", body, once="first").json == told
    assert ada.post("/products", {**body, "slug": "other"}, once="first").status_code == 409
    assert [item["id"] for item in ada.get("/products").json["items"]] == [told["id"]]
    for stranger in ("cy", "ben"):
        expected = 404 if stranger == "cy" else 403
        assert ask(stranger).get(f"/products/{told['id']}/catalog-entry").status_code == expected


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"slug": "Log Watch"}, "slug"),
        ({"slug": "-x"}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"programme_id": NOBODYS}, "programme_id"),
        ({"programme_id": "１"}, "programme_id"),
        ({"state": "published"}, "state"),
    ],
)
def test_a_product_that_cannot_begin(ask, programme, wrong, field):
    taken = {"programme_id": programme, "name": "Taken", "slug": "taken"}
    assert ask("cy").post("/products", taken).status_code == 201
    answer = ask("ada").post("/products", {**taken, "name": "Mine", "slug": "mine", **wrong})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert ask("ada").get("/products").json["items"] == []


def test_the_entry_is_read_and_written(app, people, ask, draft):
    ada = ask("ada")
    answer = ada.post(draft.path("/catalog-entry"), ENTRY)
    assert answer.status_code == 200
    told = ada.get(draft.path("/catalog-entry")).json
    assert told == answer.json and {name: told[name] for name in ENTRY} == ENTRY
    assert told["edition"] == 1 and not told["locked"]


def test_the_entry_of_a_published_product_is_another_edition(app, people, ask):
    stage = Listed.in_state(app, people, states.PUBLISHED)
    before = ask("ada").get(stage.path("/catalog-entry")).json["edition"]
    assert ask("ada").post(stage.path("/catalog-entry"), ENTRY).json["edition"] == before + 1
    (shown,) = ask("dot").get("/catalog").json["items"]
    assert shown["summary"] == ENTRY["summary"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"request_email": "nobody"}, "request_email"),
        ({"request_email": "a@b@c"}, "request_email"),
        ({"summary": "x" * 201}, "summary"),
        ({"category": " "}, "category"),
        ({"description": None}, "description"),
        ({"description": "x" * 10_001}, "description"),
        ({"name": 7}, "name"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
    ],
)
def test_an_entry_that_cannot_be_kept(ask, draft, wrong, field):
    before = ask("ada").get(draft.path("/catalog-entry")).json
    answer = ask("ada").post(draft.path("/catalog-entry"), {**ENTRY, **wrong})
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])
    assert ask("ada").get(draft.path("/catalog-entry")).json == before


def test_while_it_is_read_for_publication_the_entry_stays(app, people, ask):
    stage = Listed.in_state(app, people, states.PUBLICATION_REQUESTED)
    assert ask("ada").get(stage.path("/catalog-entry")).json["locked"]
    for below, body in (("/catalog-entry", ENTRY), ("/support", {"support": "x"})):
        answer = ask("ada").post(stage.path(below), body)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "entry")


def test_the_request_form_is_written(ask, draft):
    ada = ask("ada")
    base = draft.path("/custom-parameters")
    added = ada.post(base, {"label": "Data location", "kind": "selection", "options": ["EU", " US "]}).json
    assert [one["label"] for one in added["parameters"]] == ["Region", "Data location"]
    location = added["parameters"][1]
    assert (location["key"], location["options"], location["required"]) == ("data-location", ["EU", "US"], False)
    moved = ada.post(f"{base}/{location['id']}/move", {"direction": "up"}).json
    assert [one["label"] for one in moved["parameters"]] == ["Data location", "Region"]
    changed = ada.post(f"{base}/{location['id']}", {"label": "Where", "kind": "checkbox", "required": True}).json
    assert changed["parameters"][0] == {
        "id": location["id"], "key": "data-location", "label": "Where", "kind": "checkbox", "options": [], "required": True,
    }  # fmt: skip
    left = ada.post(f"{base}/{location['id']}/remove").json
    assert [one["label"] for one in left["parameters"]] == ["Region"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label": "Region", "kind": "paragraph"}, "label"),
        ({"label": "Where", "kind": "selection"}, "options"),
        ({"label": "Where", "kind": "selection", "options": ["EU", "EU"]}, "options"),
        ({"label": "Where", "kind": "selection", "options": {"EU": 1}}, "options"),
        ({"label": "Where", "kind": "selection", "options": ["x"] * 51}, "options"),
        ({"label": "Where", "kind": "number"}, "kind"),
        ({"label": "Where", "kind": "checkbox", "required": "yes"}, "required"),
        ({"label": "Where", "kind": "checkbox", "required": 1}, "required"),
    ],
)
def test_a_parameter_that_cannot_be_asked(ask, draft, body, field):
    answer = ask("ada").post(draft.path("/custom-parameters"), body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert len(ask("ada").get(draft.path("/catalog-entry")).json["parameters"]) == 1
