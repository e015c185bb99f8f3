"""The specification and the reference page, for everybody, under the portal's strict policy."""

import json

from app.api.reference import sections_of
from tests.page import Page
from tests.people import sign_in


def test_the_specification_is_served_to_everybody(app):
    answer = app.test_client().get("/api/openapi.json")
    spec = answer.json
    assert answer.content_type == "application/json" and spec["openapi"].startswith("3.1")
    assert spec["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
    fixed = {
        "get": ["/engagements", "/engagements/{engagement_id}", "/billing-entries", "/products", "/charges"],
        "post": [
            "/engagements/{engagement_id}/approve", "/engagements/{engagement_id}/reject", "/engagements/{engagement_id}/mark-complete",
            "/engagements/{engagement_id}/reject-completion", "/engagements/{engagement_id}/billing-entries", "/billing-entries/batch",
        ],
    }  # fmt: skip
    for method, paths in fixed.items():
        for path in paths:
            assert method in spec["paths"][f"/api/v1{path}"], path
    problems = {
        content
        for item in spec["components"]["responses"].values()
        for content in item["content"]
    }  # fmt: skip
    assert problems == {"application/problem+json"}
    assert "flask" not in json.dumps(spec).lower()


def test_every_writing_operation_takes_an_idempotency_key(app):
    for path, item in app.test_client().get("/api/openapi.json").json["paths"].items():
        if "post" in item:
            named = {parameter["name"] for parameter in item["post"]["parameters"]}
            assert "Idempotency-Key" in named, path


def test_the_reference_names_every_operation(app, people):
    spec = app.test_client().get("/api/openapi.json").json
    for client in (app.test_client(), app.test_client()):
        page = Page(client.get("/api/docs"))
        page.check()
        for path in spec["paths"]:
            assert path in page.text
        assert "engagement:decide" in page.text and "Idempotency-Key" in page.text
        sign_in(client, people.ada.email)
    Page(client.get("/api/docs")).check()


def test_fields_are_listed_through_references_and_lists(app):
    sections = sections_of(app.test_client().get("/api/openapi.json").json)
    operations = {one.id: one for section in sections for one in section.operations}
    answered = {field.name: field.kind for field in operations["list-engagements"].answer}
    assert answered["items[].product.id"] == "id" and answered["next_cursor"] == "text or null"
    told = {field.name: field.kind for field in operations["get-billing-entry"].answer}
    assert told["amount"] == "money" and told["explanation.tiers[].unit_price"] == "text"
    assert operations["approve"].needs == [("partner", "engagement:decide")]
    assert [field.name for field in operations["add-billing-entry"].body] == ["metric", "month", "quantity", "notes"]
