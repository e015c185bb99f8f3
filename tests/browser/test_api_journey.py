"""API keys and webhooks: a key made, shown once, used and revoked; an endpoint that is told, seen to be told, and told again."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Contexts, Look, Visit
from tests.browser.pages import confirm, fresh_name, row, toast
from tests.browser.portal import Portal, copy_of
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def inside(seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """A portal of a closed network: its webhooks may go to loopback."""
    monkeypatch.setenv("WEBHOOK_PRIVATE_ADDRESSES", "1")
    portal = copy_of(seeded, tmp_path)
    try:
        yield portal.start()
    finally:
        portal.stop()


def test_a_key_is_made_shown_once_used_and_revoked(visit: Visit, portal: Portal, axe: Look) -> None:
    ada = visit("ada")
    ada.get_by_role("navigation", name="Portal").get_by_role("link", name="API keys").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("API keys")
    axe(ada)
    ada.get_by_role("link", name="Make a key").first.click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Make an API key")
    axe(ada)
    ada.get_by_role("button", name="Make the key").click()
    expect(ada.locator("main .error").first).to_be_visible()
    name = fresh_name("Nightly run")
    ada.get_by_label("What it is for").fill(name)
    ada.get_by_role("checkbox", name="Add and withdraw billing entries").uncheck()
    ada.get_by_role("button", name="Make the key").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Your API key")
    axe(ada)
    key = ada.locator(".secret code").inner_text()
    assert ask(portal, key, "/engagements?limit=1")["items"]
    assert refused(portal, key, "/billing-entries/batch", {"records": []}) == 403
    ada.get_by_role("link", name="I have kept it").click()
    expect(row(ada, name)).to_contain_text("Active")
    expect(ada.get_by_role("main")).not_to_contain_text(key)
    axe(ada)
    row(ada, name).get_by_role("link", name=re.compile("Revoke")).click()
    axe(ada)
    ada.locator("dialog[open]").get_by_role("button", name=re.compile("^Revoke ppk_")).click()
    expect(toast(ada)).to_contain_text("counts no more")
    expect(row(ada, name)).to_contain_text("Revoked")
    assert refused(portal, key, "/engagements") == 401


def test_an_endpoint_is_told_and_told_again(inside: Portal, receiver: Receiver, visit: Visit, axe: Look) -> None:
    ada = visit("ada", base_url=inside.url)
    ada.goto("/settings/webhooks")
    expect(ada.get_by_role("heading", level=1)).to_have_text("Webhooks")
    axe(ada)
    ada.get_by_role("link", name="Add an endpoint").first.click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Add an endpoint")
    axe(ada)
    ada.get_by_label("Address").fill(receiver.url)
    ada.get_by_role("button", name="Add the endpoint").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Signing secret")
    axe(ada)
    secret = ada.locator(".secret code").inner_text()
    ada.get_by_role("link", name="I have kept it").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text(receiver.url)
    axe(ada)
    ada.get_by_role("link", name="Send a test").first.click()
    axe(ada)
    confirm(ada, "Send")
    arrives(ada, "endpoint.test", "204")
    assert receiver.verified(secret)["type"] == "endpoint.test"

    receiver.status, receiver.answer = 500, b'{"error": "out of order"}'
    key = inside.flask("api-key", "create", "--member", "ada@northbridge.example", "--expires-days", "1").split()[-1]
    pending = ask(inside, key, "/engagements?status=pending")["items"][0]
    assert ask(inside, key, f"/engagements/{pending['id']}/approve", {})["status"] == "active"
    arrives(ada, "engagement.approved", "500")
    expect(ada.get_by_role("main")).to_contain_text("Nothing has arrived since")
    axe(ada)
    receiver.status = 200
    row(ada, "engagement.approved").get_by_role("link", name="engagement.approved", exact=True).click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("engagement.approved")
    expect(ada.get_by_role("main")).to_contain_text("out of order")
    axe(ada)
    told = len(receiver.received)
    ada.get_by_role("link", name="Send again").click()
    confirm(ada, "Send again")
    expect(toast(ada)).to_contain_text("sent again")
    assert reload_until(ada, "Arrived")
    assert len(receiver.received) > told
    message = receiver.verified(secret)
    assert message["type"] == "engagement.approved" and message["data"]["engagement_id"] == pending["id"]


def test_the_reference_is_readable_by_everybody(
    page: Page, new_context: Contexts, axe: Look, complaints: Complaints
) -> None:
    page.goto("/api/docs")
    expect(page.get_by_role("heading", level=1)).to_have_text("API reference")
    axe(page)
    operation = page.locator("#add-billing-entry")
    operation.get_by_text("Body", exact=True).click()
    expect(operation.get_by_role("region", name=re.compile("^Body of POST"))).to_contain_text("quantity")
    axe(page)
    phone = new_context(viewport={"width": 390, "height": 844}).new_page()
    phone.goto("/api/docs")
    expect(phone.get_by_role("heading", level=1)).to_have_text("API reference")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    assert not complaints.unexpected()


def arrives(page: Page, event_type: str, answer: str) -> None:
    """Webhooks go out every two seconds; the list shows it when it is opened anew."""
    for _ in range(40):
        page.reload()
        found = row(page, event_type)
        if found.count() and answer in found.first.inner_text():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"no {event_type} answered {answer}")


def reload_until(page: Page, words: str) -> bool:
    for _ in range(40):
        page.reload()
        if words in page.locator(".heading").inner_text():
            return True
        page.wait_for_timeout(500)
    return False


def ask(portal: Portal, key: str, path: str, body: Any = None) -> Any:
    sent = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urlopen(Request(f"{portal.url}/api/v1{path}", data=sent, headers=headers), timeout=30) as answer:
        return json.load(answer)


def refused(portal: Portal, key: str, path: str, body: Any = None) -> int:
    with pytest.raises(HTTPError) as no:
        ask(portal, key, path, body)
    no.value.close()
    return no.value.code
