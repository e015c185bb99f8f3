"""A metric joins a published plan and is thrown away again; a job is run out of turn; both on a phone as well."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import fresh_name, row, toast

Visit = Callable[..., Page]
Look = Callable[[Page], None]


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} scrolls sideways"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_metric_joins_a_published_plan(visit: Visit, axe: Look, width: int) -> None:
    ada, name = visit("ada"), fresh_name("Reports")
    ada.goto("/products")
    row(ada, "Incident response").get_by_role("link", name="Product listing").click()
    ada.get_by_role("navigation").get_by_role("link", name="Pricing").click()
    ada.set_viewport_size({"width": width, "height": 900})
    plan = ada.locator(".tile").filter(has=ada.get_by_role("link", name="Add metric")).first
    plan.get_by_role("link", name="Add metric").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Add metric")
    expect(ada.get_by_role("main")).to_contain_text("what is approved already goes on unchanged")
    axe(ada)
    fits(ada)
    ada.get_by_role("radio", name=re.compile("^Unit")).check()
    ada.get_by_label("Display name").fill(name)
    ada.get_by_label("Unit beside a number").fill("reports")
    ada.get_by_label("One of it").fill("report")
    ada.get_by_label("Smallest step").fill("1")
    ada.get_by_label("Band 1, price").fill("40")
    expect(ada.locator("#preview")).to_contain_text("48,000.00")
    ada.get_by_role("button", name="Save metric").click()
    expect(toast(ada)).to_contain_text("once the operator has approved it")
    line = ada.get_by_role("row").filter(has_text=name)
    expect(line).to_contain_text("USD 40.00 per report")
    expect(line).to_contain_text("new in this version")
    axe(ada)
    fits(ada)
    ada.get_by_role("link", name=re.compile("^Discard version")).click()
    dialog = ada.get_by_role("dialog")
    expect(dialog).to_contain_text("and metrics that it adds")
    axe(ada)
    dialog.get_by_role("button", name="Discard version").click()
    expect(toast(ada)).to_contain_text("Discarded.")
    expect(line).to_have_count(0)


@pytest.mark.parametrize("width", [1440, 390])
def test_a_job_is_run_out_of_turn(visit: Visit, axe: Look, width: int) -> None:
    olga = visit("olga")
    olga.set_viewport_size({"width": width, "height": 900})
    olga.goto("/operations")
    expect(olga.get_by_role("heading", level=1)).to_have_text("Operations")
    axe(olga)
    olga.get_by_role("link", name="Run now Announce prices").click()
    dialog = olga.get_by_role("dialog")
    expect(dialog).to_contain_text("Never beside itself")
    axe(olga)
    dialog.get_by_role("button", name="Run now").click()
    expect(toast(olga)).to_contain_text("Announce prices: asked for.")
    line = olga.get_by_role("row").filter(has_text="Announce prices")
    expect(line).to_contain_text(re.compile(r"ago for Olga Reyes, [^:]+: passed"), timeout=20_000)
    expect(olga.locator("#overview")).not_to_have_attribute("hx-trigger", re.compile(".*"))
    axe(olga)
    fits(olga)
