"""A correction after close by two people, and the month that Olga closes: Ada asks, Abe approves, Dot sees the charge."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import actions_of, confirm, decide, row, status, toast
from tests.browser.portal import Portal

#: hours of July, which closed in August
ENGAGEMENT = "Warehouse systems on call"
NARROW = {"width": 390, "height": 844}


@pytest.fixture
def entries(own_portal: Portal, visit: Visit) -> tuple[Page, str]:
    """Ada looks at the engagement's entries of July."""
    ada = visit("ada", base_url=own_portal.url)
    ada.goto(f"/engagements?search={ENGAGEMENT}")
    row(ada, ENGAGEMENT).get_by_role("link", name=ENGAGEMENT).first.click()
    ada.wait_for_url(re.compile("/engagements/[0-9a-f-]{36}$"))
    path = ada.url.removeprefix(own_portal.url)
    ada.goto(f"{path}/billing-entries?month=2026-07")
    return ada, path


def test_a_correction_after_close_by_two_people(
    own_portal: Portal, visit: Visit, entries: tuple[Page, str], axe: Look
) -> None:
    ada, engagement = entries
    line = row(ada, "Weekend cover").first
    number = re.search(r"BE-\d+", line.inner_text())
    assert number is not None
    actions_of(ada, line).get_by_role("link", name="Correct").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text(f"Correct {number[0]}")
    axe(ada)
    ada.get_by_label("Right quantity").press_sequentially("26.75")
    preview = ada.locator("#preview")
    expect(preview).to_contain_text(f"Reversal of {number[0]}")
    expect(preview).to_contain_text("−320.00")
    expect(preview).to_contain_text("Booked in November 2026, for work of July 2026")
    axe(ada)
    ada.get_by_label("Reason").fill("Two hours were counted twice.")
    ada.get_by_role("button", name="Ask for this correction").click()
    expect(status(ada)).to_have_text("Waiting for approval")
    expect(ada.get_by_role("main")).to_contain_text("It waits for somebody else")
    expect(ada.get_by_role("link", name="Approve")).to_have_count(0)
    axe(ada)
    correction = ada.url.removeprefix(own_portal.url)

    abe = visit("abe", base_url=own_portal.url)
    abe.goto(correction)
    expect(abe.get_by_role("main")).to_contain_text("It waits for your decision")
    axe(abe)
    abe.get_by_role("main").get_by_role("link", name="Approve").click()
    expect(abe.get_by_role("dialog")).to_contain_text("both booked in November 2026")
    axe(abe)
    confirm(abe, "Approve and book")
    expect(toast(abe)).to_contain_text("approved and booked")
    expect(abe.get_by_role("main")).to_contain_text("What it has booked")
    axe(abe)
    abe.goto(f"{engagement}/billing-entries?month=2026-07")
    taken_back = row(abe, f"Reversal of {number[0]}")
    expect(taken_back).to_contain_text("booked in November 2026")
    taken_back.get_by_role("link", name=re.compile("^Explain")).click()
    expect(abe.locator(".explain")).to_contain_text("Two hours were counted twice.")
    axe(abe)

    dot = visit("dot", base_url=own_portal.url)
    dot.goto("/my/charges?month=2026-11")
    back = dot.locator("#results tbody tr").filter(has_text=f"{number[0]} taken back")
    expect(back).to_have_count(1)
    expect(dot.locator("#results")).to_contain_text(f"in place of {number[0]}")
    axe(dot)
    back.get_by_role("link", name=re.compile("^Explain")).click()
    expect(dot.locator(".explain")).to_contain_text(f"This takes back {number[0]}")
    expect(dot.get_by_role("main")).not_to_contain_text("Two hours were counted twice.")
    axe(dot)
    assert "WRONG" not in own_portal.flask("check", "all")


