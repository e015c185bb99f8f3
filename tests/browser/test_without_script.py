"""The portal with scripts switched off: forms post, decisions are pages of their own, the preview is a button."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.pages import fresh_name, request_service, status


def test_request_approval_and_billing_entry_work_without_script(visit: Visit) -> None:
    dot, ada = visit("dot", java_script_enabled=False), visit("ada", java_script_enabled=False)
    engagement = request_service(dot, fresh_name("No script"), "incident-response")
    expect(status(dot)).to_have_text("Pending")

    ada.goto(f"/engagements/{engagement}")
    ada.get_by_role("main").get_by_role("link", name="Approve").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("Approve engagement")
    ada.get_by_role("button", name="Approve").click()
    expect(status(ada)).to_have_text("Active")
    expect(ada.get_by_role("main")).to_contain_text("Approved. The engagement is active")

    ada.get_by_role("main").get_by_role("link", name="Add billing entry").first.click()
    ada.get_by_label("Quantity").fill("1.1")
    ada.get_by_label(re.compile("^Notes")).fill("By hand")
    ada.get_by_role("button", name="Show amount").click()
    expect(ada.locator("#preview")).to_contain_text("in steps of 0.25")
    expect(ada.get_by_label(re.compile("^Notes"))).to_have_value("By hand")
    ada.get_by_label("Quantity").fill("2.5")
    ada.get_by_role("button", name="Show amount").click()
    expect(ada.locator("#preview")).to_contain_text("400.00")
    ada.get_by_role("button", name="Next").click()
    ada.wait_for_url(re.compile("/billing-entries$"))
    for _ in range(30):
        if "Rated" in ada.locator("#results tbody tr").inner_text():
            break
        ada.wait_for_timeout(500)
        ada.reload()
    line = ada.locator("#results tbody tr").filter(has_text="By hand")
    expect(line).to_contain_text("400.00")
    line.get_by_role("link", name=re.compile("^Explain")).click()
    expect(ada.get_by_role("heading", name=re.compile("^How USD 400.00 came about"))).to_be_visible()


def test_a_refused_decision_keeps_its_text_without_script(visit: Visit) -> None:
    dot, ada = visit("dot"), visit("ada", java_script_enabled=False)
    engagement = request_service(dot, fresh_name("No script, no"))
    ada.goto(f"/engagements/{engagement}")
    ada.get_by_role("main").get_by_role("link", name="Reject").click()
    ada.get_by_role("button", name="Reject and tell the client").click()
    expect(ada.get_by_role("main")).to_contain_text("Reason: This is missing.")
    ada.get_by_label("Reason").fill("Not this year.")
    ada.get_by_role("button", name="Reject and tell the client").click()
    expect(status(ada)).to_have_text("Rejected")


def test_menus_and_drawer_open_without_script(visit: Visit) -> None:
    ada = visit("ada", java_script_enabled=False, viewport={"width": 390, "height": 844})
    ada.get_by_role("button", name="Menu", exact=True).click()
    ada.locator("#side").get_by_role("link", name=re.compile("^Engagements")).click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("ngagements")
    ada.locator("#results").get_by_role("button", name=re.compile("^Actions")).first.click()
    ada.locator(".menu:popover-open").get_by_role("link", name="View details").click()
    expect(ada).to_have_url(re.compile("/engagements/[0-9a-f-]{36}$"))
