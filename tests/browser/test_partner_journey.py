"""Ada, a partner: the guide's path from My products to a completed engagement."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import (
    actions_of,
    approve,
    confirm,
    decide,
    fresh_name,
    newest_mail,
    number_of,
    request_service,
    row,
    status,
    toast,
)


@pytest.fixture
def dot(visit: Visit) -> Page:
    return visit("dot")


@pytest.fixture
def ada(visit: Visit) -> Page:
    return visit("ada")


def test_from_my_products_to_the_details_of_a_request_by_mouse(dot: Page, ada: Page, axe: Look) -> None:
    name = fresh_name("Branch servers")
    request_service(dot, name)
    ada.get_by_role("navigation", name="Portal").get_by_role("link", name="My products").click()
    axe(ada)
    row(ada, "Patch management").get_by_role("link", name="Current engagements").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Current engagements")
    axe(ada)

    menu = actions_of(ada, row(ada, name))
    axe(ada)
    expect(menu.get_by_role("link", name="Add billing entry")).to_have_count(0)
    menu.get_by_role("link", name="View details").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text(name)
    axe(ada)
    tabs = ada.get_by_role("navigation", name="Views of this page")
    tabs.get_by_role("link", name="History").click()
    expect(ada.get_by_role("main")).to_contain_text("Created on plan Standard")
    axe(ada)
    tabs.get_by_role("link", name="Billing entries").click()
    expect(ada.get_by_role("main")).to_contain_text("Billing entries appear here")
    axe(ada)


def test_the_actions_menu_works_by_keyboard_alone_and_gives_the_focus_back(dot: Page, ada: Page) -> None:
    name = fresh_name("By keyboard")
    request_service(dot, name)
    ada.goto(f"/engagements?search={name.replace(' ', '+')}")
    button = row(ada, name).get_by_role("button", name=re.compile("^Actions"))
    button.focus()
    ada.keyboard.press("Enter")
    menu = ada.locator(".menu:popover-open")
    expect(menu.get_by_role("link").first).to_be_focused()
    ada.keyboard.press("End")
    expect(menu.get_by_role("link").last).to_be_focused()
    ada.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link").first).to_be_focused()
    ada.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(button).to_be_focused()
    ada.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="View details")).to_be_focused()
    ada.keyboard.press("Enter")
    expect(ada.get_by_role("heading", level=1)).to_have_text(name)


def test_a_partner_approves_a_request_and_the_client_is_told(dot: Page, ada: Page, axe: Look) -> None:
    name = fresh_name("To be approved")
    engagement = request_service(dot, name)
    ada.goto(f"/engagements/{engagement}")
    expect(status(ada)).to_have_text("Pending")
    ada.get_by_role("main").get_by_role("link", name="Approve").click()
    expect(ada.get_by_role("dialog")).to_contain_text("work is billable from that instant")
    axe(ada)
    confirm(ada, "Approve")
    expect(status(ada)).to_have_text("Active")
    expect(toast(ada)).to_contain_text("Approved.")
    expect(ada.get_by_role("main").get_by_role("link", name="Approve")).to_have_count(0)
    newest_mail(dot, re.compile(number_of(ada)), to="dot@acme.example")


def test_a_partner_rejects_a_request_with_a_reason(dot: Page, ada: Page, axe: Look) -> None:
    name = fresh_name("To be rejected")
    engagement = request_service(dot, name)
    ada.goto(f"/engagements/{engagement}")
    ada.get_by_role("main").get_by_role("link", name="Reject").click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_role("button", name="Reject and tell the client").click()
    expect(dialog).to_contain_text("Reason: This is missing.")
    axe(ada)
    confirm(ada, "Reject and tell the client", Reason="Our team is booked until spring.")
    expect(status(ada)).to_have_text("Rejected")

    ada.get_by_role("navigation", name="Portal").get_by_role("link", name="My products").click()
    row(ada, "Patch management").get_by_role("link", name="Past engagements").click()
    expect(row(ada, name)).to_contain_text("Rejected")
    axe(ada)
    dot.goto(f"/my/engagements/{engagement}")
    expect(dot.get_by_role("main")).to_contain_text("The reason given: Our team is booked until spring.")


def test_mark_as_complete_without_a_request(dot: Page, ada: Page, axe: Look) -> None:
    name = fresh_name("Simply done")
    engagement = request_service(dot, name)
    approve(ada, engagement)
    ada.goto(f"/engagements?search={name.replace(' ', '+')}")
    actions_of(ada, row(ada, name)).get_by_role("link", name="Mark as complete").click()
    expect(ada.get_by_role("dialog")).to_contain_text("November 2026 is still open and has no entry")
    axe(ada)
    confirm(ada, "Mark as complete", **{"Closing note": "Runbook handed over."})
    expect(status(ada)).to_have_text("Complete")
    ada.get_by_role("navigation", name="Views of this page").get_by_role("link", name="History").click()
    expect(ada.get_by_role("main")).to_contain_text("Runbook handed over.")


def test_a_completion_request_is_declined_and_the_engagement_stays_active(dot: Page, ada: Page, axe: Look) -> None:
    engagement = asked_to_complete(dot, ada, fresh_name("Not yet"))
    axe(ada)
    ada.get_by_role("main").get_by_role("link", name="Reject completion request").click()
    dialog = ada.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name="Reject and delete engagement")).to_be_checked()
    axe(ada)
    dialog.get_by_role("radio", name="Decline, keep active").check()
    confirm(ada, "Decline, keep active", Reason="Two depots are missing.")
    expect(status(ada)).to_have_text("Active")
    dot.goto(f"/my/engagements/{engagement}")
    expect(status(dot)).to_have_text("Active")


def test_a_completion_request_is_rejected_and_the_engagement_deleted(dot: Page, ada: Page) -> None:
    engagement = asked_to_complete(dot, ada, fresh_name("Never accepted"))
    ada.get_by_role("main").get_by_role("link", name="Reject completion request").click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("It was never accepted.")
    dialog.get_by_role("button", name="Reject and delete engagement").click()
    expect(dialog).to_contain_text("Tick this to delete the engagement")
    expect(dialog.get_by_label("Reason")).to_have_value("It was never accepted.")
    dialog.get_by_label(re.compile("^I understand")).check()
    confirm(ada, "Reject and delete engagement")
    expect(status(ada)).to_have_text("Deleted")
    expect(ada.get_by_role("main").get_by_role("link", name="Add billing entry")).to_have_count(0)
    dot.goto(f"/my/engagements/{engagement}")
    expect(dot.get_by_role("main")).to_contain_text("It was never accepted.")


def asked_to_complete(dot: Page, ada: Page, name: str) -> str:
    """Ada on the details of an engagement whose client asks to complete it."""
    engagement = request_service(dot, name)
    approve(ada, engagement)
    dot.goto(f"/my/engagements/{engagement}")
    decide(dot, "Request completion", **{"What you would like to say": "We are done."})
    ada.goto(f"/engagements/{engagement}")
    expect(ada.get_by_role("main")).to_contain_text("“We are done.”")
    return engagement
