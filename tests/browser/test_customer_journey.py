"""Dot, a customer: from the catalog to an engagement that is over and charged."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import (
    add_entry,
    approve,
    confirm,
    decide,
    fresh_name,
    newest_mail,
    number_of,
    request_service,
    row,
    status,
    toast,
)


def test_a_customer_requests_a_service_from_the_catalog_and_the_partner_is_mailed(visit: Visit, axe: Look) -> None:
    dot, name = visit("dot"), fresh_name("Warehouse cover")
    dot.get_by_role("navigation", name="Portal").get_by_role("link", name="Catalog").click()
    expect(dot.get_by_role("heading", name="Catalog")).to_be_visible()
    axe(dot)
    dot.get_by_role("link", name="Incident response", exact=True).click()
    expect(dot.get_by_role("region", name="Plans and prices")).to_contain_text("160.00")
    axe(dot)
    dot.get_by_role("main").get_by_role("link", name="Request", exact=True).click()

    dot.get_by_role("radio", name=re.compile("^Enterprise")).check()
    dot.get_by_label("Name", exact=True).fill(name)
    dot.get_by_role("button", name="Create").click()
    expect(dot.get_by_role("group", name="What to correct")).to_contain_text("Contact number: This is missing.")
    expect(dot.get_by_label("Name", exact=True)).to_have_value(name)
    expect(dot.get_by_role("radio", name=re.compile("^Enterprise"))).to_be_checked()
    axe(dot)

    dot.get_by_label("Contact number").fill("+420 777 000 111")
    dot.get_by_label("Additional information").fill("Two sites, one of them abroad.")
    dot.get_by_label("Systems in scope").fill("Gate control, order archive")
    dot.get_by_label("First response within").select_option("1 hour")
    dot.get_by_role("button", name="Create").click()
    expect(dot.get_by_role("heading", level=1)).to_have_text(name)
    expect(status(dot)).to_have_text("Pending")
    expect(dot.get_by_role("main")).to_contain_text("Gate control, order archive")
    axe(dot)

    newest_mail(dot, re.compile(number_of(dot)), to="requests@northbridge.example")
    expect(dot.get_by_role("main")).to_contain_text(name)
    axe(dot)


def test_a_customer_takes_a_pending_request_back(visit: Visit, axe: Look) -> None:
    dot, name = visit("dot"), fresh_name("Not needed after all")
    request_service(dot, name)
    dot.get_by_role("main").get_by_role("link", name="Withdraw request").click()
    expect(dot.get_by_role("dialog")).to_contain_text("nothing is charged")
    axe(dot)
    dot.keyboard.press("Escape")
    expect(dot.get_by_role("dialog")).to_have_count(0)
    expect(dot.get_by_role("main").get_by_role("link", name="Withdraw request")).to_be_focused()
    decide(dot, "Withdraw request")
    expect(status(dot)).to_have_text("Withdrawn")
    expect(toast(dot)).to_contain_text("Withdrawn")
    dot.get_by_role("link", name="History", exact=False).first.click()
    axe(dot)


def test_a_customer_asks_for_completion_deletes_the_instance_and_sees_gross_charges(visit: Visit, axe: Look) -> None:
    dot, ada, name = visit("dot"), visit("ada"), fresh_name("Depot servers")
    engagement = request_service(dot, name)
    approve(ada, engagement)
    add_entry(ada, engagement, "120", "Patched by the window")
    expect(row(ada, "Patched by the window")).to_contain_text("Rated")

    dot.goto(f"/my/engagements/{engagement}")
    decide(dot, "Request completion", **{"What you would like to say": "All depots are done."})
    expect(status(dot)).to_have_text("Completion requested")
    decide(dot, "Withdraw completion request")
    expect(status(dot)).to_have_text("Active")
    decide(dot, "Request completion")

    ada.goto(f"/engagements/{engagement}")
    expect(ada.get_by_role("main")).to_contain_text("Acme Logistics asks to complete this engagement")
    decide(ada, "Mark as complete")
    expect(status(ada)).to_have_text("Complete")

    dot.reload()
    expect(status(dot)).to_have_text("Complete")
    decide(dot, "Delete instance")
    expect(dot.get_by_role("main")).to_contain_text("you have deleted the instance")
    expect(dot.get_by_role("main").get_by_role("link", name="Delete instance")).to_have_count(0)
    dot.get_by_role("navigation", name="Views of this page").get_by_role("link", name="Billing entries").click()
    expect(row(dot, "Patched by the window")).to_contain_text("984.00")
    axe(dot)

    dot.get_by_role("navigation", name="Portal").get_by_role("link", name="Charges").click()
    expect(row(dot, name).first).to_contain_text("984.00")
    axe(dot)
    for word in ("net", "due", "margin", "cost", "mark-up", "revenue share"):
        assert not re.search(rf"\b{word}\b", dot.get_by_role("main").inner_text(), re.IGNORECASE), word
    dot.get_by_role("navigation", name="Portal").get_by_role("link", name="My engagements").click()
    expect(row(dot, name)).to_contain_text("984.00")
    axe(dot)


def test_a_customer_decides_from_the_list_by_the_actions_menu(visit: Visit, axe: Look) -> None:
    dot, name = visit("dot"), fresh_name("Short thought")
    request_service(dot, name)
    dot.goto("/my/engagements")
    row(dot, name).get_by_role("button", name=re.compile("^Actions")).click()
    axe(dot)
    dot.locator(".menu:popover-open").get_by_role("link", name="Withdraw request").click()
    confirm(dot, "Withdraw request")
    expect(status(dot)).to_have_text("Withdrawn")
