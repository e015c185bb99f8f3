"""My engagements: own rows only, three tabs, the customer's four verbs, and never a net figure."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from app.engagements.model import Engagement
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from tests.makers import make_entry
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens import billing_stage
from tests.screens.engagement_stage import EVERY_STATE, HTMX, set_stage, statements

#: verb -> the state it is offered in, and the state after it
VERBS = {
    "withdraw": ("pending", "withdrawn"),
    "request-completion": ("active", "completion_requested"),
    "withdraw-completion-request": ("completion_requested", "active"),
    "delete-instance": ("complete", "complete"),
}


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def mine(stage, state):
    return f"/my/engagements/{stage.engagements[state].id}"


def kept(app, engagement):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(Engagement).where(Engagement.id == engagement.id)).one()


def test_the_list_holds_own_rows_in_every_state(stage, as_):
    page = Page(as_("dot").get("/my/engagements"))
    page.check()
    assert all(f"Archive, {state}" in page.text for state in EVERY_STATE) and "Globex" not in page.text
    pending = Page(as_("dot").get("/my/engagements?status=pending"))
    pending.check()
    assert "Archive, pending" in pending.text and "Archive, active" not in pending.text
    part = Fragment(as_("dot").get("/my/engagements?search=nothing-like-it", headers=HTMX))
    part.check()
    assert "No engagement fits" in part.text


def test_the_list_takes_two_statements_of_its_own(app, stage, as_):
    dot = as_("dot")
    with statements(app) as asked:
        dot.get("/my/engagements", headers=HTMX)
    assert len([one for one in asked if "FROM member" not in one]) <= 3, asked


@pytest.mark.parametrize(("tab", "most"), [("", 5), ("/billing-entries", 4)])
def test_a_tab_of_ones_own_asks_little(app, stage, as_, tab, most):
    """Who asks; the engagement with what is rated; the events or entries; the menu's counts; Details when prices change next."""
    with app.app_context():
        make_entry(stage.engagements["active"], "2", rated=True)
    dot, path = as_("dot"), f"/my{stage.path('active')}{tab}"
    dot.get(path)
    with statements(app) as asked:
        assert "USD" in dot.get(path).text
    assert len(asked) <= most, asked


def test_exports_hold_what_is_filtered(stage, as_):
    csv = as_("dot").get("/my/engagements.csv?status=active").text
    assert "Archive, active" in csv and "Archive, pending" not in csv and "Globex" not in csv
    assert as_("dot").get("/my/engagements.xlsx").data[:2] == b"PK"


@pytest.mark.parametrize("state", EVERY_STATE)
def test_details_say_how_it_stands_and_what_comes_next(stage, as_, state):
    page = Page(as_("dot").get(mine(stage, state)))
    page.check()
    status = next(tile for tile in page.soup.select(".tile") if tile.h2 and tile.h2.text == "Engagement status")
    assert status.select_one(".tag") and len(status.get_text(" ", strip=True)) > 60
    offered = {link["href"].rpartition("/")[2] for link in page.soup.select(".page-actions a")}
    assert offered == {verb for verb, (start, _end) in VERBS.items() if start == state}
    assert "Region" in page.text and "Prague" in page.text


@pytest.mark.parametrize("tab", ["", "/history", "/billing-entries", "/billing-entries.csv"])
def test_other_peoples_rows_are_not_there(stage, as_, tab):
    path = mine(stage, "active") + tab
    assert as_("dot").get(path).status_code == 200
    assert as_("eve").get(path).status_code == 404 and as_("eve").get(path, headers=HTMX).status_code == 404
    for other in ("ada", "cy", "olga"):
        assert as_(other).get(path).status_code == 403
    assert as_("nobody").get(path).status_code == 302


def test_history_tells_what_is_for_the_customer(app, people, as_):
    stage = billing_stage.set_stage(app, people)
    with billing_stage.at():
        page = Page(as_("dot").get(f"/my/engagements/{stage.engagement.id}/history"))
        page.check()
    assert "Requested on plan Standard" in page.text and "submitted: 38.25 h for October 2026" in page.text
    assert "mailed to" not in page.text and "Looks like minutes" not in page.text and "rejected" not in page.text


