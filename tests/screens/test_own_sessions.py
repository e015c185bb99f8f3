"""Where one is signed in, ended one by one or all but this; the lists of sign-ins and of changes; what others see of it."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.members import tries
from app.members.model import MemberSession, SignInAttempt
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields, sign_in
from tests.screens.engagement_stage import HTMX, statements


@pytest.fixture
def two(app, people):
    """Two browsers of Ada's."""
    clients = app.test_client(), app.test_client()
    for client in clients:
        sign_in(client, people.ada.email)
    return clients


def ids(app):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(MemberSession.id).order_by(MemberSession.created_at)).all()


def test_both_are_listed_and_this_one_is_marked(app, two):
    page = Page(two[0].get("/account"))
    page.check()
    listed = page.soup.select('ul[aria-label="Where you are signed in"] li')
    assert len(listed) == 2
    assert sum("this one" in line.text for line in listed) == 1
    assert "127.0.0.1" in listed[0].text


def test_one_is_ended_from_the_other(app, two):
    first, second = two
    _, other = ids(app)
    Fragment(first.get(f"/account/sessions/{other}/end", headers=HTMX)).check()
    Page(first.get(f"/account/sessions/{other}/end")).check()
    assert fill(first, f"/account/sessions/{other}/end").status_code == 303
    assert second.get("/account").status_code == 302
    assert first.get("/account").status_code == 200
    again = first.post(
        f"/account/sessions/{other}/end", data=hidden_fields(first.get("/account/password").text, "/account/password")
    )
    assert again.status_code == 404
    assert "Session ended: " in first.get("/account/history").text


def test_ending_this_one_signs_out(app, two):
    first, second = two
    mine, _ = ids(app)
    assert "you are signed out here" in first.get(f"/account/sessions/{mine}/end").text
    assert fill(first, f"/account/sessions/{mine}/end").headers["Location"] == "/sign-in"
    assert first.get("/account").status_code == 302 and second.get("/account").status_code == 200


def test_all_others_end(app, two, people):
    first, second = two
    Page(first.get("/account/sessions/end-others")).check()
    assert fill(first, "/account/sessions/end-others").status_code == 303
    assert second.get("/account").status_code == 302 and first.get("/account").status_code == 200
    assert fill(first, "/account/sessions/end-others").status_code == 303  # nothing left: says so, changes nothing


def test_nobody_ends_somebody_elses(app, two, as_):
    mine = ids(app)[0]
    cy = as_("cy")
    token = hidden_fields(cy.get("/account").text, "/account")["csrf_token"]
    assert cy.post(f"/account/sessions/{mine}/end", data={"csrf_token": token}).status_code == 404
    assert as_("nobody").get(f"/account/sessions/{mine}/end").status_code == 302
    assert two[0].get("/account").status_code == 200


def test_signing_out_takes_the_row_away(app, two):
    first, _ = two
    first.post("/sign-out", data=hidden_fields(first.get("/account").text, "/sign-out"))
    assert len(ids(app)) == 1


def test_a_cookie_of_before_there_were_sessions_is_signed_out(app, people, two):
    with two[0].session_transaction() as kept:
        kept["_user_id"] = kept["_user_id"].rpartition(".")[0]
    assert two[0].get("/account").status_code == 302


def test_use_costs_a_write_every_few_minutes_only(app, people):
    client = app.test_client()
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        sign_in(client, people.ada.email)
        for minutes, writes in ((4, 0), (1, 1), (1, 0)):
            now.shift(timedelta(minutes=minutes))
            with statements(app) as asked:
                assert client.get("/members/roles").status_code == 200
            assert sum(one.startswith("UPDATE member_session") for one in asked) == writes, asked


def test_the_lists_page_and_come_as_files(app, people, two):
    first, _ = two
    with app.app_context(), acting_for_all("sixty tries at once"), transaction() as session:
        digest, at = tries.email_digest(people.ada.email), clock.now()
        session.add_all(
            SignInAttempt(email_digest=digest, source="192.0.2.9", at=at - timedelta(minutes=number), outcome="failed")
            for number in range(1, 61)
        )
    page = Page(first.get("/account/sign-ins"))
    page.check()
    assert len(page.soup.select("tbody tr")) == 50
    following = Page(first.get(page.soup.select_one("a[rel=next]")["href"]))
    assert len(following.soup.select("tbody tr")) == 12
    with statements(app) as asked:
        first.get("/account/sign-ins")
    assert len(asked) <= 3, asked
    csv = first.get("/account/sign-ins.csv").text.splitlines()
    assert len(csv) == 63 and "Wrong password or code" in csv[1] + csv[2] + csv[3]
    assert first.get("/account/sign-ins?after=rubbish").status_code == 404
    history = Page(first.get("/account/history"))
    history.check()
    assert "Account made" not in first.get("/account/history.csv").text  # the cast was not made by an action
    assert first.get("/account/sign-ins.xlsx").data[:2] == b"PK"


def test_an_admin_sees_how_a_member_signs_in_and_nobody_else_does(app, people, as_):
    ben, ada = as_("ben"), as_("ada")
    fill(app.test_client(), "/sign-in", email=people.ben.email, password="wrong password")
    here = f"/members/{people.memberships['ben'].id}"
    page = Page(ada.get(here))
    page.check()
    assert "Signed in" in page.text and "Wrong password or code" in page.text and "127.0.0.1" in page.text
    Fragment(ada.get(here, headers=HTMX)).check()
    assert len(ada.get(f"{here}/sign-ins.csv").text.splitlines()) == 3
    assert ben.get(here).status_code == 403
    for name in ("cy", "dot", "olga"):
        assert as_(name).get(here).status_code == 404
        assert as_(name).get(f"{here}/sign-ins.csv").status_code == 404


def test_a_session_ends_twelve_hours_after_its_last_use_not_after_its_first(as_):
    with time_machine.travel("2026-11-02T08:00:00Z", tick=False) as now:
        ada = as_("ada")
        for hour in range(9, 20, 5):
            now.move_to(f"2026-11-02T{hour:02d}:30:00Z")
            assert ada.get("/account").status_code == 200
        now.move_to("2026-11-02T21:00:00Z")
        answer = ada.get("/account")
        assert answer.status_code == 200
        assert "Expires" not in answer.headers["Set-Cookie"]  # closing the browser still ends it
        now.move_to("2026-11-02T21:01:00Z")
        assert "Set-Cookie" not in ada.get("/account").headers
        now.move_to("2026-11-03T09:00:01Z")
        assert ada.get("/account").headers["Location"].startswith("/sign-in")
