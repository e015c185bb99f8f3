"""Home: what closes, what waits, how things stand, for each capacity; and for somebody without anything."""

from datetime import timedelta

import pytest
import time_machine

from app.foundation import clock
from tests.page import Page
from tests.screens import billing_stage
from tests.screens.engagement_stage import set_stage


@pytest.mark.parametrize("person", ["ada", "ben", "cy", "dot", "olga"])
def test_without_anything_it_says_what_would_appear(people, as_, person):
    page = Page(as_(person).get("/"))
    page.check()
    assert page.soup.select(".empty .title") and "counted here by status" in page.text


def test_a_partner_sees_the_countdown_and_what_waits(app, people, as_):
    stage = billing_stage.set_stage(app, people)
    with billing_stage.at():
        page = Page(as_("ada").get("/"))
        page.check()
        strip = page.soup.select_one(".strip").get_text(" ", strip=True)
        assert "October 2026 closes 3 Nov 2026 00:00 UTC" in strip and "in 1 d 4 h" in strip
        assert "1 of 1" in strip and "1,777.50" in strip and "oldest 1 d 1 h (overdue)" in strip
        assert stage.engagement.name not in page.soup.select_one(".tile").text, "an active engagement waits for nobody"


def test_requests_wait_with_their_age(app, people, as_):
    stage = set_stage(app, people)
    page = Page(as_("ada").get("/"))
    page.check()
    waiting = page.soup.select_one(".tile")
    assert "Approve engagement" in waiting.text and "Completion requested" in waiting.text
    assert waiting.select_one(f"a[href='{stage.path('pending')}']") and waiting.select(".bad .i")
    counts = {link["href"]: link.text for link in page.soup.select(".tile .list a")}
    assert counts["/engagements?status=pending"] == "1" and counts["/engagements?status=active"] == "2"
    assert all(as_("ada").get(path).status_code == 200 for path in counts)


def test_ben_sees_no_decision_that_is_not_his(app, people, as_):
    set_stage(app, people)
    page = Page(as_("ben").get("/"))
    page.check()
    assert "Nothing waits for you" in page.text


def test_a_customer_sees_own_engagements_and_charges(app, people, as_):
    stage = billing_stage.set_stage(app, people)
    with billing_stage.at():
        page = Page(as_("dot").get("/"))
        page.check()
        assert (
            "Charged for October 2026" in page.text and "19,369.84" in page.text and stage.engagement.name in page.text
        )
        assert stage.engagement.name not in as_("eve").get("/").text


def test_the_operator_sees_the_queue(app, people, as_):
    stage = billing_stage.set_stage(app, people, threshold=10_000_00)
    with billing_stage.at():
        billing_stage.rate_now(app, stage.night)
        page = Page(as_("olga").get("/"))
        page.check()
        assert "in 1 d 4 h" in page.text and "In review" in page.text
    with time_machine.travel(clock.now() + timedelta(days=400)):
        Page(as_("otto").get("/")).check()


def test_home_asks_to_sign_in(people, as_):
    assert as_("nobody").get("/").status_code == 302
