"""Notices in the portal, what a member wants to be told, and the own address where mail to it was refused."""

import pytest

from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.notices import addresses, portal
from app.notices.delivery import facts_of
from tests.makers import make_engagement, make_product, make_programme
from tests.page import Page
from tests.people import fill, hidden_fields


@pytest.fixture
def told(app, people):
    """Abe and Ada are told of a completion request."""
    with app.app_context():
        product = make_product(make_programme(), people.northbridge)
        engagement = make_engagement(product, people.acme, state="completion_requested", name="Archive")
        portal.show_due()
        db.session.remove()
    return engagement


@pytest.mark.parametrize("person", ["ada", "ben", "dot", "olga"])
def test_empty_it_says_what_would_be_there(people, as_, person):
    page = Page(as_(person).get("/notices"))
    page.check()
    assert "What you are told appears here" in page.text


def test_a_notice_is_new_until_it_is_opened(people, as_, told):
    ada = as_("ada")
    page = Page(ada.get("/notices"))
    page.check()
    assert "Acme asks to complete" in page.text and page.soup.select(".is-new")
    bell = page.soup.select_one("a.top-icon[href='/inbox']")
    assert bell["aria-label"] == "Inbox, 1 waiting, 1 new notice" and bell.select_one(".badge").text == "2"
    form = page.soup.select_one("#results form[action$='/open']")
    opened = ada.post(form["action"], data=hidden_fields(page.html, str(form["action"])))
    assert opened.status_code == 303 and opened.headers["Location"] == f"/engagements/{told.id}"
    again = Page(ada.get("/notices"))
    assert not again.soup.select(".is-new") and "Acme asks to complete" in again.text
    assert "Acme asks" not in ada.get("/notices?only=unread").text
    for person in ("ben", "cy", "dot"):
        assert as_(person).post(form["action"], data=hidden_fields(page.html, str(form["action"]))).status_code in (
            400,
            404,
        )
        assert "Acme asks" not in as_(person).get("/notices").text


def test_all_are_read_at_once(people, as_, told):
    abe = as_("abe")
    assert fill(abe, "/notices", action="/notices/read").status_code == 303
    page = Page(abe.get("/notices"))
    assert not page.soup.select(".is-new") and not page.soup.select("form[action='/notices/read']")
    assert Page(as_("ada").get("/notices")).soup.select(".is-new"), "hers are hers"


def test_home_shows_the_newest(people, as_, told):
    page = Page(as_("ada").get("/"))
    page.check()
    assert "Acme asks to complete" in page.text


def test_what_to_be_told_is_kept(people, as_):
    ada = as_("ada")
    page = Page(ada.get("/account/notices"))
    page.check()
    assert "Requests from clients" in page.text
    assert "Requests from clients" not in as_("dot").get("/account/notices").text
    form = {k: v for k, v in page.form("/account/notices").items() if k not in ("mail_requests", "mail_digest")}
    assert ada.post("/account/notices", data=form).status_code == 303
    after = Page(ada.get("/account/notices")).form("/account/notices")
    assert "mail_requests" not in after and "mail_digest" not in after and after["portal_requests"] == "y"
    assert "mail_requests" in Page(as_("abe").get("/account/notices")).form("/account/notices")


def test_a_bare_form_switches_nothing_off(people, as_):
    ada = as_("ada")
    token = Page(ada.get("/account/notices")).form("/account/notices")["csrf_token"]
    for sent in ({}, {"shown": ""}, {"shown": "nothing \x00 <b>"}):
        assert ada.post("/account/notices", data={"csrf_token": token, **sent}).status_code == 422
    assert "mail_digest" in Page(ada.get("/account/notices")).form("/account/notices")


def test_a_refused_address_is_shown_to_its_member_and_the_admin(app, people, as_):
    with app.app_context(), transaction(), acting_for_all("a mail server's word"):
        addresses.note_refused("dot@acme.example", "550 no such <b>mailbox</b>")
    dot = as_("dot")
    page = Page(dot.get("/account/notices"))
    page.check()
    assert "550 no such <b>mailbox</b>" in page.text
    members = Page(dot.get("/members"))
    members.check()
    assert "Mail to this address was refused" in members.text
    assert fill(dot, "/account/notices", action="/account/notices/confirm").status_code == 303
    with app.app_context(), acting_for_all("a test reads the mail"):
        from sqlalchemy import select

        from app.foundation.outbox import OutboxRow

        link = facts_of(db.session.scalars(select(OutboxRow).where(OutboxRow.template == "confirm_address")).one())[
            "path"
        ]
    nobody = as_("nobody")
    assert nobody.get(link).status_code == 302
    assert as_("eve").get(link).status_code == 404
    Page(dot.get(link)).check()
    assert "was refused" in dot.get("/account/notices").text, "opening the link confirms nothing"
    assert fill(dot, link).status_code == 303
    assert "was refused" not in dot.get("/account/notices").text


def test_they_ask_to_sign_in(people, as_):
    for path in ("/notices", "/account/notices"):
        assert as_("nobody").get(path).status_code == 302
