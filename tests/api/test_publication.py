"""The way into the catalog by API alone: asked for, sent back, asked for again, published, withdrawn."""

import pytest

from app.catalog import states
from tests.api.listing_stage import ENTRY, FILE, METRIC, UPLOADED, Listed
from tests.makers import make_programme
from tests.makers.listing import as_it_stands


def test_from_nothing_to_the_catalog(app, people, ask):
    with app.app_context():
        programme = make_programme("Managed services")
    ada = ask("ada")
    made = ada.post("/products", {"programme_id": str(programme.id), "name": "Log watch", "slug": "log-watch"}).json
    here = f"/products/{made['id']}"

    def checklist():
        told = ada.get(f"{here}/checklist").json
        return told["status"], told["ball"], told["actions"], [line["key"] for line in told["lines"] if line["done"]]

    assert checklist() == ("draft", "partner", ["request-pricing"], [])
    asked_early = ada.post(f"{here}/request-pricing")
    assert (asked_early.status_code, asked_early.json["errors"][0]["field"]) == (422, "listing")
    missing = ada.get(f"{here}/checklist").json["lines"][0]
    assert missing["ball"] == "partner" and "a summary" in missing["missing"]
    ada.post(f"{here}/catalog-entry", ENTRY)
    ada.post(f"{here}/support", {"support": "Day and night."})
    plan = ada.post(f"{here}/plans", {"name": "Standard", "code": "standard"}).json["id"]
    ada.post(f"{here}/plans/{plan}/metrics", METRIC)
    assert checklist()[3] == ["entry", "support", "pricing"]
    sent = ada.post(f"{here}/request-pricing").json
    assert (sent["status"], sent["ball"], sent["actions"]) == ("pricing_requested", "operator", [])
    assert ada.post(f"{here}/request-pricing").status_code == 409
    with app.app_context():
        stage = Listed(as_it_stands(_product(made["id"]))).named()
    stage.decide(app, people)
    without = ada.post(f"{here}/submit-evidence")
    assert (without.status_code, without.json["errors"][0]["field"]) == (422, "evidence")
    assert ada.post(f"{here}/request-publication").status_code == 409, "not yet"
    ada.post(f"{here}/evidence", FILE)
    assert ada.post(f"{here}/submit-evidence").json["status"] == "evidence_submitted"
    stage.decide(app, people)
    assert ada.post(f"{here}/request-publication").json["ball"] == "operator"
    assert ask("dot").get("/catalog").json["items"] == []
    stage.decide(app, people)
    told = ada.get(f"{here}/checklist").json
    assert (told["status"], told["ball"], told["tested"]) == ("published", "nobody", None)
    assert all(line["done"] for line in told["lines"])
    (shown,) = ask("dot").get("/catalog").json["items"]
    assert shown["id"] == made["id"]
    kinds = [(one["kind"], one["outcome"]) for one in ada.get(f"{here}/reviews").json["items"]]
    assert kinds == [("publication", "approved"), ("evidence", "approved"), ("pricing", "approved")]
    assert ada.post(f"{here}/withdraw").json["actions"] == ["request-publication"]
    assert ask("dot").get("/catalog").json["items"] == []
    events = ada.get(f"{here}/history").json["items"]
    assert events[0]["event"] == "product_withdrawn" and events[-1]["event"] == "product_created"
    assert events[0]["sentence"] == "Withdrawn from the catalog" and events[0]["to_status"] == "withdrawn"


def _product(product_id):
    from uuid import UUID

    from app.catalog.model import Product
    from app.foundation.tenancy import acting_for_all, one

    with acting_for_all("a test looks"):
        return one(Product, UUID(product_id))


@pytest.mark.parametrize(
    ("state", "verb", "back", "kind"),
    [
        (states.DRAFT, "request-pricing", states.DRAFT, "pricing"),
        (UPLOADED, "submit-evidence", states.PRICING_APPROVED, "evidence"),
        (states.EVIDENCE_APPROVED, "request-publication", states.EVIDENCE_APPROVED, "publication"),
        (states.WITHDRAWN, "request-publication", states.WITHDRAWN, "publication"),
    ],
)
def test_what_comes_back_says_why_and_is_sent_again(app, people, ask, state, verb, back, kind):
    stage = Listed.in_state(app, people, state)
    ada = ask("ada")
    assert ada.post(stage.path(f"/{verb}")).json["ball"] == "operator"
    stage.decide(app, people, reason="Not like this.")
    told = ada.get(stage.path("/checklist")).json
    assert (told["status"], told["actions"]) == (back, [verb])
    assert (told["feedback"]["kind"], told["feedback"]["reason"]) == (kind, "Not like this.")
    assert told["feedback"]["decided_by"] == "Olga Reyes"
    again = ada.post(stage.path(f"/{verb}")).json
    assert again["ball"] == "operator" and again["feedback"] is None


def test_who_may_read_how_it_stands(app, people, ask):
    stage = Listed.in_state(app, people, states.PUBLISHED)
    for below in ("/checklist", "/reviews", "/history", "/catalog-entry"):
        for person, status in (("ada", 200), ("ben", 403), ("dot", 403), ("cy", 404), ("nobody", 401)):
            assert ask(person).get(stage.path(below)).status_code == status, (below, person)


def test_lists_go_on_where_a_page_ends(app, people, ask):
    stage = Listed.in_state(app, people, states.PUBLISHED)
    for below, key in (("/reviews", "id"), ("/history", "sequence")):
        every = [one[key] for one in ask("ada").get(stage.path(below)).json["items"]]
        found, cursor = [], ""
        while cursor is not None:
            page = ask("ada").get(stage.path(f"{below}?limit=2&cursor={cursor}")).json
            found += [one[key] for one in page["items"]]
            cursor = page["next_cursor"]
        assert found == every and len(every) > 2
