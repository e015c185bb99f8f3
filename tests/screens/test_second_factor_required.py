"""An organisation requires a second factor: who is let in, who is led to set it up, and how a lost one is reset."""

import re
from datetime import timedelta

import pyotp
import pytest
import time_machine

from app.members import second_factor
from app.members.roles import CUSTOMER_MEMBER
from tests.makers import make_membership
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX


@pytest.fixture
def now():
    with time_machine.travel("2026-11-02T12:00:10Z", tick=False) as traveller:
        yield traveller


def protect(app, people, first_name):
    with app.app_context():
        by = people.viewer(first_name)
        totp = pyotp.TOTP(second_factor.begin(by=by))
        second_factor.confirm(totp.now(), by=by)
    return totp


@pytest.fixture
def required(app, people, as_, now):
    """Northbridge requires it; Ada has one, Ben, who is signed in, has none."""
    ada, _ben = as_("ada"), as_("ben")
    protect(app, people, "ada")
    assert fill(ada, "/members/second-factor/require").status_code == 303
    return people


def test_the_switch_takes_ones_own(app, people, as_, now):
    ada = as_("ada")
    Page(ada.get("/members/second-factor/require")).check()
    Fragment(ada.get("/members/second-factor/require", headers=HTMX)).check()
    refused = fill(ada, "/members/second-factor/require")
    assert refused.status_code == 422 and "Set up your own second factor first" in refused.text
    assert "Nothing was changed:" in refused.text and 'href="/account/second-factor"' in refused.text
    assert as_("ben").get("/members/second-factor/require").status_code == 403
    assert as_("nobody").get("/members/second-factor/require").status_code == 302
    assert "second factor up to each member" in ada.get("/members").text


def test_every_page_of_the_organisation_leads_to_the_set_up(required, as_):
    ben = as_("ben")
    for path in ("/", "/engagements", "/products", "/members", "/engagements.csv", "/no-such-page-of-theirs"):
        answer = ben.get(path)
        assert answer.status_code in (403, 404), path
        assert "Northbridge's" not in answer.text
    page = Page(ben.get("/"))
    page.check()
    assert "Set up a second factor first" in page.text and "Northbridge requires" in page.text
    for path in ("/account", "/account/password", "/account/sign-ins", "/account/history"):
        Page(ben.get(path)).check()
        assert ben.get(path).status_code == 200, path
    token = hidden_fields(ben.get("/account").text, "/account")["csrf_token"]
    assert ben.post("/members/new", data={"csrf_token": token, "email": "x@x.example"}).status_code == 403
    assert as_("ada").get("/engagements").status_code == 200
    assert "second factor required" in as_("ada").get("/members").text


def test_set_up_one_goes_on_there(app, required, as_):
    ben = as_("ben")
    ben.post("/account/second-factor/begin", data=hidden_fields(ben.get("/").text, "/account/second-factor/begin"))
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", ben.get("/account/second-factor").text)[1].replace(" ", "")
    done = fill(ben, "/account/second-factor", code=pyotp.TOTP(secret).now())
    page = Page(done)
    page.check()
    assert "I have kept them" in page.soup.select_one('main a[href="/"]').text
    assert ben.get("/engagements").status_code == 200
    assert "requires it" in ben.get("/account/second-factor/off").text


def test_other_organisations_of_theirs_still_work(app, required, as_):
    with app.app_context():
        make_membership(required.ben, required.acme, "customer", [CUSTOMER_MEMBER])
    ben = as_("ben")
    token = hidden_fields(ben.get("/account").text, "/account")["csrf_token"]
    ben.post("/switch", data={"csrf_token": token, "capacity": f"{required.northbridge.id}:partner"})
    page = Page(ben.get("/"))
    page.check()
    assert "Or act for another organisation" in page.text
    token = hidden_fields(page.html, "/switch")["csrf_token"]
    ben.post("/switch", data={"csrf_token": token, "capacity": f"{required.acme.id}:customer"})
    assert ben.get("/my/engagements").status_code == 200
    ben.post("/switch", data={"csrf_token": token, "capacity": f"{required.northbridge.id}:partner"})
    assert ben.get("/engagements").status_code == 403


def test_no_longer_required_everybody_is_in_again(required, as_, now):
    assert as_("ben").get("/engagements").status_code == 403
    assert fill(as_("ada"), "/members/second-factor/free").status_code == 303
    assert as_("ben").get("/engagements").status_code == 200
    history = Page(as_("ada").get("/members/history"))
    history.check()
    assert "Second factor no longer required" in history.text


def test_a_lost_one_is_reset_by_an_admin_with_a_reason(app, people, as_, now):
    ben, ada = as_("ben"), as_("ada")
    totp = protect(app, people, "ben")
    here = f"/members/{people.memberships['ben'].id}"
    assert "Reset second factor" in ada.get(here).text
    Page(ada.get(f"{here}/reset-second-factor")).check()
    missing = fill(ada, f"{here}/reset-second-factor", reason=" ")
    assert missing.status_code == 422
    assert fill(ada, f"{here}/reset-second-factor", reason="The telephone is gone.").status_code == 303
    assert ben.get("/account").status_code == 302
    again = app.test_client()
    assert fill(again, "/sign-in", email=people.ben.email, password="portal-demo").headers["Location"] == "/"
    assert "Second factor reset: The telephone is gone." in again.get("/account/history").text
    now.shift(timedelta(seconds=30))
    assert totp.now()
    twice = fill(ada, f"{here}/reset-second-factor", reason="Again.")
    assert twice.status_code == 422 and "has no second factor" in twice.text


def test_who_may_not_reset(app, people, as_, now):
    for name in ("ada", "ben", "olga", "cy", "dot"):
        as_(name)
    for name in ("ada", "ben", "olga"):
        protect(app, people, name)
    own = fill(as_("ada"), f"/members/{people.memberships['ada'].id}/reset-second-factor", reason="Mine.")
    assert own.status_code == 422 and "Nobody resets their own" in own.text
    path = f"/members/{people.memberships['ben'].id}/reset-second-factor"
    for name, status in (("ben", 403), ("cy", 404), ("dot", 404), ("olga", 404)):
        assert as_(name).get(path).status_code == status
    there = f"/organisations/{people.northbridge.id}{path}"
    for name, status in (("ada", 403), ("dot", 403), ("olga", 200)):
        assert as_(name).get(there).status_code == status
    elsewhere = f"/organisations/{people.acme.id}{path}"
    assert as_("olga").get(elsewhere).status_code == 404
    assert fill(as_("olga"), there, reason="Asked on the telephone.").status_code == 303


def test_the_operator_switches_it_for_any_organisation(app, people, as_, now):
    olga = as_("olga")
    here = f"/organisations/{people.acme.id}"
    assert fill(olga, f"{here}/second-factor/require").status_code == 422
    protect(app, people, "olga")
    assert fill(olga, f"{here}/second-factor/require").status_code == 303
    page = Page(olga.get(here))
    page.check()
    assert "required of every member" in page.text
    assert as_("dot").get("/my/engagements").status_code == 403
    assert fill(olga, f"{here}/second-factor/free").status_code == 303
    assert as_("dot").get("/my/engagements").status_code == 200
    assert as_("ada").get(f"{here}/second-factor/free").status_code == 403
