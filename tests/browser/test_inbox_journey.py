"""The Inbox: a bulk approval told in one mail, a line passed on, and a digest whose link asks for a sign-in and decides nothing."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Contexts, Look, Visit
from tests.browser.pages import confirm, fill_sign_in, fresh_name, newest_mail, request_service, row, toast
from tests.browser.portal import Portal


@pytest.fixture
def two_requests(visit: Visit) -> tuple[str, list[str]]:
    """Two engagements of Dot's, pending: the name they share, and their ids."""
    name = fresh_name("Bulk")
    dot = visit("dot")
    return name, [request_service(dot, f"{name} {which}") for which in ("first", "second")]


def test_a_bulk_approval_from_the_inbox(visit: Visit, two_requests: tuple[str, list[str]], axe: Look) -> None:
    name, engagements = two_requests
    ada = visit("ada")
    ada.goto("/inbox")
    expect(row(ada, name)).to_have_count(2)
    axe(ada)
    for line in row(ada, name).all():
        line.get_by_role("checkbox").check()
    ada.get_by_role("button", name="Approve ticked").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Approve 2 lines")
    axe(ada)
    ada.get_by_role("button", name="Approve 2", exact=True).click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("2 lines decided")
    expect(toast(ada)).to_contain_text("2 lines approved.")
    expect(ada.get_by_role("region", name="What became of each")).to_contain_text(f"{name} second")
    axe(ada)
    ada.get_by_role("link", name="Back to the inbox").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Inbox")
    expect(row(ada, name)).to_have_count(0)
    dot = visit("dot")
    newest_mail(dot, re.compile(r"approved: .* \(and 1 more\)$"), "dot@acme.example")
    for engagement in engagements:
        expect(dot.get_by_role("main")).to_contain_text(engagement)
    dot.goto("/notices")
    expect(dot.locator("#results tr.is-new").filter(has_text="approved: Patch management").first).to_be_visible()
    axe(dot)
    dot.locator("#results tr.is-new .linkish").first.click()
    expect(dot.get_by_role("heading", level=1)).to_contain_text(name)


def test_one_reason_for_several_and_nothing_is_lost(
    visit: Visit, two_requests: tuple[str, list[str]], axe: Look
) -> None:
    name, _engagements = two_requests
    ada = visit("ada")
    ada.goto("/inbox")
    for line in row(ada, name).all():
        line.get_by_role("checkbox").check()
    ada.get_by_role("button", name="Reject ticked").click()
    ada.get_by_role("button", name="Reject 2", exact=True).click()
    expect(ada.locator(".errors")).to_contain_text("Give a reason")
    axe(ada)
    ada.get_by_label("Reason").fill("We are booked out until spring.")
    ada.get_by_role("button", name="Reject 2", exact=True).click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("2 lines decided")
    expect(ada.locator(".facts")).to_contain_text("We are booked out until spring.")


def test_a_line_is_passed_to_a_colleague(visit: Visit, two_requests: tuple[str, list[str]], axe: Look) -> None:
    name, _engagements = two_requests
    ada = visit("ada")
    ada.goto("/inbox")
    line = row(ada, f"{name} first")
    line.get_by_role("button", name=re.compile("^Actions")).click()
    axe(ada)
    ada.locator(".menu:popover-open").get_by_role("link", name="Pass to a colleague").click()
    dialog = ada.get_by_role("dialog")
    expect(dialog).to_be_visible()
    axe(ada)
    dialog.get_by_label("Abe Adeyemi").check()
    confirm(ada, "Pass it on", Note="Yours, I am away.")
    expect(toast(ada)).to_contain_text("Passed to Abe Adeyemi")
    abe = visit("abe")
    abe.goto("/inbox?passed=to-me")
    expect(row(abe, f"{name} first")).to_contain_text("Yours, I am away.")
    axe(abe)


def test_what_to_be_told(visit: Visit, axe: Look) -> None:
    eve = visit("eve")
    eve.goto("/account/notices")
    axe(eve)
    eve.get_by_label("Daily digest by mail").uncheck()
    eve.get_by_role("button", name="Save").click()
    expect(toast(eve)).to_contain_text("Saved")
    expect(eve.get_by_label("Daily digest by mail")).not_to_be_checked()


def test_the_digests_link_needs_a_sign_in_and_only_asks(own_portal: Portal, new_context: Contexts, axe: Look) -> None:
    own_portal.flask("demo", "clock", "2026-11-02T07:30:00Z")  # half past eight in Prague
    own_portal.flask("jobs", "run", "send_digests")
    page: Page = new_context(base_url=own_portal.url).new_page()
    newest_mail(page, re.compile("decisions wait for you at Northbridge Consulting$"), "ada@northbridge.example")
    axe(page)
    page.get_by_role("link", name=re.compile("do=approve$")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    fill_sign_in(page, "ada")
    expect(page.get_by_role("heading", level=1)).to_have_text("Approve 1 line")
    axe(page)
    link = page.url
    page.goto("/inbox")
    lines = page.locator("#results tbody tr")
    expect(lines.first).to_be_visible()
    waiting = lines.count()
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Approve 1 line")  # asking decided nothing
    page.get_by_role("button", name="Approve 1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 line decided")
    page.goto("/inbox")
    expect(lines).to_have_count(waiting - 1)


@pytest.mark.parametrize("person", ["ada", "olga", "dot"])
def test_home_and_its_table(visit: Visit, axe: Look, person: str) -> None:
    page = visit(person)
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    expect(page.locator("#revenue svg.chart-wide")).to_be_visible()
    axe(page)
    page.locator("#revenue").get_by_role("link", name="View as table").click()
    expect(page.locator("#revenue tr.total")).to_contain_text("Twelve months")
    axe(page)


@pytest.mark.parametrize(
    ("person", "path"),
    [
        ("ada", "/"),
        ("ada", "/inbox"),
        ("ada", "/notices"),
        ("ada", "/account/notices"),
        ("ada", "/?view=table"),
        ("dot", "/"),
    ],
)
@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_nothing_scrolls_sideways(visit: Visit, axe: Look, person: str, path: str, width: int) -> None:
    page = visit(person, viewport={"width": width, "height": 844})
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)


def test_ticking_and_asking_work_without_script(
    new_context: Contexts, visit: Visit, two_requests: tuple[str, list[str]]
) -> None:
    name, _engagements = two_requests
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/sign-in")
    fill_sign_in(page, "ada")
    page.goto("/inbox")
    for line in row(page, name).all():
        line.get_by_role("checkbox").check()
    page.get_by_role("button", name="Approve ticked").click()
    page.get_by_role("button", name="Approve 2", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 lines decided")
    page.goto("/inbox?tick=all")
    expect(page.get_by_role("checkbox", checked=True).first).to_be_visible()
