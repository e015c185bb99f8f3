"""Mail that a server refused for good: its member reads it where they look, admins beside the member, the operator may retry."""

import pytest

from app.foundation import clock, outbox
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice
from app.foundation.tenancy import acting_for_all
from app.notices.addresses import note_refused
from tests.page import Page
from tests.people import fill
from tests.screens.engagement_stage import statements

BEN = "ben@northbridge.example"
WORD = "550 5.1.1 <b>user</b> unknown"
FACTS = {"client": "Acme", "number": "ENG-1", "name": "Archive", "engagement_id": "1"}
SAID = "Mail to your address was refused"


@pytest.fixture
def refused(app, people):
    with app.app_context(), acting_for_all("a test's refusal"), transaction():
        row = outbox.post(Notice("address", BEN, "request_withdrawn", FACTS))
        row.tries, row.last_error, row.failed_at = 1, f"{BEN}: {WORD}", clock.now()
        note_refused(BEN, WORD)
    with app.app_context():
        db.session.remove()


def test_its_member_reads_it_and_nobody_else_of_their_own(refused, as_):
    for path in ("/", "/notices"):
        page = Page(as_("ben").get(path))
        page.check()
        assert SAID in page.text and page.soup.select_one("main .notice a[href='/account/notices']"), path
        for other in ("ada", "cy", "dot", "olga"):
            assert SAID not in as_(other).get(path).text
    own = Page(as_("ben").get("/account/notices"))
    own.check()
    assert WORD in own.text and "Mail me a link to confirm it" in own.text


def test_it_is_no_decision_that_waits(refused, as_):
    page = Page(as_("ben").get("/notices"))
    assert "".join(page.soup.select_one("nav a[href='/inbox']").text.split()) == "Inbox"


def test_admins_read_it_beside_the_member(refused, as_):
    page = Page(as_("ada").get("/members"))
    page.check()
    (row,) = [tr for tr in page.soup.select("tbody tr") if BEN in tr.text]
    assert WORD in row.text
    assert WORD not in as_("cy").get("/members").text


def test_the_operator_reads_why_and_tries_again(refused, as_):
    page = Page(as_("olga").get("/operations/failed-rows?kind=mail"))
    page.check()
    assert BEN in page.text and WORD in page.text
    assert (
        fill(
            as_("olga"), "/operations/failed-rows", action="/operations/failed-rows/mail/retry", which="all"
        ).status_code
        == 303
    )
    assert SAID not in as_("ben").get("/notices").text


def test_it_costs_no_statement(app, refused, as_):
    ben = as_("ben")
    ben.get("/notices")
    with statements(app) as seen:
        assert ben.get("/notices").status_code == 200
    assert len(seen) <= 3, seen
