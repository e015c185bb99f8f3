"""A partner's program lists a product and tests it; the operator reviews it on the screens, and a customer finds it."""

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from app.catalog.file_kinds import MOST_BYTES
from tests.browser.conftest import Look, Visit
from tests.browser.pages import decide, fresh_name, row, status, toast
from tests.browser.portal import Portal

Ask = Callable[..., Any]
#: the largest file there may be, over a real connection
PDF = b"%PDF-1.7\n" + b"x" * (MOST_BYTES - 16) + b"\n%%EOF\n"


@pytest.fixture
def ask(portal: Portal) -> Ask:
    """ask("/products") reads, ask("/products", {...}) writes, as Ada's program."""
    key = portal.flask("api-key", "create", "--member", "ada@northbridge.example", "--expires-days", "1").split()[-1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def asked(path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{portal.url}/api/v1{path}", data=sent, headers=headers), timeout=30) as answer:
            return json.load(answer)

    return asked


def listed(ask: Ask, name: str) -> tuple[str, str]:
    """A draft with everything that pricing and publication ask for; its address and its plan."""
    programmes = {one["name"]: one["id"] for one in ask("/programmes")["items"]}
    slug = name.lower().replace(" ", "-")
    made = ask(
        "/products", {"programme_id": programmes["Managed professional services"], "name": name, "slug": slug}
    )  # fmt: skip
    here = f"/products/{made['id']}"
    text = {"summary": "Found while you sleep.", "category": "Security", "description": "Every night, all night."}
    ask(f"{here}/catalog-entry", {"name": name, "request_email": "requests@northbridge.example", **text})
    ask(f"{here}/support", {"support": "Around the clock, support@northbridge.example"})
    ask(f"{here}/custom-parameters", {"label": "Region", "kind": "selection", "options": ["Prague", "Frankfurt"]})
    plan = ask(f"{here}/plans", {"name": "Standard", "code": "standard"})["id"]
    bands = [{"up_to": "1000", "price": "1"}, {"up_to": None, "price": "0.90"}]
    hours = {
        "kind": "Hours",
        "name": "Hours",
        "unit": "h",
        "step": "0.25",
        "price": {"model": "graduated", "bands": bands},
    }
    ask(f"{here}/plans/{plan}/metrics", hours)
    return here, plan


def review(olga: Page, queue: str, name: str) -> None:
    olga.goto(f"/reviews/{queue}")
    row(olga, name).get_by_role("link", name=name, exact=True).click()
    expect(olga.get_by_role("heading", level=1)).to_have_text(name)


def approve(olga: Page, queue: str, name: str, button: str) -> None:
    review(olga, queue, name)
    decide(olga, button)
    expect(toast(olga)).to_contain_text("approved")


def test_a_program_lists_tests_and_publishes_a_product(ask: Ask, visit: Visit, axe: Look) -> None:
    name = fresh_name("Hunt by night")
    here, plan = listed(ask, name)
    trial = ask(f"{here}/tests", {"plan_id": plan, "name": "Over two tiers"})
    ask(f"/engagements/{trial['id']}/approve", {})
    entry = ask(
        f"/engagements/{trial['id']}/billing-entries", {"metric": "hours", "month": "2026-11", "quantity": "1200"}
    )  # fmt: skip
    assert rated(ask, entry["id"])["amount"] == {"amount": "1180.00", "currency": "USD"}
    ada, olga = visit("ada"), visit("olga")
    ada.goto(f"{here}/testing")
    expect(ada.get_by_role("main")).to_contain_text("Over two tiers")
    axe(ada)

    assert ask(f"{here}/request-pricing", {})["ball"] == "operator"
    review(olga, "pricing", name)
    decide(olga, "Return with a reason", "Return pricing", **{"What to mend": "The second band needs a reason."})
    expect(row(olga, name)).to_have_count(0)
    assert ask(f"{here}/checklist")["feedback"]["reason"] == "The second band needs a reason."
    ask(f"{here}/request-pricing", {})
    approve(olga, "pricing", name, "Approve pricing")

    file = {"slot": "estimator", "file_name": "estimate.pdf", "content": base64.b64encode(PDF).decode()}
    sent = ask(f"{here}/evidence", file)
    assert sent["size"] == MOST_BYTES
    assert base64.b64decode(ask(f"{here}/evidence/{sent['id']}")["content"]) == PDF
    ask(f"{here}/submit-evidence", {})
    approve(olga, "evidence", name, "Approve metering evidence")
    ask(f"{here}/request-publication", {})
    approve(olga, "publication", name, "Publish")

    told = ask(f"{here}/checklist")
    assert (told["status"], told["ball"]) == ("published", "nobody") and all(line["done"] for line in told["lines"])
    ada.goto(f"{here}/publish")
    expect(status(ada)).to_have_text("Published")
    expect(ada.get_by_role("main")).to_contain_text("7 of 7 done")
    axe(ada)
    dot = visit("dot")
    dot.goto(f"/catalog/{name.lower().replace(' ', '-')}/request")
    expect(dot.get_by_label("Region")).to_be_visible()


def rated(ask: Ask, entry_id: str) -> Any:
    """The entry, as soon as the job has rated it; it comes round every few seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        entry = ask(f"/billing-entries/{entry_id}")
        if entry["status"] != "submitted":
            return entry
        time.sleep(0.5)
    raise AssertionError("nobody rated it")


def test_the_reference_shows_how_a_file_is_sent(page: Page, axe: Look) -> None:
    page.goto("/api/docs#upload-evidence")
    operation = page.locator("#upload-evidence")
    operation.get_by_text("Body", exact=True).click()
    expect(operation.get_by_role("region", name=re.compile("^Body of POST"))).to_contain_text("base64")
    axe(page)
