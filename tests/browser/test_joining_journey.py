"""Joining: a customer signs itself up, demands a second factor, invites a colleague, who joins with one; and what follows."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Contexts, Look, Visit
from tests.browser.pages import (
    actions_of,
    confirm,
    fill_invitation,
    fresh_name,
    join_as_new,
    newest_mail,
    open_invitation,
    row,
    set_up_second_factor,
    sign_in,
    toast,
)

PASSPHRASE = "four calm herons wade"
PHONE = {"viewport": {"width": 390, "height": 844}}


def sign_up(page: Page, axe: Look | None = None) -> tuple[str, str]:
    """A customer and its first admin, signed in on this page: (the organisation's name, the admin's e-mail)."""
    name, email = fresh_name("Harbour Works"), f"{uuid4().hex[:8]}@harbour.example"
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign up your organisation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign up")
    page.get_by_label("Organisation").fill(name)
    page.get_by_label("Your name").fill("Kim Okafor")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Sign up").click()
    expect(page.locator("#password-error")).to_contain_text("at least 10 characters")
    if axe:
        axe(page)
    page.get_by_label("Password").fill(PASSPHRASE)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    if axe:
        axe(page)
    newest_mail(page, re.compile("^Confirm your e-mail"), to=email)
    page.get_by_role("main").get_by_role("link", name=re.compile("sign-up")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your e-mail")
    if axe:  # a name that stands already has a way out
        page.get_by_label("Organisation").fill("Acme Logistics")
        page.get_by_label("The password you chose").fill(PASSPHRASE)
        page.get_by_role("button", name="Confirm and set up").click()
        expect(page.locator("#organisation-error")).to_contain_text("of this name already")
        axe(page)
        page.get_by_label("Organisation").fill(name)
    page.get_by_label("The password you chose").fill(PASSPHRASE)
    page.get_by_role("button", name="Confirm and set up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    return name, email


def no_sideways_scroll(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_a_customer_signs_up_and_requests(new_context: Contexts, axe: Look, options: dict[str, object]) -> None:
    page = new_context(**options).new_page()
    name, _ = sign_up(page, axe)
    no_sideways_scroll(page)
    page.goto("/catalog/patch-management/request")
    expect(page.get_by_label("Contact number")).to_be_visible()
    page.goto("/members")
    expect(page.get_by_role("main")).to_contain_text(name)
    axe(page)
    no_sideways_scroll(page)


def test_an_invitation_is_accepted_with_a_second_factor(
    new_context: Contexts, complaints: Complaints, axe: Look
) -> None:
    complaints.expect("status of 403")
    kim = new_context().new_page()
    name, _ = sign_up(kim)
    kim.goto("/members")
    kim.get_by_role("button", name="More").click()
    kim.get_by_role("link", name="Require a second factor").click()
    dialog = kim.get_by_role("dialog")
    axe(kim)
    dialog.get_by_role("button", name="Require it of everybody").click()
    expect(dialog).to_contain_text("Set up your own second factor first")
    kim.goto("/account")
    set_up_second_factor(kim)
    kim.get_by_role("link", name="I have kept them").click()
    expect(kim.get_by_role("heading", level=1)).to_have_text("Account and security")
    axe(kim)
    kim.goto("/members")
    kim.get_by_role("button", name="More").click()
    kim.get_by_role("link", name="Require a second factor").click()
    confirm(kim, "Require it of everybody")
    expect(kim.get_by_role("main")).to_contain_text("second factor required")
    kim.get_by_role("link", name="Invite member").click()
    axe(kim)
    email = f"{uuid4().hex[:8]}@harbour.example"
    fill_invitation(kim, email)
    expect(row(kim, email)).to_contain_text("Invited")
    axe(kim)

    nia = new_context(**PHONE).new_page()
    open_invitation(nia, email)
    expect(nia.get_by_role("main")).to_contain_text("requires a second factor")
    axe(nia)
    no_sideways_scroll(nia)
    join_as_new(nia, PASSPHRASE, "Nia Cole")
    expect(nia.get_by_role("heading", level=1)).to_have_text("Set up a second factor first")
    axe(nia)
    no_sideways_scroll(nia)
    nia.goto("/my/engagements")  # no page of the organisation before
    expect(nia.get_by_role("heading", level=1)).to_have_text("Set up a second factor first")
    set_up_second_factor(nia)
    axe(nia)
    nia.get_by_role("link", name="I have kept them").click()
    expect(nia.get_by_role("heading", level=1)).to_have_text("Home")
    nia.goto("/my/engagements")
    expect(nia.get_by_role("heading", level=1)).to_have_text("My engagements")

    kim.reload()
    expect(row(kim, "Nia Cole")).to_contain_text("on")
    row(kim, "Nia Cole").get_by_role("link", name="Nia Cole").click()
    expect(kim.locator("#results")).to_contain_text("Password set by mailed link")
    axe(kim)
    kim.get_by_role("link", name="Reset second factor").click()
    confirm(kim, "Reset the second factor", Reason="The telephone was stolen.")
    expect(toast(kim)).to_contain_text("is reset")
    nia.goto("/my/engagements")  # every session of hers has ended
    expect(nia.get_by_role("heading", level=1)).to_have_text("Sign in")
    newest_mail(nia, re.compile("second factor .* was reset"), to=email)
    expect(nia.get_by_role("main")).to_contain_text("The telephone was stolen.")
    kim.goto("/members/history")
    expect(kim.locator("#results")).to_contain_text("Second factor of Nia Cole reset: The telephone was stolen.")
    axe(kim)
    assert name


def test_an_invitation_is_declined_sent_again_and_withdrawn(
    visit: Visit, page: Page, complaints: Complaints, axe: Look
) -> None:
    complaints.expect("status of 410")
    olga = visit("olga")
    olga.goto("/members")
    first, second = (f"{uuid4().hex[:8]}@operator.example" for _ in range(2))
    for email in (first, second):
        olga.get_by_role("link", name="Invite member").click()
        fill_invitation(olga, email)
        expect(row(olga, email)).to_contain_text("Invited")
    open_invitation(page, first)
    address = page.url
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have declined the invitation")
    axe(page)
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("This invitation was declined")
    newest_mail(page, re.compile("has declined your invitation"), to="olga@operator.example")
    olga.reload()
    expect(row(olga, first)).to_have_count(0)
    actions_of(olga, row(olga, second)).get_by_role("link", name="Send it again").click()
    olga.get_by_role("dialog").get_by_role("button", name="Send it again").click()
    expect(olga.get_by_role("dialog")).to_contain_text("less than 10 minutes ago")
    axe(olga)
    olga.reload()
    actions_of(olga, row(olga, second)).get_by_role("link", name="Withdraw the invitation").click()
    confirm(olga, "Withdraw the invitation")
    expect(row(olga, second)).to_have_count(0)


def test_a_session_is_ended_from_another_browser(new_context: Contexts, axe: Look) -> None:
    here, there = new_context().new_page(), new_context(**PHONE).new_page()
    _, email = sign_up(here)
    sign_in(there, email, PASSPHRASE)
    there.goto("/account")
    sessions = there.get_by_role("list", name="Where you are signed in").get_by_role("listitem")
    expect(sessions).to_have_count(2)
    axe(there)
    no_sideways_scroll(there)
    here.goto("/account")
    here.get_by_role("link", name="End all others").click()
    axe(here)
    confirm(here, "End all others")
    expect(toast(here)).to_contain_text("1 other session ended")
    there.reload()
    expect(there.get_by_role("heading", level=1)).to_have_text("Sign in")
    here.get_by_role("link", name="Whole history").click()
    expect(here.locator("#results")).to_contain_text("All other sessions ended: 1")
    axe(here)


def test_the_operator_changes_parts_and_deactivates(
    visit: Visit, new_context: Contexts, complaints: Complaints, axe: Look
) -> None:
    complaints.expect("status of 403")
    kim = new_context().new_page()
    name, _ = sign_up(kim)
    olga = visit("olga")
    olga.goto(f"/organisations?search={name.replace(' ', '+')}")
    row(olga, name).get_by_role("link", name=name).click()
    axe(olga)
    olga.get_by_role("button", name="Actions").click()
    olga.get_by_role("link", name="Edit name, capacities, zone").click()
    axe(olga)
    olga.get_by_label("Name", exact=True).fill(f"{name} Ltd")
    olga.get_by_role("button", name="Save").click()
    expect(olga.get_by_role("heading", level=1)).to_have_text(f"{name} Ltd")
    olga.get_by_role("link", name="Add a partner").click()
    dialog = olga.get_by_role("dialog")
    dialog.get_by_label("Organisation").select_option(label="Contrail Systems")
    axe(olga)
    confirm(olga, "Add the relation")
    olga.get_by_role("link", name="End the relation with Contrail Systems").click()
    confirm(olga, "End the relation")
    expect(olga.get_by_role("main")).to_contain_text("ended")
    olga.get_by_role("button", name="Actions").click()
    olga.get_by_role("link", name="Deactivate the organisation").click()
    confirm(olga, "Deactivate the organisation", Reason="It was a trial.")
    expect(olga.locator(".heading .tag")).to_have_text("Deactivated")
    axe(olga)
    kim.goto("/my/engagements")
    expect(kim.get_by_role("heading", level=1)).to_have_text("You belong to no organisation")
    olga.get_by_role("link", name="History").click()
    expect(olga.locator("#results")).to_contain_text("Deactivated: It was a trial.")
    axe(olga)
