"""Olga, the operator: decides what waits, sets the rules, knows who does business here."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import (
    actions_of,
    add_entry,
    approve,
    confirm,
    decide,
    fill_invitation,
    fresh_name,
    join_as_new,
    open_invitation,
    request_service,
    row,
    status,
    toast,
)


@pytest.fixture
def olga(visit: Visit) -> Page:
    return visit("olga")


@pytest.fixture
def ada(visit: Visit) -> Page:
    return visit("ada")


@pytest.fixture
def in_review(visit: Visit, ada: Page) -> str:
    """The name of an engagement of which one entry waits for the operator; Ada looks at its billing entries."""
    name = fresh_name("Above the threshold")
    engagement = request_service(visit("dot"), name, "incident-response")
    approve(ada, engagement)
    add_entry(ada, engagement, "130", "Release weekend")
    expect(row(ada, "Release weekend")).to_contain_text("In review")
    return name


def test_the_operator_approves_what_waits_in_the_rating_queue(olga: Page, ada: Page, in_review: str, axe: Look) -> None:
    olga.get_by_role("navigation", name="Portal").get_by_role("link", name=re.compile("^Rating queue")).click()
    axe(olga)
    expect(olga.locator("#results")).to_contain_text("Overdue")
    menu = actions_of(olga, row(olga, in_review))
    axe(olga)
    menu.get_by_role("link", name="View details").click()
    expect(olga.get_by_role("main")).to_contain_text("Above the review threshold")
    axe(olga)
    olga.get_by_role("main").get_by_role("link", name="Approve").click()
    expect(olga.get_by_role("dialog")).to_contain_text("20,443.75")
    axe(olga)
    confirm(olga, "Approve and rate")
    expect(toast(olga)).to_contain_text("is rated")
    expect(row(olga, in_review)).to_have_count(0)
    ada.reload()
    expect(row(ada, "Release weekend")).to_contain_text("Rated")


def test_the_operator_rejects_with_a_reason_that_the_partner_reads(olga: Page, ada: Page, in_review: str) -> None:
    olga.goto("/reviews/rating")
    row(olga, in_review).get_by_role("link").first.click()
    decide(olga, "Reject", "Reject billing entry", Reason="Looks like minutes, not hours.")
    expect(row(olga, in_review)).to_have_count(0)
    ada.reload()
    expect(row(ada, "Release weekend")).to_contain_text("Rejected")
    expect(row(ada, "Release weekend")).to_contain_text("Looks like minutes, not hours.")
    actions_of(ada, row(ada, "Release weekend")).get_by_role("link", name="Correct and submit again").click()
    expect(ada.get_by_label("Quantity")).to_have_value("130")
    expect(ada.get_by_label(re.compile("^Notes"))).to_have_value("Release weekend")


def test_a_programmes_rules_are_edited_and_the_change_is_told(olga: Page, axe: Look) -> None:
    olga.get_by_role("navigation", name="Portal").get_by_role("link", name="Programmes").click()
    axe(olga)
    row(olga, "Marketplace services").get_by_role("link").click()
    axe(olga)
    olga.get_by_role("link", name="Edit rules").click()
    axe(olga)
    olga.get_by_label("Review threshold").fill("-1")
    olga.get_by_role("button", name="Save rules").click()
    expect(olga.get_by_label("Review threshold")).to_have_value("-1")
    expect(olga.get_by_role("group", name="What to correct")).to_contain_text("Review threshold")
    axe(olga)
    olga.get_by_label("Review threshold").fill("25000")
    olga.get_by_role("button", name="Save rules").click()
    expect(toast(olga)).to_contain_text("Saved")
    expect(olga.get_by_role("main")).to_contain_text("25,000.00")
    expect(olga.get_by_role("main")).to_contain_text("Olga Reyes")


def test_an_organisation_is_added_and_its_first_member_is_invited(olga: Page, page: Page, axe: Look) -> None:
    name = fresh_name("Harbour Works")
    olga.get_by_role("navigation", name="Portal").get_by_role("link", name="Organisations").click()
    axe(olga)
    olga.get_by_role("link", name="Add organisation").click()
    axe(olga)
    olga.get_by_label("Name", exact=True).fill(name)
    olga.get_by_label("Customer").check()
    olga.get_by_role("button", name="Add organisation").click()
    expect(olga.get_by_role("heading", level=1)).to_have_text(name)
    axe(olga)
    olga.get_by_role("link", name="Invite member").first.click()
    axe(olga)
    email = f"{name.split()[-1]}@harbour.example"
    fill_invitation(olga, email)
    expect(olga.get_by_role("region", name="Open invitations")).to_contain_text(email)
    axe(olga)
    open_invitation(page, email)
    join_as_new(page, "four calm herons wade", "Kim Okafor")
    olga.reload()
    expect(olga.get_by_role("region", name="Members")).to_contain_text("Kim Okafor")
    olga.get_by_role("link", name="History").click()
    expect(olga.locator("#results")).to_contain_text("Kim Okafor joined as customer")
    axe(olga)


def test_the_operator_reads_any_engagement_and_decides_none(olga: Page, axe: Look) -> None:
    olga.get_by_role("navigation", name="Portal").get_by_role("link", name=re.compile("^Engagements")).click()
    axe(olga)
    olga.goto("/engagements?status=pending")
    olga.locator("#results tbody td.k-name a").first.click()
    expect(status(olga)).to_have_text("Pending")
    expect(olga.get_by_role("link", name="Approve")).to_have_count(0)
    axe(olga)
    olga.get_by_role("navigation", name="Portal").get_by_role("link", name="Members and roles").click()
    axe(olga)
    olga.get_by_role("button", name="More").click()
    axe(olga)
    olga.get_by_role("link", name="What each role allows").click()
    expect(olga.get_by_role("heading", level=1)).to_have_text("What each role allows")
    axe(olga)
