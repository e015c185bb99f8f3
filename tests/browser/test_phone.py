"""390 and 320 px wide: no page scrolls sideways, lists are cards, the drawer opens, what one presses is large enough."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, Visit
from tests.browser.pages import row

#: Every page of the site map that each may open; "list > words" is the page behind the row that holds these words.
ENGAGEMENT = "/engagements?search=24x7 > 24x7 incident response"
OWN = "/my/engagements?search=Warehouse > Warehouse systems on call"
SITE_MAP = {
    "ada": (
        "/",
        "/products",
        "/engagements",
        "/engagements?status=pending",
        "/engagements?search=nothing-has-this-name",
        ENGAGEMENT,
        f"{ENGAGEMENT}/history",
        f"{ENGAGEMENT}/billing-entries",
        f"{ENGAGEMENT}/billing-entries/new",
        f"{ENGAGEMENT}/mark-complete",
        "/engagements?search=Landing > Landing zone set-up",
        "/engagements?search=claims+archive > Managed backup for claims archive",
        "/engagements?search=Assistance > Assistance permanente",
        "/members",
        "/members/new",
        "/members/roles",
        "/settings/api-keys",
        "/settings/api-keys/new",
        "/settings/webhooks",
        "/settings/webhooks/new",
        "/settings/webhooks > hooks.northbridge.example",
        "/api/docs",
        "/account",
        "/account/password",
        "/demo/mailbox",
    ),
    "dot": (
        "/",
        "/catalog",
        "/catalog/incident-response",
        "/catalog/managed-backup/request",
        "/my/engagements",
        OWN,
        f"{OWN}/history",
        f"{OWN}/billing-entries",
        "/my/charges",
    ),
    "olga": (
        "/",
        "/reviews/rating",
        "/reviews/rating > Claims platform on call",
        "/engagements",
        ENGAGEMENT,
        "/programmes",
        "/programmes > Managed professional services",
        "/programmes > Managed professional services/edit",
        "/organisations",
        "/organisations?search=Northbridge > Northbridge Consulting",
        "/organisations?search=Northbridge > Northbridge Consulting/members/new",
        "/organisations/new",
    ),
}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TOO_WIDE = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  return [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > most + 1 && !e.closest('[popover], dialog, .box, .scroll'))
    .slice(0, 4).map(e => e.outerHTML.slice(0, 100)).concat(String(document.documentElement.scrollWidth));
}"""


@pytest.mark.parametrize("person", SITE_MAP)
@pytest.mark.parametrize("width", [390, 320])
def test_no_page_of_the_site_map_scrolls_sideways(visit: Visit, person: str, width: int) -> None:
    page = visit(person, viewport={"width": width, "height": 800})
    wide = {}
    for place in SITE_MAP[person]:
        open_place(page, place)
        if found := page.evaluate(TOO_WIDE):
            wide[place] = found
    assert not wide


def test_public_pages_do_not_scroll_sideways_and_are_accessible(page: Page, axe: Look) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    for path in ("/sign-in", "/forgot-password", "/catalog", "/catalog/incident-response"):
        page.goto(path)
        assert page.evaluate(TOO_WIDE) == [], path
        axe(page)


def test_the_drawer_opens_and_holds_menu_switcher_and_clock(visit: Visit, axe: Look) -> None:
    ada = visit("ada", **PHONE)
    drawer = ada.locator("#side")
    expect(drawer).to_be_hidden()
    ada.get_by_role("button", name="Menu", exact=True).tap()
    expect(drawer).to_be_visible()
    expect(drawer).to_contain_text("Northbridge Consulting")
    expect(drawer).to_contain_text("1 Nov 2026")
    axe(ada)
    drawer.get_by_role("link", name=re.compile("^Engagements")).tap()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("ngagements")
    expect(drawer).to_be_hidden()


def test_a_list_shows_cards_with_the_likely_action_and_the_rest_behind_the_dots(visit: Visit, axe: Look) -> None:
    ada = visit("ada", **PHONE)
    ada.goto("/engagements")
    card = row(ada, "24x7 incident response")
    assert card.evaluate("e => getComputedStyle(e).display") != "table-row"
    axe(ada)
    dots = card.get_by_role("button", name=re.compile("^Actions"))
    for target in (dots, card.get_by_role("link", name=re.compile("^Add entry"))):
        at_least(target, 44)
    dots.tap()
    expect(ada.locator(".menu:popover-open")).to_be_visible()
    axe(ada)
    ada.locator(".menu:popover-open").get_by_role("link", name="View details").tap()
    expect(ada.get_by_role("heading", level=1)).to_have_text("24x7 incident response")


@pytest.mark.parametrize(
    ("person", "place", "actions"),
    [
        ("ada", "/engagements?search=claims+archive > Managed backup for claims archive", ["Approve", "Reject"]),
        ("ada", ENGAGEMENT, ["Actions", "Add billing entry"]),
        ("ada", f"{ENGAGEMENT}/billing-entries/new", ["Next", "Cancel"]),
        ("dot", "/catalog/managed-backup/request", ["Create", "Cancel"]),
        ("dot", OWN, ["Request completion"]),
        ("olga", "/reviews/rating > Claims platform on call", ["Approve", "Reject"]),
        ("olga", "/programmes > Managed professional services/edit", ["Save rules"]),
    ],
)
def test_primary_actions_are_large_enough_to_press(visit: Visit, person: str, place: str, actions: list[str]) -> None:
    page = visit(person, **PHONE)
    open_place(page, place)
    for name in actions:
        found: Callable[..., object] = page.locator("main").get_by_role
        one = found("button", name=name, exact=True).or_(found("link", name=name, exact=True)).first  # type: ignore[attr-defined]
        at_least(one, 44)


def test_a_decision_is_made_on_a_phone(visit: Visit, axe: Look) -> None:
    ada = visit("ada", **PHONE)
    open_place(ada, "/engagements?search=claims+archive > Managed backup for claims archive")
    axe(ada)
    ada.locator("main").get_by_role("link", name="Reject").tap()
    dialog = ada.get_by_role("dialog")
    expect(dialog).to_be_visible()
    axe(ada)
    box = dialog.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
    dialog.get_by_role("link", name="Cancel").tap()
    expect(dialog).to_have_count(0)


def open_place(page: Page, place: str) -> None:
    path, _, rest = place.partition(" > ")
    page.goto(path)
    if rest:
        words, slash, below = rest.partition("/")
        address = page.locator("#results a", has_text=words).first.get_attribute("href")
        page.goto(f"{address}{slash}{below}")
    assert page.get_by_role("heading", level=1).count() == 1, f"{place} is {page.title()}"


def at_least(target: object, pixels: int) -> None:
    box = target.bounding_box()  # type: ignore[attr-defined]
    assert box is not None and box["height"] >= pixels and box["width"] >= pixels, (str(target), box)
