"""Requesting an engagement: the fields every request has, the service's own parameters, once."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.members.roles import CUSTOMER_ADMIN
from tests.makers import make_product, make_programme
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX

PATH = "/catalog/data-rescue/request"
PARAMETERS: list[dict[str, Any]] = [
    {"key": "region", "label": "Region", "kind": "selection", "options": ["Prague", "Frankfurt"], "required": True},
    {"key": "size-tb", "label": "Size", "kind": "short_text"},
    {"key": "story", "label": "What happened", "kind": "paragraph"},
    {"key": "urgent", "label": "Urgent", "kind": "checkbox"},
    {"key": "terms", "label": "Terms read", "kind": "checkbox", "required": True},
]
TYPED = {
    "name": "Archive of the east wing",
    "contact_number": "+420 (2) 123-456 x7",
    "parameter-region": "Prague",
    "parameter-terms": "y",
}


@pytest.fixture
def product(app, people):
    with app.app_context():
        product = make_product(make_programme(), people.northbridge, name="Data rescue", parameters=PARAMETERS)
        db.session.remove()
    return product


def made(app):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(Engagement).order_by(Engagement.number)).all()


def send(client, product, path=PATH, **typed):
    """Open the form, fill it, send it; the plan is ticked because there is only one."""
    hidden = hidden_fields(client.get(path).text, path)
    return client.post(path, data={**hidden, "plan": str(product.plans[0].id), **TYPED, **typed})


def test_the_form_is_built_from_the_catalog_entry(product, as_):
    page = Page(as_("dot").get(PATH))
    page.check()
    assert page.soup.select_one("select[name=parameter-region]") and page.soup.select_one(
        "textarea[name=parameter-story]"
    )
    assert page.soup.select_one("input[name='parameter-size-tb']") and page.soup.select_one(
        "input[type=checkbox][name=parameter-urgent]"
    )
    assert page.soup.select_one("input[name=plan]").has_attr("checked")
    labels = [tag.get_text(" ", strip=True) for tag in page.soup.select("main .field > label, main .tick")]
    assert "Additional information (optional)" in labels and "Size (optional)" in labels and "Region" in labels
    assert page.soup.select("main form button")[-1].get_text(strip=True) == "Create"
    part = Fragment(as_("dot").get(PATH, headers=HTMX))
    part.check()
    assert part.soup.select_one("form") and not part.soup.select("main")


def test_create(app, product, as_):
    answer = send(
        as_("dot"), product, **{"parameter-size-tb": " 14 TB ", "additional_information": "Two sites.\r\nCall first."}
    )
    (engagement,) = made(app)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/my/engagements/{engagement.id}")
    assert (engagement.state, engagement.name, engagement.contact_number) == (
        "pending",
        TYPED["name"],
        TYPED["contact_number"],
    )
    assert engagement.additional_information == "Two sites.\nCall first."
    assert engagement.custom_parameters == [
        {"label": "Region", "value": "Prague"}, {"label": "Size", "value": "14 TB"},
        {"label": "Urgent", "value": "No"}, {"label": "Terms read", "value": "Yes"},
    ]  # fmt: skip
    with app.app_context(), acting_for_all("a test looks"):
        assert "requests@northbridge.example" in {notice.address for notice in db.session.scalars(select(OutboxRow))}


def test_a_double_click_creates_one(app, product, as_):
    dot = as_("dot")
    body = {**hidden_fields(dot.get(PATH).text, PATH), "plan": str(product.plans[0].id), **TYPED}
    first, second = dot.post(PATH, data=body), dot.post(PATH, data=body)
    assert first.status_code == second.status_code == 303 and first.headers["Location"] == second.headers["Location"]
    assert len(made(app)) == 1
    assert dot.post(PATH, data={**body, "name": "Another"}).status_code == 409 and len(made(app)) == 1


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"name": "  "}, "name", "This is missing."),
        ({"name": "x" * 121}, "name", "120 fit"),
        ({"name": "a\u202eb"}, "name", "cannot be kept"),
        ({"contact_number": "call me"}, "contact_number", "telephone number"),
        ({"contact_number": ""}, "contact_number", "This is missing."),
        ({"additional_information": "x" * 2001}, "additional_information", "2,000 fit"),
        ({"parameter-region": ""}, "parameter-region", "Region is required."),
        ({"parameter-region": "Atlantis"}, "parameter-region", "Choose one of the options"),
        ({"parameter-size-tb": "y" * 201}, "parameter-size-tb", "200 fit"),
        ({"parameter-terms": ""}, "parameter-terms", "Terms read is required."),
        ({"plan": ""}, "plan", "Choose a plan."),
        ({"plan": "\N{PILE OF POO}"}, "plan", "Choose a plan."),
        ({"plan": str(uuid.uuid4())}, "plan", "Choose one of the service"),
    ],
)
def test_refusals_name_the_field_and_lose_nothing(app, product, as_, typed, field, sentence):
    typed = {"parameter-story": "Water in the cellar", **typed}
    if typed.get("parameter-terms") == "":
        dot = as_("dot")
        body = {**hidden_fields(dot.get(PATH).text, PATH), "plan": str(product.plans[0].id), **TYPED, **typed}
        answer = dot.post(PATH, data={key: value for key, value in body.items() if key != "parameter-terms"})
    else:
        answer = send(as_("dot"), product, **typed)
    assert answer.status_code == 422 and not made(app)
    page = Page(answer)
    page.check()
    assert sentence in page.soup.select_one(f"#{field}-error").text
    assert page.soup.select_one("textarea[name=parameter-story]").text.strip() == "Water in the cellar"
    if "name" not in typed:
        assert page.soup.select_one("input[name=name]")["value"] == TYPED["name"]


def test_only_who_may_request_is_offered_it(app, product, people, as_):
    with app.app_context(), acting_for_all("a test takes a role away"):
        from app.foundation.database import transaction

        with transaction() as session:
            people.memberships["dot"].roles = [CUSTOMER_ADMIN]
            session.merge(people.memberships["dot"])
    dot = as_("dot")
    assert "/catalog/data-rescue/request" not in dot.get("/catalog").text
    assert "/catalog/data-rescue/request" not in dot.get("/catalog/data-rescue").text
    assert dot.get(PATH).status_code == 403 and dot.post(PATH, data={}).status_code in (400, 403)


def test_a_plan_without_a_price_in_force_is_not_offered(app, people, as_):
    """Pricing approval comes before a client may ask: neither the form nor a hand-made request gets around it."""
    with app.app_context():
        later = BillingMonth.at(clock.now()).shifted(3)
        unpriced = make_product(make_programme("Later"), people.northbridge, name="Later service", effective_from=later)
        plan_id = str(unpriced.plans[0].id)
        db.session.remove()
    page = Page(as_("dot").get("/catalog/later-service/request"))
    assert plan_id not in page.text
    answer = fill(as_("dot"), "/catalog/later-service/request", plan=plan_id, name="Mine", contact_number="+1 555 010")
    assert answer.status_code == 422 and "no price in force" in answer.text
    assert made(app) == []