def test_olga_closes_a_month_and_otto_reopens_it_with_her(own_portal: Portal, visit: Visit, axe: Look) -> None:
    olga, otto = visit("olga", base_url=own_portal.url), visit("otto", base_url=own_portal.url)
    olga.get_by_role("navigation", name="Portal").get_by_role("link", name=re.compile("^Months")).click()
    expect(row(olga, "Frozen, not closed").first).to_be_visible()
    axe(olga)
    row(olga, "September 2026").filter(has_text="Frozen, not closed").get_by_role(
        "link", name="September 2026"
    ).first.click()
    expect(olga.get_by_role("main")).to_contain_text("Ready to close")
    axe(olga)
    olga.get_by_role("main").get_by_role("link", name="Close September 2026").click()
    expect(olga.get_by_role("dialog")).to_contain_text("root hash of all history")
    axe(olga)
    confirm(olga, "Close September 2026")
    expect(toast(olga)).to_contain_text("September 2026 is closed")
    book = olga.locator("#reject-after-grace")
    expect(book).to_contain_text("Root hash")
    axe(olga)
    assert "WRONG" not in own_portal.flask("check", "all")

    book.get_by_role("link", name="Ask to reopen").click()
    confirm(olga, "Ask to reopen it", Reason="Two entries were lost in a strike.")
    expect(book).to_contain_text("asks to reopen it")
    axe(olga)
    otto.goto("/months/2026-09")
    expect(otto.locator("#reject-after-grace")).to_contain_text("Two entries were lost in a strike.")
    axe(otto)
    otto.locator("#reject-after-grace").get_by_role("link", name="Reopen September 2026").click()
    confirm(otto, "Reopen September 2026")
    expect(otto.locator("#reject-after-grace .tag").first).to_have_text("Reopened")
    axe(otto)
    ada = visit("ada", base_url=own_portal.url)
    ada.goto(f"/engagements?search={ENGAGEMENT}")
    row(ada, ENGAGEMENT).get_by_role("link", name=ENGAGEMENT).first.click()
    ada.wait_for_url(re.compile("/engagements/[0-9a-f-]{36}$"))
    ada.get_by_role("main").get_by_role("link", name="Add billing entry").first.click()
    expect(ada.get_by_role("radio", name=re.compile("^September 2026"))).to_be_visible()
    axe(ada)
    assert "closed. History root" in own_portal.flask("months", "close", "2026-09", "--book", "reject-after-grace")


def test_without_script_the_first_send_shows_both_lines(
    own_portal: Portal, visit: Visit, entries: tuple[Page, str]
) -> None:
    engagement = entries[1]
    ada = visit("ada", base_url=own_portal.url, java_script_enabled=False)
    ada.goto(f"{engagement}/billing-entries?month=2026-07")
    href = ada.locator("#results a[href$='/correct']").first.get_attribute("href")
    assert href is not None
    ada.goto(href)
    ada.get_by_label("Right quantity").fill("0")
    ada.get_by_label("Reason").fill("It never happened.")
    ada.get_by_role("button", name="Ask for this correction").click()
    expect(ada.locator("#preview")).to_contain_text("Reversal of")
    ada.get_by_role("button", name="Ask for this correction").click()
    expect(status(ada)).to_have_text("Waiting for approval")


@pytest.mark.parametrize("person", ["abe", "olga"])
def test_on_a_phone_nothing_scrolls_sideways(
    own_portal: Portal, visit: Visit, entries: tuple[Page, str], axe: Look, person: str
) -> None:
    ada, engagement = entries
    ada.goto("/engagements?search=24x7")
    row(ada, "24x7 incident response").get_by_role("link", name="24x7 incident response").first.click()
    ada.wait_for_url(re.compile("/engagements/[0-9a-f-]{36}$"))
    ada.goto(f"{ada.url}/billing-entries")
    waiting = ada.get_by_role("link", name=re.compile("^Show COR")).first.get_attribute("href")
    offered = ada.locator("#results a[href$='/correct']").first.get_attribute("href")
    page = visit(person, base_url=own_portal.url, viewport=NARROW)
    own = ("/months", "/months/2026-09", "/months/2026-10") if person == "olga" else (f"{engagement}/billing-entries",)
    for path in (waiting, offered, *own):
        assert path is not None
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (path, wide)
        axe(page)


def test_a_correction_is_rejected_with_a_reason(own_portal: Portal, visit: Visit) -> None:
    """The one that waits in the demo."""
    abe = visit("abe", base_url=own_portal.url)
    abe.goto("/engagements?search=24x7")
    row(abe, "24x7 incident response").get_by_role("link", name="24x7 incident response").first.click()
    abe.wait_for_url(re.compile("/engagements/[0-9a-f-]{36}$"))
    abe.goto(f"{abe.url}/billing-entries")
    abe.get_by_role("link", name=re.compile("^Show COR")).first.click()
    decide(abe, "Reject", "Reject correction", Reason="The log says otherwise.")
    expect(status(abe)).to_have_text("Rejected")
    expect(abe.get_by_role("main")).to_contain_text("The log says otherwise.")
