"""A product from draft to published, through every review and back once, and then a change of its price."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import decide, fresh_name, newest_mail, row, status, toast
from tests.makers.listing import png_of


@pytest.fixture
def ada(visit: Visit) -> Page:
    return visit("ada")


@pytest.fixture
def olga(visit: Visit) -> Page:
    return visit("olga")


def slug_of(name: str) -> str:
    return name.lower().replace(" ", "-")


def create(ada: Page, name: str) -> None:
    """A draft whose entry and support details are written; ends on its Support tab."""
    ada.goto("/products")
    ada.get_by_role("link", name="Create a product").click()
    ada.get_by_label("Name", exact=True).fill(name)
    ada.get_by_label("Programmatic name").fill(slug_of(name))
    ada.get_by_role("radio", name=re.compile("^Managed professional services")).check()
    ada.get_by_role("button", name="Create").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text(name)
    ada.get_by_label("Summary").fill("We look after it while you sleep.")
    ada.get_by_label("Category").fill("Security")
    ada.get_by_label("Description").fill("Every night, all night.\nWith a report in the morning.")
    ada.get_by_label("Request e-mail").fill("requests@northbridge.example")
    ada.get_by_role("button", name="Save entry").click()
    expect(toast(ada)).to_contain_text("Saved")
    tab(ada, "Support")
    ada.get_by_label("Hours and ways to reach support").fill("Around the clock, support@northbridge.example")
    ada.get_by_role("button", name="Save support details").click()
    expect(toast(ada)).to_contain_text("Saved")


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Product listing").get_by_role("link", name=name).click()
    expect(page.locator(".tabs a[aria-current]")).to_have_text(name)


def price(ada: Page) -> None:
    """A plan with hours in two bands; ends on Pricing."""
    tab(ada, "Pricing")
    ada.get_by_role("link", name="Add plan").first.click()
    ada.get_by_label("Plan name").fill("Standard")
    ada.get_by_label("Programmatic name").fill("standard")
    ada.get_by_role("button", name="Save plan").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Add metric")
    ada.get_by_role("button", name="Add band").click()
    expect(ada.get_by_role("radio", name=re.compile("^Graduated"))).to_be_checked()
    ada.get_by_label("Band 1, up to").fill("1000")
    ada.get_by_label("Band 1, price").fill("1")
    ada.get_by_label("Band 2, price").fill("0.90")
    expect(ada.locator("#preview")).to_contain_text("1,180.00")


def review(olga: Page, queue: str, name: str) -> None:
    """From the side menu to the request of this product."""
    olga.goto(f"/reviews/{queue}")
    row(olga, name).get_by_role("link", name=name, exact=True).click()
    expect(olga.get_by_role("heading", level=1)).to_have_text(name)


def approve(olga: Page, queue: str, name: str, button: str) -> None:
    review(olga, queue, name)
    decide(olga, button)
    expect(toast(olga)).to_contain_text("approved")


def test_a_product_from_draft_to_published(visit: Visit, ada: Page, olga: Page, axe: Look, tmp_path: Path) -> None:
    name = fresh_name("Night watch")
    create(ada, name)
    axe(ada)
    tab(ada, "Catalog entry")
    ada.get_by_role("link", name="Add parameter").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Add custom parameter")
    axe(ada)
    ada.get_by_label("Label").fill("Region")
    ada.get_by_role("radio", name=re.compile("^Selection")).check()
    ada.get_by_label("Options", exact=True).fill("Prague\nFrankfurt")
    ada.get_by_role("checkbox", name="Required").check()
    ada.get_by_role("button", name="Add parameter").click()
    expect(ada.get_by_role("region", name="Custom parameters")).to_contain_text("Region")
    axe(ada)

    price(ada)
    axe(ada)
    ada.get_by_text("View as table").click()
    expect(ada.get_by_role("region", name="Cost of a month by quantity")).to_contain_text("1,200.00")
    ada.get_by_label("What would a month cost of").fill("600")
    expect(ada.locator("#preview")).to_contain_text("A month of 600.00 h costs")
    ada.get_by_label("Band 1, up to").fill("")
    expect(ada.locator("#preview")).to_contain_text("Band 1: only the last band may be left without an end")
    ada.get_by_label("Band 1, up to").fill("1000")
    ada.get_by_role("button", name="Save metric").click()
    expect(ada.get_by_role("main")).to_contain_text("USD 1.00 per h to 1,000 h a month, then USD 0.90")
    axe(ada)

    tab(ada, "Publish")
    axe(ada)
    decide(ada, "Request pricing approval", "Request approval")
    expect(status(ada)).to_have_text("Pricing in review")

    olga.get_by_role("navigation", name="Portal").get_by_role("link", name=re.compile("^Pricing")).click()
    expect(row(olga, name)).to_contain_text("Ada Marsh")
    axe(olga)
    review(olga, "pricing", name)
    axe(olga)
    olga.get_by_label("What would a month cost of").fill("2000")
    expect(olga.locator("#judged")).to_contain_text("1,900.00")
    decide(olga, "Return with a reason", "Return pricing", **{"What to mend": "The second band needs a reason."})
    expect(row(olga, name)).to_have_count(0)

    ada.reload()
    expect(ada.get_by_role("main")).to_contain_text("The second band needs a reason.")
    axe(ada)
    decide(ada, "Request pricing approval", "Request approval")
    expect(status(ada)).to_have_text("Pricing in review")
    approve(olga, "pricing", name, "Approve pricing")

    ada.reload()
    expect(status(ada)).to_have_text("Pricing approved")
    wrong, right = tmp_path / "scan.png", tmp_path / "estimate.png"
    wrong.write_bytes(b"<html>not a picture</html>")
    right.write_bytes(png_of(name))
    ada.get_by_label("Screenshot of the estimator").set_input_files(wrong)
    ada.get_by_role("button", name="Upload").first.click()
    expect(ada.get_by_role("alert").filter(has_text="no PDF, PNG or JPEG")).to_be_visible()
    axe(ada)
    ada.get_by_label("Screenshot of the estimator").set_input_files(right)
    ada.get_by_role("button", name="Upload").first.click()
    expect(ada.locator("#evidence")).to_contain_text("estimate.png")
    decide(ada, "Submit evidence")
    expect(status(ada)).to_have_text("Evidence in review")

    review(olga, "evidence", name)
    axe(olga)
    with olga.expect_download() as saved:
        olga.get_by_role("link", name="Download estimate.png").click()
    assert saved.value.suggested_filename == f"{slug_of(name)}-estimator.png"
    decide(olga, "Approve metering evidence")
    expect(toast(olga)).to_contain_text("approved")

    ada.reload()
    decide(ada, "Request publication")
    expect(status(ada)).to_have_text("Publication in review")
    review(olga, "publication", name)
    axe(olga)
    decide(olga, "Publish")
    expect(toast(olga)).to_contain_text("approved")

    ada.reload()
    expect(status(ada)).to_have_text("Published")
    expect(ada.get_by_role("main")).to_contain_text("7 of 7 done")
    axe(ada)
    newest_mail(ada, re.compile(f"Published: {name}"), "ada@northbridge.example")
    dot = visit("dot")
    dot.goto(f"/catalog/{slug_of(name)}/request")
    expect(dot.get_by_label("Region")).to_be_visible()


def test_a_price_change_is_sent_approved_and_announced(visit: Visit, ada: Page, axe: Look) -> None:
    """Approved on 1 November 2026: told on 1 December, counts from January 2027; what is in force stays."""
    ada.goto("/products")
    row(ada, "Patch management").get_by_role("link", name="Product listing").click()
    tab(ada, "Pricing")
    ada.get_by_role("link", name="Change prices").click()
    expect(ada.get_by_role("dialog")).to_contain_text("counts from January 2027 at the earliest")
    axe(ada)
    ada.get_by_role("dialog").get_by_role("button", name="Begin a new version").click()
    expect(ada.get_by_role("main")).to_contain_text("Version 2")
    ada.get_by_role("link", name="Edit Servers").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Servers")
    axe(ada)
    ada.get_by_label("Band 1, price").fill("9.90")
    ada.get_by_role("button", name="Save prices").click()
    expect(ada.get_by_role("main")).to_contain_text("USD 9.90 per server")
    axe(ada)
    decide(ada, "Request pricing approval", "Request approval")
    expect(ada.get_by_role("main")).to_contain_text("the operator reviews version 2")

    otto = visit("otto")
    review(otto, "pricing", "Patch management")
    expect(otto.get_by_role("main")).to_contain_text("counts from January 2027 if approved now")
    expect(otto.get_by_role("main")).to_contain_text("Approved before:")
    axe(otto)
    decide(otto, "Approve pricing")
    expect(toast(otto)).to_contain_text("approved")

    ada.reload()
    expect(ada.get_by_role("main")).to_contain_text("Version 2, in force from January 2027")
    axe(ada)
    dot = visit("dot")
    dot.goto("/catalog/patch-management")
    expect(dot.get_by_role("main")).to_contain_text("Plan Standard from January 2027 on")
    expect(dot.get_by_role("region", name="Plans and prices")).to_contain_text("9.5000")
    axe(dot)


def test_many_requests_are_returned_with_one_reason(ada: Page, olga: Page, axe: Look) -> None:
    names = [fresh_name("Bulk watch") for _ in range(2)]
    for name in names:
        create(ada, name)
        price(ada)
        ada.get_by_role("button", name="Save metric").click()
        expect(ada.get_by_role("main")).to_contain_text("USD 1.00 per h")
        tab(ada, "Publish")
        decide(ada, "Request pricing approval", "Request approval")
        expect(status(ada)).to_have_text("Pricing in review")
    olga.goto("/reviews/pricing")
    for name in names:
        row(olga, name).get_by_role("checkbox").check()
    axe(olga)
    olga.get_by_role("button", name="Return with a reason").click()
    expect(olga.get_by_role("heading", level=1)).to_have_text("Return 2 requests")
    axe(olga)
    olga.get_by_role("button", name="Return 2 requests").click()
    expect(olga.get_by_role("group", name="What to correct")).to_be_visible()
    olga.get_by_label("What to mend").fill("State what a night costs.")
    olga.get_by_role("button", name="Return 2 requests").click()
    expect(toast(olga)).to_contain_text("2 decided.")
    for name in names:
        expect(row(olga, name)).to_have_count(0)
    ada.reload()
    expect(ada.get_by_role("main")).to_contain_text("State what a night costs.")


def test_listing_on_a_phone_scrolls_in_its_own_boxes_only(visit: Visit, axe: Look) -> None:
    ada = visit("ada", viewport={"width": 390, "height": 844})
    ada.goto("/products")
    row(ada, "Managed backup").get_by_role("link", name="Product listing").click()
    for name in ("Catalog entry", "Pricing", "Support", "Publish"):
        tab(ada, name)
        assert ada.evaluate("document.documentElement.scrollWidth") <= 390, name
        axe(ada)


def test_a_price_table_without_script(visit: Visit) -> None:
    """Bands, the preview and the decision are pages and forms of their own."""
    ada = visit("ada", java_script_enabled=False)
    ada.goto("/products")
    row(ada, "Security review").get_by_role("link", name="Product listing").click()
    tab(ada, "Pricing")
    ada.get_by_role("link", name="Add metric").click()
    ada.get_by_role("button", name="Add band").click()
    ada.get_by_label("Band 1, up to").fill("10")
    ada.get_by_label("Band 1, price").fill("100")
    ada.get_by_label("Band 2, price").fill("80")
    ada.get_by_role("button", name="Show the price").click()
    expect(ada.locator("#preview")).to_contain_text("96,200.00")
    ada.get_by_role("button", name="Remove band 2").click()
    expect(ada.get_by_label("Band 2, price")).to_have_count(0)
