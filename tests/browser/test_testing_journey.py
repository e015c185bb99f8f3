"""A test engagement: Ada starts it on a product before publication and takes it to its end; Olga reviews what is above the threshold."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Look, Visit
from tests.browser.pages import (
    add_entry,
    approve,
    confirm,
    decide,
    fresh_name,
    request_service,
    row,
    status,
    toast,
)

PRODUCT = "Ransomware drill"


@pytest.fixture
def ada(visit: Visit) -> Page:
    return visit("ada")


@pytest.fixture
def olga(visit: Visit) -> Page:
    return visit("olga")


def open_testing(ada: Page) -> None:
    ada.goto("/products")
    row(ada, PRODUCT).get_by_role("link", name="Testing").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Testing")


def start(ada: Page, name: str) -> str:
    """A pending test of this name; its id."""
    open_testing(ada)
    ada.get_by_role("main").get_by_role("link", name="Start a test engagement").first.click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_label("Name of the test").fill(name)
    dialog.get_by_label("Systems to practise on").select_option("One site")
    dialog.get_by_role("button", name="Start the test").click()
    ada.wait_for_url(re.compile(r"/engagements/[0-9a-f-]{36}$"))
    return ada.url.rpartition("/")[2]


def test_a_test_engagement_from_start_to_end(ada: Page, olga: Page, axe: Look) -> None:
    name = fresh_name("Two tiers")
    open_testing(ada)
    axe(ada)
    ada.get_by_role("main").get_by_role("link", name="Start a test engagement").first.click()
    dialog = ada.get_by_role("dialog")
    expect(dialog).to_contain_text("nobody is charged")
    axe(ada)
    dialog.get_by_role("button", name="Start the test").click()
    expect(dialog.get_by_role("group", name="What to correct")).to_contain_text("Name of the test")
    dialog.get_by_label("Name of the test").fill(name)
    dialog.get_by_role("button", name="Start the test").click()
    expect(dialog.get_by_role("group", name="What to correct")).to_contain_text("Systems to practise on is required.")
    dialog.get_by_label("Name of the test").fill(name)
    dialog.get_by_label("Systems to practise on").select_option("One site")
    dialog.get_by_role("button", name="Start the test").click()
    ada.wait_for_url(re.compile(r"/engagements/[0-9a-f-]{36}$"))
    engagement = ada.url.rpartition("/")[2]
    expect(ada.locator(".heading")).to_contain_text("Test")
    expect(ada.get_by_role("main")).to_contain_text(re.compile(r"TEST-ENG-\d+"))
    expect(ada.get_by_role("main")).to_contain_text("One site")
    axe(ada)
    decide(ada, "Approve")
    expect(status(ada)).to_have_text("Active")

    add_entry(ada, engagement, "12", "First tier")
    expect(row(ada, "First tier")).to_contain_text("Rated")
    expect(row(ada, "First tier")).to_contain_text("Test")
    expect(row(ada, "First tier")).to_contain_text("2,280.00")
    axe(ada)
    add_entry(ada, engagement, "90", "Both tiers")
    expect(row(ada, "Both tiers")).to_contain_text("In review")

    olga.goto("/reviews/rating?tests=only")
    expect(row(olga, name)).to_contain_text("Test")
    axe(olga)
    row(olga, name).get_by_role("link", name=re.compile("^Review")).click()
    expect(olga.locator(".heading")).to_contain_text("Test")
    axe(olga)
    olga.get_by_role("main").get_by_role("link", name="Approve").click()
    confirm(olga, "Approve and rate")
    expect(toast(olga)).to_contain_text("is rated")

    ada.reload()
    expect(row(ada, "Both tiers")).to_contain_text("Rated")
    ada.goto(f"/engagements/{engagement}/history")
    expect(ada.locator("#results")).to_contain_text(re.compile(r"TEST-BE-\d+ rated"))
    axe(ada)
    ada.goto(f"/engagements/{engagement}")
    ada.get_by_role("main").get_by_role("button", name=re.compile("^Actions")).click()
    ada.locator(".menu:popover-open").get_by_role("link", name="Mark as complete").click()
    confirm(ada, "Mark as complete")
    expect(status(ada)).to_have_text("Complete")
    ada.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Testing").click()
    expect(row(ada, name)).to_contain_text("Complete")
    expect(row(ada, name)).to_contain_text("2 Rated")
    expect(ada.get_by_role("region", name=re.compile("proved")).or_(ada.get_by_role("main"))).to_contain_text(
        "Completed"
    )
    expect(ada.get_by_role("main").get_by_text("Passed")).to_have_count(5)
    axe(ada)


def test_a_test_is_in_no_list_and_no_count(ada: Page) -> None:
    ada.goto("/engagements")
    waits = ada.get_by_role("navigation", name="Portal").get_by_role("link", name=re.compile("^Engagements"))
    before = waits.inner_text()
    name = fresh_name("Unlisted")
    engagement = start(ada, name)
    expect(waits).to_have_text(re.compile(re.escape(" ".join(before.split())).replace(r"\ ", r"\s*")))
    ada.goto(f"/engagements?search={name.replace(' ', '+')}")
    expect(ada.get_by_role("main")).to_contain_text("No engagement fits these filters")
    ada.goto(f"/engagements/{engagement}")
    decide(ada, "Reject", "Reject the test", Reason="Enough seen.")
    expect(status(ada)).to_have_text("Rejected")


def test_bulk_in_the_rating_queue(visit: Visit, ada: Page, olga: Page, complaints: Complaints, axe: Look) -> None:
    """Two entries are ticked and approved at the amounts shown; one has changed meanwhile, is left and approved anew; one is rejected."""
    names = {
        key: fresh_name(words) for key, words in (("two", "Bulk, both"), ("one", "Bulk, single"), ("no", "Bulk, no"))
    }
    complaints.expect("status of 409")
    dot = visit("dot")
    ids = {}
    for key, name in names.items():
        ids[key] = request_service(dot, name, "incident-response")
        approve(ada, ids[key])
    for notes in ("First weekend", "Second weekend"):
        add_entry(ada, ids["two"], "120", notes)
        expect(row(ada, notes)).to_contain_text("In review")
    for key in ("one", "no"):
        add_entry(ada, ids[key], "110", "Weekend")
        expect(row(ada, "Weekend")).to_contain_text("In review")

    olga.goto("/reviews/rating")
    axe(olga)
    olga.get_by_role("link", name="Tick all shown").click()
    expect(olga.locator("input[name=entry]").first).to_be_checked()
    olga.get_by_role("link", name="Tick none").click()
    expect(olga.locator("input[name=entry]").first).not_to_be_checked()
    for line in [*row(olga, names["two"]).all(), *row(olga, names["one"]).all()]:
        line.get_by_role("checkbox").check()
    olga.get_by_role("main").get_by_role("button", name="Approve", exact=True).click()
    expect(olga.get_by_role("heading", level=1)).to_have_text("Approve 3 billing entries")
    axe(olga)
    olga.get_by_role("button", name="Approve and rate").click()
    expect(olga.get_by_role("heading", level=1)).to_have_text("2 rated, 1 left")
    expect(row(olga, "it now comes to")).to_have_count(1)
    axe(olga)
    olga.get_by_role("link", name="Look again at what is left").click()
    expect(olga.get_by_role("heading", level=1)).to_have_text("Approve 1 billing entry")
    olga.get_by_role("button", name="Approve and rate").click()
    expect(toast(olga)).to_contain_text("1 rated.")
    expect(row(olga, names["two"])).to_have_count(0)

    row(olga, names["no"]).get_by_role("checkbox").check()
    olga.get_by_role("main").get_by_role("button", name="Reject", exact=True).click()
    expect(olga.get_by_role("heading", level=1)).to_have_text("Reject 1 billing entry")
    olga.get_by_role("button", name="Reject", exact=True).click()
    expect(olga.get_by_role("group", name="What to correct")).to_contain_text("Reason")
    axe(olga)
    olga.get_by_label("Reason").fill("Looks like minutes, not hours.")
    olga.get_by_role("button", name="Reject", exact=True).click()
    expect(toast(olga)).to_contain_text("1 rejected.")
    ada.goto(f"/engagements/{ids['no']}/billing-entries")
    expect(row(ada, "Weekend")).to_contain_text("Looks like minutes, not hours.")


@pytest.mark.parametrize("path", ["/reviews/rating", "/reviews/rating?tick=all"])
def test_the_queue_fits_a_phone(visit: Visit, path: str) -> None:
    olga = visit("olga")
    olga.set_viewport_size({"width": 390, "height": 844})
    olga.goto(path)
    expect(olga.get_by_role("main")).to_contain_text("With the ticked entries")
    assert olga.evaluate("document.documentElement.scrollWidth <= innerWidth")
