"""The second day of the month: Ada bills forty engagements, twenty by keyboard in the grid, the rest by a file, and nothing twice."""

import csv
import re
from io import StringIO

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import fresh_name, toast
from tests.browser.portal import Portal

GRID = "/engagements/bulk-entry"


@pytest.fixture
def fleet(own_portal: Portal) -> Portal:
    own_portal.flask("shell", typed="from tests.makers.fleet import make_fleet; make_fleet()\n")
    return own_portal


def upload(page: Page, rows: list[dict[str, str]], *, separator: str = ",") -> None:
    out = StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    file = {"name": "october.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode("utf-8-sig")}
    page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Preview").click()


def tab_to_the_next_quantity(page: Page) -> None:
    for _ in range(6):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.getAttribute('aria-label')") or "").startswith("Quantity"):
            return
    pytest.fail("no quantity follows within six stops")


def test_forty_entries_by_grid_and_by_file(fleet: Portal, visit: Visit, axe: Look) -> None:
    ada = visit("ada", base_url=fleet.url)
    ada.goto("/engagements?search=fleet")
    ada.get_by_role("link", name="Bulk entry").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Bulk entry")
    expect(ada.locator("#grid tbody tr")).to_have_count(40)
    axe(ada)

    # by keyboard alone: a quantity, then Tab past what lies between (notes, a tick that came meanwhile, the next month)
    quantities = ada.get_by_role("textbox", name=re.compile("^Quantity"))
    quantities.first.focus()
    for number in range(20):
        ada.keyboard.type(str(number + 1) if number else "x")
        tab_to_the_next_quantity(ada)
    expect(ada.locator("#grid tbody tr").nth(0)).to_contain_text("Write a plain number")
    expect(ada.locator("#grid tbody tr").nth(1)).to_contain_text(re.compile(r"USD.\d+\.\d\d"))

    quantities.nth(1).press("Enter")  # Preview
    expect(ada.get_by_role("group", name="What to correct")).to_contain_text("1 row needs correcting")
    expect(ada.get_by_role("main")).to_contain_text("19 rows are ready")
    axe(ada)
    ada.get_by_role("checkbox", name=re.compile("^Submit")).nth(18).uncheck()
    ada.get_by_role("button", name="Submit ticked rows").click()
    expect(ada.locator("#done tbody tr")).to_have_count(18)
    expect(ada.locator("#grid tbody tr")).to_have_count(22)
    expect(quantities.first).to_have_value("x")
    axe(ada)
    quantities.first.fill("7")
    expect(ada.locator("#grid tbody tr").first.get_by_role("checkbox")).to_be_checked()
    ada.get_by_role("button", name="Submit ticked rows").click()
    expect(ada.locator("#done tbody tr")).to_have_count(1)

    ada.get_by_role("link", name="Upload a file").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Bulk entry by file")
    axe(ada)
    with ada.expect_download() as started:
        ada.get_by_role("link", name="Template").click()
    rows = list(csv.DictReader(StringIO(started.value.path().read_text())))
    mine = [row for row in rows if row["Name"].startswith("Fleet")]
    assert len(mine) == 40 and all(row["Month"] == "2026-10" and not row["Quantity"] for row in mine)
    for number, row in enumerate(mine[19:], 119):
        row.update(Quantity=str(number), Notes="October")
    mine[39]["Quantity"] = "1,000,000"
    upload(ada, mine, separator=";")
    expect(ada.get_by_role("main")).to_contain_text("20 rows are ready")
    expect(ada.get_by_role("group", name="What to correct")).to_contain_text("Row 41")
    axe(ada)
    ada.get_by_role("button", name="Submit all 20 rows").click()
    expect(ada.get_by_role("main")).to_contain_text("20 entries submitted")
    axe(ada)

    mine[39]["Quantity"] = "138"
    upload(ada, mine)
    expect(ada.get_by_role("main")).to_contain_text("1 row is ready")
    expect(ada.get_by_text("submitted before, not billed again")).to_have_count(20)
    ada.get_by_role("button", name="Submit 1 row").click()
    expect(ada.get_by_role("main")).to_contain_text("1 entry submitted")
    upload(ada, mine)
    expect(ada.get_by_text("submitted before, not billed again")).to_have_count(21)
    expect(ada.get_by_role("button", name=re.compile("^Submit"))).to_have_count(0)
    fleet.flask("check", "all")


def test_the_grid_and_the_file_without_script_and_on_a_phone(fleet: Portal, visit: Visit, axe: Look) -> None:
    ada = visit("ada", base_url=fleet.url, java_script_enabled=False, viewport={"width": 390, "height": 844})
    ada.goto(f"{GRID}?search=fleet+4")
    row = ada.locator("#grid tbody tr").first
    row.get_by_role("textbox", name=re.compile("^Quantity")).fill("3")
    ada.get_by_role("button", name="Preview").click()
    expect(row).to_contain_text("USD")
    ada.get_by_role("button", name="Submit ticked rows").click()
    expect(ada.locator("#done tbody tr")).to_have_count(1)
    ada.goto(f"{GRID}/upload?search=fleet")
    upload(ada, [{"Engagement": "ENG-9999999", "Month": "2026-10", "Quantity": "1"}])
    expect(ada.get_by_role("main")).to_contain_text("There is no such engagement.")
    phone = visit("ada", base_url=fleet.url, viewport={"width": 390, "height": 844})
    for path in (GRID, f"{GRID}/upload", "/views"):
        phone.goto(path)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, path
    phone.goto(f"{GRID}?search=fleet")
    phone.get_by_role("textbox", name=re.compile("^Quantity")).first.fill("x")
    expect(phone.locator("#grid tbody tr").first).to_contain_text("Write a plain number")
    axe(phone)


def test_a_view_is_saved_opened_renamed_and_deleted(visit: Visit, axe: Look) -> None:
    ada, name = visit("ada"), fresh_name("Active of Globex")
    ada.goto("/engagements?status=active&search=globex")
    ada.get_by_role("button", name="Saved views").click()
    ada.get_by_role("link", name="Save this view").click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill(name)
    axe(ada)
    dialog.get_by_role("button", name="Save view").click()
    expect(toast(ada)).to_contain_text(name)

    ada.goto("/engagements")
    ada.get_by_role("button", name="Saved views").press("Enter")
    expect(ada.get_by_role("group", name="Saved views").get_by_role("link", name=name)).to_be_visible()
    axe(ada)
    ada.get_by_role("group", name="Saved views").get_by_role("link", name=name).click()
    expect(ada).to_have_url(re.compile(r"status=active&search=globex$"))

    ada.goto("/views")
    axe(ada)
    line = ada.get_by_role("row").filter(has_text=name)
    line.get_by_role("link", name=re.compile("^Rename")).click()
    dialog.get_by_role("textbox", name="Name").fill(f"{name} still")
    dialog.get_by_role("button", name="Rename").click()
    expect(ada.get_by_role("link", name=f"{name} still", exact=True)).to_be_visible()
    line.get_by_role("link", name=re.compile("^Delete")).click()
    dialog.get_by_role("button", name="Delete view").click()
    expect(ada.get_by_role("link", name=f"{name} still", exact=True)).to_have_count(0)


def test_the_headers_search_finds_by_words_without_accents(visit: Visit, axe: Look) -> None:
    ada, dot = visit("ada"), visit("dot")
    ada.get_by_role("button", name="Search engagements").press("Enter")
    box = ada.locator("#top-search").get_by_role("searchbox")
    expect(box).to_be_focused()
    axe(ada)
    box.fill("lodz servers")
    box.press("Enter")
    expect(ada.locator("#results tbody tr")).to_have_count(1)
    expect(ada.locator("#results")).to_contain_text("Łódź Textiles")
    dot.get_by_role("button", name="Search engagements").click()
    dot.locator("#top-search").get_by_role("searchbox").fill("warehouse")
    dot.locator("#top-search").get_by_role("button", name="Search").click()
    expect(dot).to_have_url(re.compile("/my/engagements[?]search=warehouse$"))
    expect(dot.locator("#results")).to_contain_text("Warehouse systems on call")
