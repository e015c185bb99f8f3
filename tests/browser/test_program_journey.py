"""A program and people side by side: it asks for a correction, Abe approves on the screen; a person passes it a decision."""

import json
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import confirm, status, toast
from tests.browser.portal import Portal

Ask = Callable[..., Any]
#: hours of July, which closed in August
ENGAGEMENT = "Warehouse systems on call"


@pytest.fixture
def ask(own_portal: Portal) -> Ask:
    """ask("/engagements") reads, ask("/inbox/decide", {...}) writes, as Ada's program."""
    made = own_portal.flask("api-key", "create", "--member", "ada@northbridge.example", "--expires-days", "1")
    headers = {"Authorization": f"Bearer {made.split()[-1]}", "Content-Type": "application/json"}

    def asked(path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        request = Request(f"{own_portal.url}/api/v1{path}".replace(" ", "%20"), data=sent, headers=headers)
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    return asked


def test_a_program_asks_and_a_person_approves(own_portal: Portal, visit: Visit, ask: Ask, axe: Look) -> None:
    (engagement,) = ask(f"/engagements?search={ENGAGEMENT}")["items"]
    (entry,) = ask(f"/engagements/{engagement['id']}/billing-entries?month=2026-07&search=Weekend cover")["items"]
    assert "correct" in ask(f"/billing-entries/{entry['id']}")["actions"]
    seen = ask(f"/billing-entries/{entry['id']}/correction-preview?quantity=26.75")
    assert seen["difference"]["amount"] == "-320.00" and seen["booked_month"] == "2026-11"
    wish = {"quantity": "26.75", "reason": "Two hours were counted twice.", "shown": seen["shown"]}
    asked = ask(f"/billing-entries/{entry['id']}/corrections", wish)
    assert (asked["status"], asked["actions"]) == ("requested", ["withdraw"])

    abe = visit("abe", base_url=own_portal.url)
    abe.goto("/inbox")
    abe.get_by_role("main").locator(f"a[href$='/corrections/{asked['id']}']").first.click()
    expect(abe.get_by_role("main")).to_contain_text("It waits for your decision")
    expect(abe.get_by_role("main")).to_contain_text("Two hours were counted twice.")
    axe(abe)
    abe.get_by_role("main").get_by_role("link", name="Approve").click()
    confirm(abe, "Approve and book")
    expect(toast(abe)).to_contain_text("approved and booked")
    expect(status(abe)).to_have_text("Approved")

    told = ask(f"/corrections/{asked['id']}")
    assert (told["status"], told["decided_by"].split(",")[0]) == ("approved", "Abe Adeyemi")
    back, again = told["booked"]
    assert (back["kind"], again["kind"], again["quantity"]) == ("reversal", "rebill", "26.75")
    links = ask(f"/billing-entries/{back['id']}")["explanation"]["links"]
    assert {link["relation"]: link["number"] for link in links} == {
        "corrected": entry["number"],
        "sister": again["number"],
    }
    assert "WRONG" not in own_portal.flask("check", "all")


def test_what_is_passed_to_a_member_waits_for_the_program(
    own_portal: Portal, visit: Visit, ask: Ask, axe: Look
) -> None:
    line = next(line for line in ask("/inbox")["items"] if line["kind"] == "engagement-request")
    abe = visit("abe", base_url=own_portal.url)
    abe.goto(f"/inbox/{line['kind']}/{line['id']}/delegate")
    expect(abe.get_by_role("heading", level=1)).to_have_text("Pass to a colleague")
    axe(abe)
    abe.get_by_role("radio", name="Ada Marsh").check()
    abe.get_by_label("Note").fill("Your client.")
    abe.get_by_role("button", name="Pass it on").click()
    expect(toast(abe)).to_contain_text("Passed to Ada Marsh")
    (passed,) = [line for line in ask("/inbox?passed=to-me")["items"] if line["passed_on"]["note"] == "Your client."]
    assert (passed["id"], passed["passed_on"]["sender"]["name"]) == (line["id"], "Abe Adeyemi")
    ticked = {name: passed[name] for name in ("kind", "id", "value")}
    decided = ask("/inbox/decide", {"verb": "approve", "lines": [ticked]})
    assert [result["result"] for result in decided["results"]] == ["done"]
    abe.goto(f"/engagements/{line['id']}")
    expect(status(abe)).to_have_text("Active")
    axe(abe)
