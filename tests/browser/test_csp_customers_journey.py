"""A partner sees to a discovered customer: mark-up, budget, monitoring, link with a mailed invitation; and the dashboard."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Contexts, Look
from tests.browser.pages import confirm, join_as_new, open_invitation, row, sign_in, toast
from tests.browser.portal import REPOSITORY, Portal, copy_of


@pytest.fixture(scope="module")
def resold(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = copy_of(seeded, tmp_path_factory.mktemp("resold"))
    subprocess.run(
        [sys.executable, "-m", "tests.browser.csp_resold", str(portal.folder)], cwd=REPOSITORY, env=portal.environment, check=True
    )  # fmt: skip
    try:
        yield portal.start()
    finally:
        portal.stop()


@pytest.fixture
def ada(resold: Portal, new_context: Contexts) -> Page:
    page = new_context(base_url=resold.url).new_page()
    sign_in(page, "ada")
    return page


def open_customer(page: Page, name: str) -> None:
    page.goto("/csp/customers")
    row(page, name).get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(name))


def test_a_customer_is_seen_to(ada: Page, resold: Portal, new_context: Contexts, axe: Look) -> None:
    ada.goto("/csp/customers")
    expect(row(ada, "Adatum")).to_contain_text("No mark-up")
    axe(ada)
    open_customer(ada, "Adatum Corporation")
    expect(ada.get_by_text("Why is this customer incomplete?")).to_be_visible()
    axe(ada)

    ada.get_by_role("button", name="Monitor: Microsoft 365 E3").click()
    expect(toast(ada)).to_contain_text("is monitored")
    ada.get_by_role("button", name="Monitor all", exact=True).click()
    expect(ada.locator("#results").get_by_text("monitored", exact=True)).to_have_count(3)

    ada.get_by_role("link", name="Budget settings").click()
    expect(ada.get_by_text("Nothing can be billed before there is one")).to_be_visible()
    axe(ada)
    ada.get_by_role("link", name="Set mark-up").click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_label("Percent").fill("-5")
    dialog.get_by_role("button", name="Set the mark-up").click()
    expect(dialog.locator(".error")).to_contain_text("never negative")
    axe(ada)
    confirm(ada, "Set the mark-up", Percent="18.5")
    expect(ada.locator(".strip")).to_contain_text("18.5 %")
    ada.get_by_role("link", name="Set budget").click()
    axe(ada)
    confirm(ada, "Save the budget", **{"Monthly budget": "160.00"})
    expect(ada.get_by_text("used in October 2026: EUR 157.37, estimate, as of")).to_be_visible()

    ada.get_by_role("main").get_by_role("link", name="Link to an organisation").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Link Adatum Corporation")
    axe(ada)
    ada.get_by_label("First admin's full name").fill("Mia Kroll")
    ada.get_by_label("First admin's e-mail").fill("mia@adatum.example")
    ada.get_by_role("button", name="Create and invite").click()
    expect(toast(ada)).to_contain_text("mia@adatum.example invited by mail")
    expect(ada.get_by_text("Why is this customer incomplete?")).to_have_count(0)
    ada.get_by_role("link", name="History").click()
    expect(row(ada, "Linked to Adatum Corporation")).to_be_visible()
    axe(ada)

    mia = new_context(base_url=resold.url).new_page()
    open_invitation(mia, "mia@adatum.example")
    expect(mia.get_by_label("Your name")).to_have_value("Mia Kroll")
    join_as_new(mia, "a first passphrase")
    expect(mia.get_by_role("heading", level=1)).to_have_text("Home")
    expect(mia.locator(".top-switch")).to_contain_text("Adatum Corporation")


def test_the_dashboard_as_charts_and_as_tables(ada: Page, axe: Look) -> None:
    ada.goto("/csp/dashboard")
    expect(ada.locator("#customers svg.chart-wide")).to_be_visible()
    axe(ada)
    ada.locator("#customers").get_by_role("link", name="View as table").click()
    expect(ada.locator("#customers tbody tr").first).to_contain_text("November 2026")
    axe(ada)
    ada.goto("/csp/dashboard?by=year")
    expect(ada.get_by_role("heading", name="Customers by year")).to_be_visible()
    axe(ada)


PAGES = (
    "/csp/dashboard",
    "/csp/dashboard?view=table",
    "/csp/customers",
    "/csp/customers > Tailspin Toys",
    "/csp/customers > Compagnie",
)


def test_nothing_scrolls_sideways_on_a_phone(resold: Portal, new_context: Contexts, axe: Look) -> None:
    page = new_context(base_url=resold.url, viewport={"width": 390, "height": 844}).new_page()
    sign_in(page, "ada")
    for path in PAGES:
        where, _mark, words = path.partition(" > ")
        page.goto(where)
        if words:
            row(page, words).get_by_role("link").first.click()
            expect(page.locator(".tabs")).to_be_visible()
            for tab in ("Budget settings", "History", "Subscriptions"):
                page.locator(".tabs").get_by_role("link", name=tab).click()
                expect(page.locator('.tabs a[aria-current="page"]')).to_have_text(tab)
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= 390, f"{page.url} is {wide} px wide"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{page.url} is {wide} px wide"
        axe(page)
