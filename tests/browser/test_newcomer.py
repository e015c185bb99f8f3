"""What a newcomer does beside the portal: the demo's sign-ins, its mailbox, and its clock, moved while the portal runs."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Contexts, Look
from tests.browser.pages import EMAILS, PASSWORD, row, sign_in
from tests.browser.portal import Portal


def test_the_sign_in_page_tells_the_demos_sign_ins_and_one_click_fills_the_form(page: Page, axe: Look) -> None:
    page.goto("/engagements")
    expect(page).to_have_url(re.compile("/sign-in"))
    for email in EMAILS.values():
        expect(page.get_by_role("main")).to_contain_text(email)
    axe(page)
    page.get_by_role("link", name=EMAILS["ada"]).click()
    expect(page.get_by_label("E-mail")).to_have_value(EMAILS["ada"])
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/engagements$"))


def test_a_form_opened_before_the_closing_instant_is_refused_after_it(
    own_portal: Portal, new_context: Contexts, axe: Look
) -> None:
    own_portal.flask("demo", "clock", "2026-11-02T23:57:00Z")
    ada = new_context(base_url=own_portal.url).new_page()
    sign_in(ada, "ada")
    expect(ada.locator(".top .clock")).to_contain_text("2 Nov 2026, 23:5")
    ada.goto("/engagements?status=active&search=24x7")
    row(ada, "24x7 incident response").get_by_role("link", name=re.compile("^Add entry")).click()
    october = ada.get_by_role("radio", name=re.compile("^October 2026"))
    expect(october).to_be_checked()
    ada.get_by_label(re.compile("^Notes")).fill("Just in time")
    ada.get_by_label("Quantity").fill("4")

    said = own_portal.flask("demo", "clock", "2026-11-03T00:00:00Z")
    assert "2026-11-03T00:00:00Z" in said
    ada.get_by_role("button", name="Next").click()
    expect(ada.get_by_role("group", name="What to correct")).to_contain_text("October 2026 closed")
    expect(ada.get_by_role("group", name="What to correct")).to_contain_text("3 Nov 2026 00:00 UTC")
    expect(october).to_have_count(0)
    expect(ada.get_by_role("radio", name=re.compile("^November 2026"))).to_be_visible()
    expect(ada.get_by_label(re.compile("^Notes"))).to_have_value("Just in time")
    expect(ada.get_by_label("Quantity")).to_have_value("4")
    axe(ada)

    ada.get_by_role("radio", name=re.compile("^November 2026")).check()
    ada.get_by_role("button", name="Next").click()
    expect(row(ada, "Just in time")).to_contain_text("November 2026")
