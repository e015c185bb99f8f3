"""Ada bills: the preview before, the rating after, Explain, and what may still be taken back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Contexts, Look, Visit
from tests.browser.pages import actions_of, add_entry, approve, fresh_name, request_service, row, sign_in, toast
from tests.browser.portal import Portal


@pytest.fixture
def ada(visit: Visit) -> Page:
    return visit("ada")


@pytest.fixture
def engagement(visit: Visit, ada: Page) -> str:
    """An active engagement with graduated hours: 160.00 to 100 h a month, then 148.125."""
    found = request_service(visit("dot"), fresh_name("On call"), "incident-response")
    approve(ada, found)
    return found


def test_the_preview_tells_amount_and_deadline_before_anything_is_sent(ada: Page, axe: Look) -> None:
    ada.goto("/engagements?status=active&search=24x7")
    actions_of(ada, row(ada, "24x7 incident response")).get_by_role("link", name="Add billing entry").click()
    expect(ada.get_by_role("radio", name=re.compile("^October 2026"))).to_be_checked()
    expect(ada.get_by_role("group", name="Month the work belongs to")).to_contain_text(
        "closes 3 Nov 2026 00:00 UTC (01:00 in Prague)"
    )
    axe(ada)
    ada.get_by_label("Quantity").press_sequentially("10")
    preview = ada.locator("#preview")
    expect(preview).to_contain_text("10.00")
    expect(preview).to_contain_text(re.compile(r"USD 1,\d\d\d\.\d\d"))
    expect(preview).to_contain_text("October 2026 closes 3 Nov 2026 00:00 UTC")
    axe(ada)
    ada.get_by_role("radio", name=re.compile("^November 2026")).check()
    expect(preview).to_contain_text("1,600.00")
    expect(preview).to_contain_text("November 2026 closes 3 Dec 2026 00:00 UTC")
    ada.get_by_label("Quantity").fill("0.3")
    expect(preview).to_contain_text("in steps of 0.25")
    expect(ada.get_by_label("Quantity")).to_be_focused()


def test_an_entry_is_rated_within_seconds_without_a_reload_and_explained(ada: Page, engagement: str, axe: Look) -> None:
    add_entry(ada, engagement, "80", "First weeks")
    expect(toast(ada)).to_contain_text("submitted")
    ada.evaluate("window.notReloaded = true")
    expect(row(ada, "First weeks")).to_contain_text("Rated")
    expect(row(ada, "First weeks")).to_contain_text("12,800.00")
    assert ada.evaluate("window.notReloaded")
    axe(ada)

    add_entry(ada, engagement, "30", "Release weekend")
    line = row(ada, "Release weekend")
    expect(line).to_contain_text("Rated")
    expect(line).to_contain_text("4,681.25")
    line.get_by_role("link", name=re.compile("^Explain")).click()
    told = ada.locator(".explain")
    expect(told).to_contain_text("1,481.25000")
    expect(told).to_contain_text("3,200.00000")
    expect(told).to_contain_text("Version 2")
    axe(ada)
    told.get_by_role("link", name="Print this explanation").click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("BE-")
    axe(ada)


def test_a_twin_is_asked_about_once_and_never_forbidden(ada: Page, engagement: str, axe: Look) -> None:
    add_entry(ada, engagement, "3", "Drill")
    ada.goto(f"/engagements/{engagement}/billing-entries/new")
    ada.get_by_label(re.compile("^Notes")).fill("Drill")
    ada.get_by_label("Quantity").press_sequentially("3")
    expect(ada.locator("#asked")).to_contain_text("This looks like an entry you already sent")
    axe(ada)
    ada.get_by_label("It is different work, submit it as well").check()
    ada.get_by_role("button", name="Next").click()
    ada.wait_for_url(re.compile("/billing-entries$"))
    expect(row(ada, "Drill")).to_have_count(2)


def test_an_entry_above_the_threshold_waits_for_the_operator(ada: Page, engagement: str) -> None:
    ada.goto(f"/engagements/{engagement}/billing-entries/new")
    ada.get_by_role("radio", name=re.compile("^November 2026")).check()
    ada.get_by_label("Quantity").press_sequentially("130")
    expect(ada.locator("#preview")).to_contain_text("this one waits for it")
    ada.get_by_label(re.compile("^Notes")).fill("A long weekend")
    ada.get_by_role("button", name="Next").click()
    line = row(ada, "A long weekend")
    expect(line).to_contain_text("In review")
    expect(line).to_contain_text("provisional")
    expect(line.get_by_role("button", name=re.compile("^Actions"))).to_have_count(0)


def test_what_comes_in_the_quiet_window_waits_and_may_be_withdrawn(
    own_portal: Portal, new_context: Contexts, axe: Look
) -> None:
    """After the cut-off of the last day's quarter to four in Chicago nothing is rated until six: so it stays Submitted."""
    own_portal.flask("demo", "clock", "2026-11-30T22:00:00Z")
    cy = new_context(base_url=own_portal.url).new_page()
    sign_in(cy, "cy")
    cy.goto("/engagements?status=active&search=Order+databases")
    row(cy, "Order databases").get_by_role("link", name="Order databases").click()
    expect(cy.get_by_role("heading", level=1)).to_have_text("Order databases")
    add_entry(cy, cy.url.rpartition("/")[2], "2", "Typed twice", month="December 2026")
    line = row(cy, "Typed twice")
    expect(line).to_contain_text("Submitted")
    expect(line).to_contain_text("provisional")
    actions_of(cy, line).get_by_role("link", name="Withdraw").click()
    axe(cy)
    cy.get_by_role("dialog").get_by_role("button", name=re.compile("^Withdraw BE-")).click()
    expect(row(cy, "Typed twice")).to_contain_text("Withdrawn")
    expect(toast(cy)).to_contain_text("withdrawn")
