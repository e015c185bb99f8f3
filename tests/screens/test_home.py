"""Home: what closes, what waits, how things stand, for each capacity; and for somebody without anything."""

from datetime import timedelta

import pytest
import time_machine

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one
from app.members.model import Membership
from tests.makers import make_engagement, make_product, make_programme
from tests.page import Page
from tests.screens import billing_stage
from tests.screens.engagement_stage import set_stage, statements


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
        assert "1 of 1" in strip and "oldest 1 d 1 h (overdue)" in strip
        assert "1,422.00" in strip and "due to you" in strip and "1,777.50" not in strip, (
            "the same money as in the chart"
        )
        waits = Page(as_("ada").get(page.soup.select(".strip a")[-1]["href"]))
        waits.check()
        assert waits.soup.h1.text == "Engagements" and "Entries: waiting to be rated" in waits.text
        assert [a.text for a in waits.soup.select("td.k-name > a")] == [stage.engagement.name]
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


def test_the_year_is_drawn_twice_and_said_in_one_sentence(app, people, as_):
    billing_stage.set_stage(app, people)
    with billing_stage.at():
        page = Page(as_("ada").get("/"))
        page.check()
        tile = page.soup.select_one("#revenue")
        # 84.50 h and 38.25 h of October, 19,369.84 gross, at 80 %; 12 h wait
        assert "15,495.87" in tile.text and "1,422.00 provisional" in " ".join(tile.text.split())
        wide, small = tile.select("svg.months")
        assert "chart-wide" in wide["class"] and "chart-small" in small["class"]
        assert "USD\xa016,917.87 in October 2026" in wide["aria-label"] and wide["role"] == "img"
        assert len(wide.select("rect.s1")) == 1 and len(wide.select("rect.hatch")) == 1
        assert not tile.select("[style]")


def test_the_chart_is_a_table_too_and_foots(app, people, as_):
    billing_stage.set_stage(app, people)
    with billing_stage.at():
        link = Page(as_("ada").get("/")).soup.select_one("#revenue a")
        assert link.text == "View as table"
        page = Page(as_("ada").get(link["href"].partition("#")[0]))
        page.check()
        rows = [[cell.text for cell in row.select("td")] for row in page.soup.select("#revenue tbody tr")]
        assert len(rows) == 13 and rows[0] == ["October 2026", "15,495.87", "1,422.00"]
        assert rows[-1] == ["Twelve months", "15,495.87", "1,422.00"] and rows[1][1] == "0.00"


def test_what_is_charged_is_the_same_on_home_and_in_the_list(app, people, as_):
    billing_stage.set_stage(app, people)
    with billing_stage.at():
        dot = as_("dot")
        page = Page(dot.get("/?view=table"))
        page.check()
        assert "19,369.84" in page.soup.select_one("#revenue").text
        assert "19,369.84" in page.soup.select_one(".strip").text
        text = page.text
        assert "15,495.87" not in text and "provisional" not in text, "what the partner is due is not the client's"
        assert "19,369.84" in as_("olga").get("/").text
        assert "19,369.84" not in as_("eve").get("/").text + as_("cy").get("/").text


def test_viewers_without_billing_see_no_amounts(app, people, as_):
    billing_stage.set_stage(app, people)
    with app.app_context(), acting_for_all("a member without roles"), transaction():
        one(Membership, people.memberships["ben"].id).roles = []
    with billing_stage.at():
        page = Page(as_("ben").get("/"))
        page.check()
        assert "USD" not in page.text and not page.soup.select("#revenue")
        for entries in ("waiting", "reject-after-grace"):  # not even by what a filter leaves out
            assert "Entries:" not in Page(as_("ben").get(f"/engagements?entries={entries}")).text


def test_a_hostile_currency_is_ignored(app, people, as_):
    billing_stage.set_stage(app, people)
    with billing_stage.at():
        assert "15,495.87" in as_("ada").get("/?currency=%3Cb%3E&view=drop").text


def test_one_missing_engagement_is_one(app, people, as_):
    stage = billing_stage.set_stage(app, people)
    with app.app_context():
        with acting_for_all("the same service"):
            product = make_product(make_programme("Second"), people.northbridge, name="Second service")
        make_engagement(product, people.acme, name="Nothing yet", at=billing_stage.utc(2026, 10, 2))
        db.session.remove()
    with billing_stage.at():
        page = Page(as_("ada").get("/"))
        assert "1 of 2" in page.text and "1 has no entry yet" in page.text
        missing = Page(as_("ada").get(page.soup.select_one(".strip a")["href"]))
        missing.check()
        assert [a.text for a in missing.soup.select("td.k-name > a")] == ["Nothing yet"], (
            "those that are counted, no others"
        )
        assert "Entries: none yet for October 2026" in missing.text
    assert stage.engagement


def test_two_policies_say_whose_month_closes(app, people, as_):
    with app.app_context():
        for name, cut_off in (("Professional services", "reject-after-grace"), ("Usage", "roll-forward")):
            make_product(make_programme(name, cut_off=cut_off), people.northbridge, name=f"Service under {name}")
        db.session.remove()
    with billing_stage.at():
        for person in ("ada", "olga"):
            page = Page(as_(person).get("/"))
            page.check()
            assert "Professional services" in page.soup.select_one(".strip .wide").text
            closing = next(tile for tile in page.soup.select(".tile") if "Also closing" in tile.text)
            assert "Usage" in closing.text


def test_home_costs_few_statements(app, people, as_):
    billing_stage.set_stage(app, people)
    with billing_stage.at():
        for person, most in (("ada", 15), ("olga", 17), ("dot", 7)):
            client = as_(person)
            client.get("/")
            with statements(app) as seen:
                client.get("/")
            assert len(seen) <= most, (person, len(seen), seen)
            assert not any("FROM delegation" in text for text in seen), "it does not say who passed a line on"


def test_home_asks_to_sign_in(people, as_):
    assert as_("nobody").get("/").status_code == 302
