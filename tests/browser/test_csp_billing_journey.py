"""From Microsoft's invoice to the customer's own cloud: it ties, its statements are issued, the customer reads its own."""

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import confirm, row, toast
from tests.browser.portal import REPOSITORY, Portal

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def billed(portal: Portal) -> Portal:
    command = [sys.executable, "-m", "tests.browser.csp_billing_stage"]
    done = subprocess.run(command, cwd=REPOSITORY, env=portal.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return portal


def shot(page: Page, name: str) -> None:
    """For who looks at the pages while changing them: CSP_PICTURES names a folder."""
    folder = os.environ.get("CSP_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def open_invoice(ada: Page, number: str = "G048201937") -> None:
    ada.goto("/csp/invoices")
    row(ada, number).get_by_role("link", name=number, exact=True).first.click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text(number)


def test_an_invoice_becomes_statements_that_the_customer_reads(billed: Portal, visit: Visit, axe: Look) -> None:
    ada = visit("ada")
    ada.get_by_role("navigation", name="Portal").get_by_role("link", name="CSP invoices").click()
    expect(row(ada, "G048201937").first).to_contain_text("Reconciled")
    axe(ada)
    shot(ada, "list")
    open_invoice(ada)
    main = ada.get_by_role("main")
    expect(main).to_contain_text("Sum of 8 lines")
    expect(main).to_contain_text("4 ready, 1 blocked")
    axe(ada)
    shot(ada, "invoice")
    main.get_by_role("link", name="Acme Freight").click()
    ada.get_by_role("link", name="Explain: 2").click()
    expect(ada.get_by_role("main")).to_contain_text("the charge it gives back, which began on 1 Sep 2026")
    axe(ada)
    shot(ada, "customer")
    open_invoice(ada)
    main.get_by_role("link", name="Issue 4 statements").click()
    expect(ada.get_by_role("dialog")).to_contain_text("Acme Freight")
    axe(ada)
    confirm(ada, "Issue 4 statements")
    expect(toast(ada)).to_contain_text("4 statements issued.")
    expect(ada.get_by_role("main")).to_contain_text("4 issued, 1 blocked")
    axe(ada)
    ada.get_by_role("link", name="History").click()
    expect(ada.get_by_role("main")).to_contain_text("issued to Acme Freight: 165.06 EUR")
    axe(ada)
    ada.get_by_role("navigation", name="Portal").get_by_role("link", name="Statements").click()
    expect(row(ada, "Acme Freight")).to_contain_text("165.06")
    axe(ada)
    shot(ada, "statements")
    row(ada, "Acme Freight").get_by_role("link", name=re.compile("^ST-")).click()
    expect(ada.get_by_role("main")).to_contain_text("−94.08")
    axe(ada)
    shot(ada, "statement")

    dot = visit("dot")
    dot.get_by_role("navigation", name="Portal").get_by_role("link", name="Cloud", exact=True).click()
    expect(dot.get_by_role("main")).to_contain_text("Spending by month")
    expect(row(dot, "165.06")).to_contain_text("ST-")
    axe(dot)
    shot(dot, "cloud")
    row(dot, "165.06").get_by_role("link", name=re.compile("^ST-")).click()
    expect(dot.get_by_role("main")).to_contain_text("−108.19")
    assert "94.08" not in dot.content()
    axe(dot)
    shot(dot, "own-statement")
    with dot.expect_download() as got:
        dot.get_by_role("link", name="PDF", exact=True).click()
    assert got.value.suggested_filename.endswith("-v1.pdf")


def test_what_does_not_tie_is_overridden_with_a_reason(billed: Portal, visit: Visit, axe: Look) -> None:
    ada = visit("ada")
    open_invoice(ada, "G048400001")
    expect(ada.get_by_role("main")).to_contain_text("Statements are held back")
    axe(ada)
    shot(ada, "held-back")
    ada.get_by_role("link", name="it names no customer that Microsoft lists").click()
    expect(ada.get_by_role("main")).to_contain_text("Reservation, VM instance")
    axe(ada)
    open_invoice(ada, "G048400001")
    ada.get_by_role("main").get_by_role("link", name="Issue all the same").click()
    axe(ada)
    confirm(ada, "Override", Reason="A cent of rounding; Microsoft credits it in November")
    expect(toast(ada)).to_contain_text("The reason stands in the history.")
    expect(ada.get_by_role("main")).to_contain_text("A cent of rounding")
    axe(ada)


def test_it_is_read_on_a_phone(billed: Portal, visit: Visit, axe: Look) -> None:
    ada = visit("ada", **PHONE)
    for path in ("/csp/invoices", "/csp/statements"):
        ada.goto(path)
        fits(ada)
        axe(ada)
    open_invoice(ada)
    fits(ada)
    axe(ada)
    shot(ada, "invoice-phone")
    ada.get_by_role("main").get_by_role("link", name="Acme Freight").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Acme Freight")
    fits(ada)
    shot(ada, "customer-phone")
    dot = visit("dot", **PHONE)
    dot.goto("/my/cloud")
    fits(dot)
    axe(dot)
    shot(dot, "cloud-phone")


def fits(page: Page) -> None:
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, f"{page.url} scrolls sideways: {width} px"
