"""Signing in and what protects it: reset by mail, the second factor, switching organisations, roles, throttling."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Contexts, Look, Visit
from tests.browser.pages import (
    actions_of,
    confirm,
    fill_sign_in,
    fresh_name,
    invite,
    join_as_new,
    newest_mail,
    open_invitation,
    row,
    set_password,
    sign_in,
    toast,
)

NEW_PASSWORD = "four calm herons wade"


def test_an_invited_member_joins_with_a_password_and_may_reset_it(
    visit: Visit, page: Page, complaints: Complaints, axe: Look
) -> None:
    email = invite(visit("olga"), "Acme Logistics")
    open_invitation(page, email)
    axe(page)
    join_as_new(page, "a first passphrase")
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    page.get_by_role("button", name=re.compile("^Account of")).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_in(page, email, "a first passphrase")
    expect(page.locator(".top-switch")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Account of")).click()
    axe(page)
    page.get_by_role("button", name="Sign out").click()

    page.goto("/sign-in")
    axe(page)
    page.get_by_role("link", name="Forgot your password?").click()
    axe(page)
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    axe(page)
    newest_mail(page, re.compile("^Set a new password"), to=email)
    link = page.get_by_role("main").get_by_role("link", name=re.compile("reset-password"))
    address = link.get_attribute("href") or ""
    link.click()
    set_password(page, NEW_PASSWORD)
    sign_in(page, email, NEW_PASSWORD)
    complaints.expect("status of 410")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link no longer works")


def test_the_second_factor_is_set_up_used_and_stood_in_for_by_a_recovery_code(
    visit: Visit, new_context: Contexts, axe: Look
) -> None:
    email = member_with_password(visit("olga"), new_context().new_page())
    page = new_context().new_page()
    sign_in(page, email, NEW_PASSWORD)
    page.goto("/account")
    axe(page)
    page.get_by_role("button", name="Set up the second factor").click()
    axe(page)
    secret = page.locator("main code").inner_text().replace(" ", "")
    page.get_by_label(re.compile("Enter the six digits")).fill("000000")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("main code")).to_have_text(re.compile(secret[:4]))
    page.get_by_label(re.compile("Enter the six digits")).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    axe(page)
    recovery = page.locator("main li code").first.inner_text()

    again = new_context().new_page()
    sign_in(again, email, NEW_PASSWORD)
    expect(again.get_by_role("heading", level=1)).to_have_text("Enter your code")
    axe(again)
    again.get_by_label("Code").fill("123456")
    again.get_by_role("button", name="Continue").click()
    expect(again.locator("main .error")).to_be_visible()
    again.get_by_label("Code").fill(later_code(secret))
    again.get_by_role("button", name="Continue").click()
    expect(again.get_by_role("heading", level=1)).to_have_text("Home")

    lost = new_context().new_page()
    sign_in(lost, email, NEW_PASSWORD)
    lost.get_by_label("Code").fill(recovery)
    lost.get_by_role("button", name="Continue").click()
    expect(lost.get_by_role("heading", level=1)).to_have_text("Home")
    lost.goto("/account")
    expect(lost.get_by_role("main")).to_contain_text("9 recovery codes left")
    lost.get_by_role("main").get_by_role("link", name="Switch off").click()
    axe(lost)
    confirm(lost, "Switch off the second factor", Password=NEW_PASSWORD)
    expect(toast(lost)).to_contain_text("The second factor is off")


def test_a_member_of_two_organisations_switches_between_them(visit: Visit, new_context: Contexts, axe: Look) -> None:
    olga = visit("olga")
    email = member_with_password(olga, new_context().new_page())
    invite(olga, "Globex Retail", email)
    page = new_context().new_page()
    open_invitation(page, email, "Globex Retail")
    axe(page)
    page.get_by_role("link", name="Sign in").last.click()
    expect(page.get_by_label("E-mail")).to_have_value(email)
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Act for Globex Retail")
    axe(page)
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".top-switch")).to_have_text("Globex Retail")
    page.get_by_role("button", name="Globex Retail", exact=True).click()
    page.locator("#switcher").get_by_role("button", name=re.compile("^Acme Logistics")).click()
    expect(page.locator(".top-switch")).to_have_text("Acme Logistics")
    page.get_by_role("button", name="Acme Logistics", exact=True).click()
    axe(page)
    page.locator("#switcher").get_by_role("button", name=re.compile("^Globex Retail")).click()
    expect(page.locator(".top-switch")).to_have_text("Globex Retail")
    page.goto("/my/engagements")
    expect(page.locator("#results")).to_contain_text("Till journals")
    expect(page.locator("#results")).not_to_contain_text("Warehouse systems on call")


def test_a_viewer_sees_no_menu_item_that_is_forbidden_and_no_foreign_page(
    visit: Visit, complaints: Complaints, axe: Look
) -> None:
    ben = visit("ben")
    ben.goto("/engagements?search=24x7")
    menu = actions_of(ben, row(ben, "24x7 incident response"))
    expect(menu.get_by_role("link")).to_have_text(["View details"])
    menu.get_by_role("link", name="View details").click()
    expect(ben.get_by_role("link", name=re.compile("Add billing entry|Mark as complete"))).to_have_count(0)
    expect(
        ben.get_by_role("navigation", name="Portal").get_by_role("link", name=re.compile("Rating queue|Programmes"))
    ).to_have_count(0)
    address = ben.url
    complaints.expect("status of 40[34]")
    ben.goto(f"{address}/billing-entries/new")
    expect(ben.get_by_role("heading", level=1)).to_have_text("You may not do this")
    expect(ben.get_by_role("main")).to_contain_text("Partner Pricing Submitter")
    axe(ben)
    cy = visit("cy")
    cy.goto(address)
    expect(cy.get_by_role("heading", level=1)).to_have_text("Not found")
    axe(cy)


def test_after_too_many_wrong_passwords_one_has_to_wait(
    visit: Visit, page: Page, complaints: Complaints, axe: Look
) -> None:
    complaints.expect("status of 429")
    page.goto("/sign-in")
    email = f"{fresh_name('nobody').split()[-1]}@acme.example"
    for _ in range(12):
        fill_sign_in(page, email, "wrong, wrong")
        page.wait_for_load_state()
        if page.get_by_text("Too many tries").count():
            break
        expect(page.locator("main .error, main .notice").first).to_be_visible()
        expect(page.get_by_label("E-mail")).to_have_value(email)
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Try again in \d+ minutes?\."))
    axe(page)
    visit("dot")  # others sign in as before


def member_with_password(olga: Page, page: Page) -> str:
    email = invite(olga, "Acme Logistics")
    open_invitation(page, email)
    join_as_new(page, NEW_PASSWORD)
    return email


def later_code(secret: str) -> str:
    """The code of the next half minute, which is taken as well: the present one was used up by the set-up."""
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30))
