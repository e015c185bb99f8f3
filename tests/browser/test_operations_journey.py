"""The operator keeps the installation running: a failed entry tried again, a self-check, a new programme; on a phone as well."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.pages import fresh_name
from tests.browser.portal import Portal

Visit = Callable[..., Page]
Look = Callable[[Page], None]

#: one of the demo's entries in review, as if the machine had failed on it before it got there
FAILED = """
UPDATE billing_entry SET state = 'submitted', failure = 'OperationalError: database is locked', tries = 3,
  try_again_at = '2030-01-01 00:00:00.000000'
WHERE id = (SELECT id FROM billing_entry WHERE state = 'in_review' ORDER BY number LIMIT 1)
"""
PUT_OFF = """
UPDATE outbox SET sent_at = NULL, tries = 4, due_at = '2030-01-01 00:00:00.000000', last_error = '451 4.7.1 come back later'
WHERE id = (SELECT min(id) FROM outbox)
"""


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} scrolls sideways"


def test_a_failed_entry_is_tried_again_and_everything_is_checked(own_portal: Portal, visit: Visit, axe: Look) -> None:
    own_portal.spoil(FAILED, PUT_OFF)
    olga = visit("olga", base_url=own_portal.url)
    olga.get_by_role("navigation", name="Portal").get_by_role("link", name="Operations").click()
    expect(olga.get_by_role("heading", name="Operations", level=1)).to_be_visible()
    expect(olga.get_by_role("cell", name=re.compile("^Rate billing entries"))).to_be_visible()
    axe(olga)

    olga.get_by_role("link", name="Look and retry Billing entries not rated").click()
    row = olga.get_by_role("row").filter(has_text="database is locked")
    expect(row).to_have_count(1)
    axe(olga)
    row.get_by_role("button", name=re.compile("^Retry")).click()
    expect(olga.get_by_text("1 row is tried again now.")).to_be_visible()
    for _ in range(20):  # the job looks every second
        if olga.get_by_text("Nothing of this kind has failed").count():
            break
        olga.wait_for_timeout(500)
        olga.reload()
    expect(olga.get_by_text("Nothing of this kind has failed")).to_be_visible()

    olga.get_by_role("link", name=re.compile("^Mail not sent")).click()
    mail = olga.get_by_role("row").filter(has_text="come back later")
    expect(mail).to_have_count(1)
    mail.get_by_role("link", name=re.compile("^Give up")).click()
    dialog = olga.get_by_role("dialog")
    expect(dialog.get_by_text("nobody is told what it says")).to_be_visible()
    axe(olga)
    dialog.get_by_role("button", name="Give it up").click()
    expect(olga.get_by_text("Given up. It is not tried again.")).to_be_visible()
    expect(olga.get_by_role("cell", name="given up", exact=True)).to_be_visible()

    olga.get_by_role("navigation", name="Views of this page").get_by_role("link", name="Self-check").click()
    olga.get_by_role("button", name="Run check all").click()
    expect(olga.get_by_text("History chains verify, from first event to last")).to_be_visible()
    expect(olga.get_by_role("heading", name="Last complete run")).to_be_visible()
    expect(olga.locator("#self-check[hx-trigger]")).to_have_count(0)  # it stops asking when it is done
    expect(olga.locator(".checks .failed")).to_have_count(0)
    axe(olga)
    olga.get_by_role("navigation", name="Views of this page").get_by_role("link", name="Mail on its way").click()
    expect(olga.get_by_role("heading", name="Mail on its way")).to_be_visible()
    axe(olga)


def test_a_programme_is_set_up_and_its_rules_changed(visit: Visit, axe: Look) -> None:
    olga, name = visit("olga"), fresh_name("Support services")
    olga.goto("/programmes")
    olga.get_by_role("link", name="Create programme").click()
    expect(olga.get_by_role("heading", name="Create programme")).to_be_visible()
    axe(olga)
    olga.get_by_role("button", name="Create programme").click()
    expect(olga.get_by_text("Nothing was set up yet.")).to_be_visible()
    axe(olga)
    olga.get_by_label("Name", exact=True).fill(name)
    olga.get_by_label("Currency").select_option("EUR")
    olga.get_by_label("Net plus mark-up").check()
    olga.get_by_label("Percent", exact=True).fill("12.5")
    olga.get_by_label("Tax", exact=True).fill("19")
    olga.get_by_role("button", name="Create programme").click()
    expect(olga.get_by_role("heading", name=name)).to_be_visible()
    expect(olga.get_by_text(f"Set up as {name}, in EUR")).to_be_visible()
    expect(olga.get_by_text("customers are charged 12.5 % more")).to_be_visible()
    axe(olga)
    olga.get_by_role("link", name="Edit rules").click()
    olga.get_by_label("Review threshold").fill("500")
    olga.get_by_role("button", name="Save rules").click()
    expect(olga.get_by_text("Review threshold changed from none to EUR 500.00")).to_be_visible()


def test_on_a_phone_nothing_scrolls_sideways(own_portal: Portal, visit: Visit, axe: Look) -> None:
    own_portal.spoil(FAILED, PUT_OFF)
    olga = visit("olga", base_url=own_portal.url, viewport={"width": 390, "height": 844})
    for path, heading in (
        ("/operations", "Operations"),
        ("/operations/failed-rows", "Failed rows"),
        ("/operations/failed-rows?kind=mail", "Failed rows"),
        ("/operations/outbox", "Mail on its way"),
        ("/operations/self-check", "Self-check"),
        ("/programmes", "Programmes"),
        ("/programmes/new", "Create programme"),
    ):
        olga.goto(path)
        expect(olga.get_by_role("heading", name=heading, level=1)).to_be_visible()
        fits(olga)
        axe(olga)
    olga.goto("/operations/failed-rows")
    olga.get_by_role("button", name=re.compile("^Retry BE-")).click()
    expect(olga.get_by_text("1 row is tried again now.")).to_be_visible()