@pytest.mark.parametrize(("verb", "states"), VERBS.items())
def test_each_verb_asks_and_acts_once(app, stage, as_, verb, states):
    start, end = states
    path = f"{mine(stage, start)}/{verb}"
    dot = as_("dot")
    page = Page(dot.get(path))
    page.check()
    form = page.soup.select_one("form.decision")
    assert form["action"] == path and len(form.select_one(".decision-body p").text) > 30
    part = Fragment(dot.get(path, headers=HTMX))
    part.check()
    body = {**hidden_fields(page.html, path), "wish": "The work is done."}
    answer = dot.post(path, data=body)
    assert (answer.status_code, answer.headers["Location"]) == (303, mine(stage, start))
    row = kept(app, stage.engagements[start])
    assert row.state == end and (row.instance_state == "removed") == (verb == "delete-instance")
    assert dot.post(path, data=body).status_code == 303, "the same form again says the same"
    assert kept(app, stage.engagements[start]).version == row.version


@pytest.mark.parametrize(("verb", "states"), VERBS.items())
def test_a_stale_tab_gets_the_fresh_page(app, stage, as_, verb, states):
    path = f"{mine(stage, states[0])}/{verb}"
    dot = tab = as_("dot")
    stale = hidden_fields(tab.get(path).text, path)
    assert fill(dot, path).status_code == 303
    version = kept(app, stage.engagements[states[0]]).version
    answer = tab.post(path, data=stale)
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "It has changed since that page was opened" in page.text
    fresh = tab.post(path, data={**stale, "submission_key": "k" * 32}, headers=HTMX)
    assert (
        fresh.status_code == 409
        and fresh.headers["HX-Retarget"] == "#content"
        and "dialog-close" in fresh.headers["HX-Trigger"]
    )
    assert tab.get(path).status_code == 409
    assert kept(app, stage.engagements[states[0]]).version == version


def test_a_wish_that_is_too_long_is_kept_and_named(stage, as_):
    answer = fill(as_("dot"), f"{mine(stage, 'active')}/request-completion", wish="x" * 1001)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and "1,000 fit" in page.text and "x" * 1001 in page.html


def test_verbs_are_for_this_customer_alone(app, stage, as_):
    path = f"{mine(stage, 'pending')}/withdraw"
    body = hidden_fields(as_("dot").get(path).text, path)
    eve = as_("eve")
    assert eve.get(path).status_code == 404
    own = hidden_fields(eve.get("/my/engagements").text, "/sign-out")
    assert eve.post(path, data={**body, **own}).status_code in (404, 409)
    assert as_("ada").get(path).status_code == 403
    assert kept(app, stage.engagements["pending"]).state == "pending"


def test_billing_entries_at_gross_with_their_states(app, people, as_):
    stage = billing_stage.set_stage(app, people, tax_percent=Decimal(20))
    here = f"/my/engagements/{stage.engagement.id}/billing-entries"
    with billing_stage.at():
        page = Page(as_("dot").get(here))
        page.check()
        assert "USD 5,849.84" in page.text and "1,169.97" in page.text and "Being rated" in page.text
        assert "Incident 5498" not in page.text and "Looks like minutes" not in page.html
        rejected = Page(as_("dot").get(f"{here}?status=rejected"))
        rejected.check()
        assert (
            "Incident 5498" in rejected.text
            and "Rejected" in rejected.text
            and "Looks like minutes" not in rejected.html
        )
        opened = Page(as_("dot").get(f"{here}/{stage.drill.id}"))
        opened.check()
        assert (
            "How USD 5,849.84 came about" in opened.text and "5,849.84375" in opened.text and "7,019.81" in opened.text
        )
        assert len(opened.soup.select("tr.is-open")) == 1 and "In review" not in opened.text
        part = Fragment(as_("dot").get(f"{here}/{stage.night.id}", headers=HTMX))
        part.check()
        assert "It is being rated" in part.text
        csv = as_("dot").get(f"{here}.csv").text
        assert "5849.84" in csv and "1169.97" in csv and "Looks like minutes" not in csv
        assert as_("dot").get(f"{here}/{stage.engagement.id}").status_code == 404
        assert as_("eve").get(f"{here}/{stage.drill.id}").status_code == 404


def test_an_empty_tab_says_what_would_appear(stage, as_):
    page = Page(as_("dot").get(mine(stage, "active") + "/billing-entries"))
    page.check()
    assert "Billing entries appear here" in page.text
