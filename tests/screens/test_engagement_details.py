"""Details: what it shows in each state and to whom, and what it never shows."""

from datetime import UTC, datetime

import pytest
import time_machine

from app.engagements import states
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from tests.makers import make_engagement, make_entry, make_product
from tests.page import Fragment, Page
from tests.screens.engagement_stage import EVERY_STATE, HTMX, set_stage, statements


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def actions_of(page):
    head = page.soup.select_one(".page-actions")
    return [] if head is None else [one.get_text(strip=True) for one in head.select("a, .menu a") if one]


@pytest.mark.parametrize("who", ["ada", "ben", "olga"])
def test_every_state_for_partner_and_operator(stage, as_, who):
    browser = as_(who)
    for state in EVERY_STATE:
        page = Page(browser.get(stage.path(state)))
        page.check()
        assert page.soup.h1.text == f"Archive, {state}"
        for words in (
            "Acme",
            "Standard",
            "+1 555 010 2030",
            "Region",
            "Prague",
            stage.engagements[state].number,
            "History chain verified",
        ):
            assert words in page.text, (state, words)
        part = Fragment(browser.get(stage.path(state), headers=HTMX))
        part.check()
        assert "People" in part.text and not part.soup.select("h1, .tabs")


def test_the_breadcrumb_is_the_guides_way(stage, as_):
    here = f"/products/{stage.product.id}"

    def crumbs(who, state):
        return [(a.text, a["href"]) for a in Page(as_(who).get(stage.path(state))).soup.select(".crumbs a")]

    assert crumbs("ada", "active") == [
        ("My products", "/products"),
        ("Data rescue", here),
        ("Current engagements", f"{here}/current-engagements"),
    ]
    assert crumbs("ada", "complete")[-1] == ("Past engagements", f"{here}/past-engagements")
    assert crumbs("olga", "active") == [("Engagements", "/engagements")]


def test_pending_waits_for_the_partner(stage, as_):
    page = Page(as_("ada").get(stage.path("pending")))
    assert "Acme waits for your answer" in page.text and "Approve: the engagement becomes Active" in page.text
    assert actions_of(page) == ["Reject", "Approve"]
    assert "Ada Marsh" in page.text and "Abe Adeyemi" in page.text and "Ben Novak" not in page.soup.main.text
    for who in ("ben", "olga"):
        page = Page(as_(who).get(stage.path("pending")))
        assert actions_of(page) == []
        assert "Approve:" not in page.text


def test_active_offers_the_menu(stage, as_):
    page = Page(as_("ada").get(stage.path("active")))
    assert actions_of(page) == ["Add billing entry", "Mark as complete", "Add billing entry"]
    assert actions_of(Page(as_("ben").get(stage.path("active")))) == []


def test_a_completion_request_is_a_banner_in_the_clients_words(stage, as_):
    page = Page(as_("ada").get(stage.path("completion_requested")))
    assert "Acme asks to complete this engagement" in page.text and "“The work is done.”" in page.text
    assert [a.get_text(strip=True) for a in page.soup.select(".notice--decision a")] == [
        "Mark as complete",
        "Reject completion request",
    ]
    assert "After completion nothing more can be billed." in page.text
    assert len(page.soup.select("main .cds--btn--primary")) == 1
    for who in ("ben", "olga"):
        page = Page(as_(who).get(stage.path("completion_requested")))
        assert "asks to complete" in page.text and not page.soup.select(".notice--decision a")


def test_a_month_that_closes_soon_without_an_entry_is_a_risk(app, people, as_):
    with time_machine.travel(datetime(2026, 11, 1, 20, tzinfo=UTC)):
        stage = set_stage(app, people, "active")
        page = Page(as_("ada").get(stage.path("active")))
        page.check()
        assert "October 2026 is still open and has no entry" in page.text
        assert "October 2026 closes 3 Nov 2026 00:00 UTC, in 1 d 3 h" in page.text
        assert (
            page.soup.select_one(".notice--risk a")["href"]
            == f"{stage.path('active')}/billing-entries/new?month=2026-10"
        )
        assert "no entry yet" in Page(as_("ada").get("/engagements")).soup.select_one("td.amber").text
        assert not Page(as_("ben").get(stage.path("active"))).soup.select(".notice--risk a")
    with time_machine.travel(datetime(2026, 11, 10, 20, tzinfo=UTC)):
        page = Page(as_("abe").get(stage.path("active")))
        assert not page.soup.select(".notice--risk") and "Unbilled months November 2026" in page.text
        assert not Page(as_("abe").get("/engagements")).soup.select("td.amber")


def test_an_open_month_with_an_entry_is_no_risk(app, stage, as_):
    now = BillingMonth.at(clock.now())
    with app.app_context():
        for month in (now, now.previous) if clock.now().day <= 2 else (now,):
            make_entry(stage.engagements["active"], "2", month=month, rated=True)
    page = Page(as_("ada").get(stage.path("active")))
    assert "has no entry" not in page.text
    assert "300.00" in page.text and "in 1 entry" in page.text


def test_tabs_count_and_hide_what_may_not_be_seen(app, people, as_):
    stage = set_stage(app, people, "active", viewing_takes_all_three=True)
    with app.app_context():
        make_entry(stage.engagements["active"], "12.5", rated=True)

    def tabs(who):
        return [a.get_text(" ", strip=True) for a in Page(as_(who).get(stage.path("active"))).soup.select(".tabs a")]

    assert tabs("ada") == ["Details", "History 4", "Billing entries 1"]
    assert tabs("olga") == ["Details", "History 4", "Billing entries 1"]
    assert tabs("ben") == ["Details", "History 4"]
    ben = as_("ben").get(stage.path("active")).text
    assert "1,875.00" not in ben and "150.00" not in ben


def test_others_are_not_told_that_it_exists(stage, as_):
    for state in states.CURRENT:
        assert as_("cy").get(stage.path(state)).status_code == 404
    assert as_("cy").get(stage.path("active"), headers=HTMX).status_code == 404
    assert as_("ada").get(f"/engagements/{stage.foreign.id}").status_code == 404
    assert as_("dot").get(stage.path("active")).status_code == 403
    answer = as_("nobody").get(stage.path("active"))
    assert answer.status_code == 302 and "/sign-in" in answer.headers["Location"]


def test_what_the_client_wrote_is_text(app, people, as_):
    with app.app_context():
        product = make_product(partner=people.northbridge, name="<b>Bold</b>")
        engagement = make_engagement(product, people.acme, name='"><script>alert(1)</script>', state="pending")
        db.session.remove()
    page = Page(as_("ada").get(f"/engagements/{engagement.id}"))
    page.check()
    assert page.soup.h1.text == '"><script>alert(1)</script>'
    assert "<b>Bold</b>" not in page.html


def test_it_asks_the_database_little(app, stage, as_):
    ada = as_("ada")
    ada.get(stage.path("completion_requested"))
    with statements(app) as seen:
        ada.get(stage.path("completion_requested"))
    assert len(seen) <= 6, seen
