"""The README's pictures, all of one moment. Written only when asked for: `./run test tests/browser --screenshots`."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Contexts
from tests.browser.pages import actions_of, row, sign_in
from tests.browser.portal import Portal

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
DESKTOP = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"}
MOST_BYTES = 150_000


@pytest.fixture(autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--screenshots"):
        pytest.skip("only with --screenshots")


def keep(page: Page, name: str) -> None:
    """What is in view, without what moves: the pointer's hover, the caret, a toast."""
    page.mouse.move(0, 899)
    page.evaluate("document.fonts.ready")
    picture = page.screenshot(animations="disabled", caret="hide")
    assert len(picture) <= MOST_BYTES, f"{name} has {len(picture)} bytes"
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.png").write_bytes(picture)


def test_pictures_of_the_readme(own_portal: Portal, new_context: Contexts) -> None:
    def visit(person: str, **options: object) -> Page:
        page = new_context(**{"base_url": own_portal.url, **DESKTOP, **options}).new_page()
        if person:
            sign_in(page, person)
        return page

    anybody = visit("")
    anybody.goto("/sign-in")
    keep(anybody, "sign-in")

    dot = visit("dot")
    dot.goto("/catalog")
    keep(dot, "catalog")
    dot.goto("/catalog/incident-response/request")
    dot.get_by_role("radio", name=re.compile("^Standard")).check()
    dot.get_by_label("Name", exact=True).fill("Harbour systems on call")
    dot.get_by_label("Contact number").fill("+44 20 7946 0812")
    dot.get_by_label("Additional information").fill("Two sites; the first call should reach Dot Hale.")
    dot.get_by_label("Systems in scope").fill("Gate control and the order archive")
    dot.get_by_label("First response within").select_option("30 minutes")
    keep(dot, "request")

    ada = visit("ada")
    keep(ada, "home")
    ada.goto("/products")
    row(ada, "Incident response").get_by_role("link", name="Current engagements").click()
    actions_of(ada, row(ada, "24x7 incident response"))
    keep(ada, "current-engagements")
    ada.goto("/engagements?search=claims+archive")
    row(ada, "claims archive").get_by_role("link").first.click()
    expect(ada.locator(".heading .tag")).to_have_text("Pending")
    keep(ada, "engagement-details")
    ada.goto("/engagements?status=completion_requested")
    row(ada, "Landing zone set-up").get_by_role("link").first.click()
    keep(ada, "completion-requested")

    ada.goto("/engagements?search=24x7")
    row(ada, "24x7").get_by_role("link", name="24x7 incident response").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("24x7 incident response")
    here = ada.url
    for page, name in ((ada, "add-billing-entry"), (visit("ada", color_scheme="dark"), "add-billing-entry-dark")):
        page.goto(f"{here}/billing-entries/new")
        page.get_by_label(re.compile("^Notes")).fill("Night shift, storage controller failover")
        page.get_by_label("Quantity").fill("38.25")
        expect(page.locator("#preview")).to_contain_text("This entry")
        expect(page.locator("#preview svg")).to_be_visible()
        keep(page, name)
    ada.goto(f"{here}/billing-entries?month=2026-10")
    ada.get_by_role("link", name=re.compile("^Explain")).first.click()
    expect(ada.locator(".explain")).to_be_visible()
    keep(ada, "billing-entries")

    olga = visit("olga")
    olga.goto("/reviews/rating")
    keep(olga, "rating-queue")
    olga.goto("/months/2026-10")
    keep(olga, "month")
    ada.goto("/inbox")
    keep(ada, "inbox")
    ada.goto("/engagements/bulk-entry")
    keep(ada, "bulk-entry")
    phone = visit("ada", **PHONE)
    phone.goto("/engagements")
    keep(phone, "engagements-phone")
