"""What goes wrong between people and machines: two hands on one thing, lost sessions, hostile input, a broken server."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Contexts, Look, Visit
from tests.browser.pages import (
    approve,
    confirm,
    fresh_name,
    invite,
    join_as_new,
    open_invitation,
    request_service,
    row,
    sign_in,
    status,
)
from tests.browser.portal import Portal

TYPED = "Night shift, storage controller failover"


@pytest.fixture
def ada(visit: Visit) -> Page:
    return visit("ada")


@pytest.fixture
def engagement(visit: Visit, ada: Page) -> str:
    found = request_service(visit("dot"), fresh_name("Faults"), "incident-response")
    approve(ada, found)
    return found


def entry_form(page: Page, engagement: str, quantity: str = "2") -> None:
    page.goto(f"/engagements/{engagement}/billing-entries/new")
    page.get_by_label(re.compile("^Notes")).fill(TYPED)
    page.get_by_label("Quantity").fill(quantity)


def test_the_second_of_two_stale_tabs_gets_the_fresh_panel_and_a_sentence(
    visit: Visit, ada: Page, complaints: Complaints, axe: Look
) -> None:
    complaints.expect("status of 409")
    engagement = request_service(visit("dot"), fresh_name("Two tabs"))
    other = ada.context.new_page()
    for tab in (ada, other):
        tab.goto(f"/engagements/{engagement}")
        tab.get_by_role("main").get_by_role("link", name="Approve").click()
        expect(tab.get_by_role("dialog")).to_be_visible()
    confirm(ada, "Approve")
    expect(status(ada)).to_have_text("Active")
    confirm(other, "Approve")
    expect(status(other)).to_have_text("Active")
    expect(other.locator(".notice").first).to_contain_text("Ada Marsh")
    expect(other.get_by_role("main").get_by_role("link", name="Approve")).to_have_count(0)
    axe(other)


def test_a_session_that_ends_while_typing_loses_nothing(
    ada: Page, engagement: str, complaints: Complaints, axe: Look
) -> None:
    complaints.expect("status of 401")
    entry_form(ada, engagement)
    cookies = ada.context.cookies()
    ada.context.clear_cookies()
    ada.context.add_cookies([cookie for cookie in cookies if cookie["name"] == "csrf"])  # type: ignore[misc]
    ada.get_by_role("button", name="Next").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Your session has ended")
    axe(ada)
    with ada.context.expect_page() as opened:
        ada.get_by_role("main").get_by_role("link", name="Sign in").click()
    sign_in(opened.value, "ada")
    ada.get_by_role("button", name="Send again").click()
    ada.wait_for_url(re.compile("/billing-entries$"))
    expect(row(ada, TYPED)).to_have_count(1)


@pytest.mark.parametrize("quantity", ["1e400", "NaN", "-1", "9" * 40, "１２", "🦊", "0", "1,5", "' OR 1=1 --"])
def test_a_hostile_quantity_is_refused_on_its_field_with_everything_kept(visit: Visit, quantity: str) -> None:
    abe = visit("abe")
    abe.goto("/engagements?status=active&search=24x7")
    row(abe, "24x7 incident response").get_by_role("link", name=re.compile("^Add entry")).click()
    abe.get_by_label(re.compile("^Notes")).fill(TYPED)
    abe.get_by_label("Quantity").fill(quantity)
    abe.get_by_role("button", name="Next").click()
    expect(abe.get_by_role("group", name="What to correct")).to_contain_text("Quantity")
    expect(abe.get_by_role("group", name="What to correct")).to_be_focused()
    expect(abe.get_by_label("Quantity")).to_have_value(quantity)
    expect(abe.get_by_label(re.compile("^Notes"))).to_have_value(TYPED)


def test_a_double_click_on_next_makes_one_entry(ada: Page, engagement: str) -> None:
    entry_form(ada, engagement)
    ada.get_by_role("button", name="Next").dblclick()
    ada.wait_for_url(re.compile("/billing-entries$"))
    expect(row(ada, TYPED)).to_contain_text("Rated")
    expect(row(ada, TYPED)).to_have_count(1)


def test_the_same_form_sent_again_after_going_back_makes_one_entry(ada: Page, engagement: str) -> None:
    entry_form(ada, engagement)
    ada.get_by_role("button", name="Next").click()
    ada.wait_for_url(re.compile("/billing-entries$"))
    ada.go_back()
    if ada.get_by_label("Quantity").input_value() == "2":
        ada.get_by_role("button", name="Next").click()
        ada.wait_for_url(re.compile("/billing-entries$"))
    ada.goto(f"/engagements/{engagement}/billing-entries")
    expect(row(ada, TYPED)).to_have_count(1)


def test_a_form_sent_after_a_switch_in_another_tab_changes_nothing(
    visit: Visit, new_context: Contexts, complaints: Complaints, axe: Look
) -> None:
    complaints.expect("status of 409")
    olga, page = visit("olga"), new_context().new_page()
    email = invite(olga, "Acme Logistics")
    open_invitation(page, email)
    join_as_new(page, "four calm herons wade")
    invite(olga, "Globex Retail", email)
    open_invitation(page, email, "Globex Retail")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".top-switch")).to_have_text("Globex Retail")
    page.goto("/account")
    page.get_by_role("button", name="Act for Acme Logistics as customer").click()
    expect(page.locator(".top-switch")).to_have_text("Acme Logistics")

    page.goto("/catalog/patch-management/request")
    page.get_by_label("Name", exact=True).fill("For Acme only")
    page.get_by_label("Contact number").fill("+420 777 000 111")
    other = page.context.new_page()
    other.goto("/account")
    other.get_by_role("button", name="Act for Globex Retail as customer").click()
    expect(other.locator(".top-switch")).to_have_text("Globex Retail")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You act for another organisation now")
    expect(page.get_by_role("main")).to_contain_text(
        "This form was opened for Acme Logistics; you now act for Globex Retail."
    )
    axe(page)
    other.goto("/account")
    other.get_by_role("button", name="Act for Acme Logistics as customer").click()
    expect(other.locator(".top-switch")).to_have_text("Acme Logistics")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("For Acme only")


def test_a_page_of_the_servers_own_fault_keeps_the_shell(
    own_portal: Portal, new_context: Contexts, complaints: Complaints, axe: Look
) -> None:
    """A table is taken away under the running portal."""
    complaints.expect("status of 50[03]")
    ada = new_context(base_url=own_portal.url).new_page()
    sign_in(ada, "ada")
    own_portal.spoil("ALTER TABLE custom_parameter RENAME TO gone", "ALTER TABLE product RENAME TO away")
    ada.goto("/products")
    expect(ada.get_by_role("banner").get_by_role("link", name="Partner Portal")).to_be_visible()
    expect(ada.get_by_role("navigation", name="Portal")).to_be_visible()
    expect(ada.get_by_role("heading", level=1)).to_have_text(re.compile("Something went wrong|The portal is busy"))
    axe(ada)


def test_a_portal_that_does_not_answer_is_told_and_nothing_typed_is_lost(
    own_portal: Portal, new_context: Contexts, complaints: Complaints
) -> None:
    complaints.expect("ERR_CONNECTION_REFUSED|Failed to fetch|NetworkError|htmx")
    ada = new_context(base_url=own_portal.url).new_page()
    sign_in(ada, "ada")
    ada.goto("/engagements?status=active&search=24x7")
    row(ada, "24x7 incident response").get_by_role("link", name=re.compile("^Add entry")).click()
    ada.get_by_label(re.compile("^Notes")).fill(TYPED)
    own_portal.stop()
    ada.get_by_label("Quantity").press_sequentially("3")
    expect(ada.locator(".toast").first).to_contain_text("No answer from the portal")
    expect(ada.get_by_label(re.compile("^Notes"))).to_have_value(TYPED)
