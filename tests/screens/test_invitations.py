"""Invitations on their pages: sent, listed, sent again, withdrawn; and what the mailed link shows to whom."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all, viewing
from app.members import invitations
from app.members.model import Invitation, Member
from app.members.roles import PRICING_VIEWER
from tests.page import Fragment, Page
from tests.people import PASSWORD, fill, hidden_fields
from tests.screens.engagement_stage import HTMX, statements

NEW = "nia@northbridge.example"
WHOLE: dict[str, Any] = {"name": "Nia Cole", "password": "four calm herons", "password_again": "four calm herons"}


def invite(app, people, email=NEW, by="ada", roles=(PRICING_VIEWER,)):
    """The path of the mailed link, and the invitation's id."""
    with app.app_context():
        by = people.viewer(by)
        with viewing(by):
            invitation = invitations.invite(email, roles, by=by)
        path = f"/invitations/{invitations.link_token(invitation)}"
        kept = invitation.id
        db.session.remove()
    return path, kept


def found(app, model, *where):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(model).where(*where)).all()


def test_the_list_shows_members_and_invitations_within_three_statements(app, people, as_):
    invite(app, people)
    ada = as_("ada")
    page = Page(ada.get("/members"))
    page.check()
    assert page.soup.select_one("td.k-name").text.startswith("nia@")
    assert "Invited" in page.text and "ago" in page.text and "Partner Pricing Viewer" in page.text
    with statements(app) as asked:
        ada.get("/members")
    assert len(asked) <= 3, asked
    only = Page(ada.get("/members?kind=invited"))
    assert len(only.soup.select("tbody tr")) == 1
    members = Page(ada.get("/members?kind=member&search=nov"))
    assert [cell.a.text for cell in members.soup.select("td.k-name")] == ["Ben Novak"]
    Fragment(ada.get("/members?search=nobody", headers=HTMX)).check()


def test_the_list_as_files(app, people, as_):
    invite(app, people)
    csv = as_("ada").get("/members.csv?search=n").text.splitlines()
    assert csv[0].startswith("Name,E-mail,Status,Roles,Second factor")
    assert any(line.startswith(f",{NEW},Invited,Partner Pricing Viewer") for line in csv)
    assert any("Ben Novak,ben@northbridge.example,Member," in line for line in csv)
    assert "cy@contrail.example" not in "".join(csv)
    sheet = as_("ada").get("/members.xlsx")
    assert sheet.data[:2] == b"PK"
    assert as_("ben").get("/members.csv").status_code == 403


def test_an_invitation_of_who_has_no_account(app, people):
    path, _ = invite(app, people)
    nia = app.test_client()
    page = Page(nia.get(path))
    page.check()
    assert "Ada Marsh, Northbridge invites nia@northbridge.example" in page.text
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"
    for typed, field in (
        ({"name": ""}, "name"),
        ({"password": "short", "password_again": "short"}, "password"),
        ({"password_again": "another one"}, "password_again"),
        ({"name": "Nia\u202e"}, "name"),
        ({"password": "\0" * 12, "password_again": "\0" * 12}, None),
        ({"name": "x" * 1_000_000}, "name"),
    ):
        answer = fill(nia, path, **{**WHOLE, **typed})
        assert answer.status_code == 422, typed
        Page(answer).check()
        assert field is None or Page(answer).soup.select_one(f"#{field}-error"), typed
        assert "four calm herons" not in answer.text
    answer = fill(nia, path, **WHOLE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    home = nia.get("/")
    assert "You act for Northbridge now." in home.text and home.status_code == 200
    Page(nia.get(path)).check()
    assert nia.get(path).status_code == 410
    assert len(found(app, Member, Member.email == NEW)) == 1


def test_an_invitation_of_who_has_an_account(app, people, as_):
    path, _ = invite(app, people, people.cy.email)
    stranger = app.test_client()
    page = Page(stranger.get(path))
    page.check()
    sign_in_path = str(page.soup.select_one("main a.cds--btn--primary")["href"])
    answer = fill(stranger, sign_in_path, action="/sign-in", email=people.cy.email, password=PASSWORD)
    assert answer.headers["Location"] == path
    page = Page(stranger.get(path))
    page.check()
    assert not page.soup.select("main input[type=password]")
    assert fill(stranger, path).status_code == 303
    assert "Northbridge" in stranger.get("/engagements").text
    # without signing in nobody accepts for somebody who has an account
    path, _ = invite(app, people, people.eve.email)
    nobody = app.test_client()
    token = hidden_fields(nobody.get(path).text, f"{path}/decline")
    answer = nobody.post(path, data={**token, **WHOLE})
    assert answer.status_code == 422
    assert found(app, Invitation, Invitation.email == people.eve.email)[0].state == "open"


def test_signed_in_as_somebody_else_one_is_told_so(app, people, as_):
    path, _ = invite(app, people)
    eve = as_("eve")
    page = Page(eve.get(path))
    page.check()
    assert eve.get(path).status_code == 403
    assert NEW in page.text and people.eve.email in page.text
    token = hidden_fields(eve.get("/account").text, "/account")["csrf_token"]
    assert eve.post(path, data={"csrf_token": token}).status_code == 403
    assert found(app, Invitation)[0].state == "open"


def test_declined_by_the_link_alone(app, people):
    path, _ = invite(app, people)
    nia = app.test_client()
    answer = nia.post(f"{path}/decline", data=hidden_fields(nia.get(path).text, f"{path}/decline"))
    page = Page(answer)
    page.check()
    assert answer.status_code == 200 and "You have declined" in page.text
    for again in (nia.get(path), nia.post(f"{path}/decline", data=hidden_fields(nia.get("/sign-in").text, "/sign-in"))):
        assert again.status_code == 410
        assert "This invitation was declined" in again.text


def test_every_end_has_its_page(app, people, as_):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        path, kept = invite(app, people)
        now.shift(timedelta(days=8))
        page = Page(app.test_client().get(path))
        page.check()
        assert "has expired" in page.text
        olga, ada = as_("olga"), as_("ada")
        assert "Expired" in ada.get("/members").text
        here = f"/organisations/{people.northbridge.id}/invitations/{kept}"
        assert fill(olga, f"{here}/resend").status_code == 303
        assert app.test_client().get(path).status_code == 200
        again = fill(ada, f"/members/invitations/{kept}/resend")
        assert again.status_code == 422 and "less than 10 minutes ago" in again.text
        assert fill(ada, f"/members/invitations/{kept}/withdraw").status_code == 303
        page = Page(app.test_client().get(path))
        page.check()
        assert "was withdrawn" in page.text
        late = ada.get(f"/members/invitations/{kept}/withdraw")
        assert late.status_code == 200  # the dialog of a page that was open
        assert fill(ada, f"/members/invitations/{kept}/withdraw").status_code == 409
        assert fill(olga, f"{here}/resend").status_code == 409
    assert len(found(app, OutboxRow, OutboxRow.template == "invitation")) == 2


@pytest.mark.parametrize("token", ["x", "a.b.c", "%F0%9F%99%82", "%2e%2e", "A" * 5000])
def test_a_link_that_is_none_of_ours(app, people, token):
    client = app.test_client()
    page = Page(client.get(f"/invitations/{token}"))
    page.check()
    assert client.get(f"/invitations/{token}").status_code == 410
    sent = hidden_fields(client.get("/sign-in").text, "/sign-in")
    assert client.post(f"/invitations/{token}", data={**sent, **WHOLE}).status_code == 410
    assert client.post(f"/invitations/{token}/decline", data=sent).status_code == 410


def test_others_invitations_do_not_exist(app, people, as_):
    _, kept = invite(app, people)
    for verb in ("resend", "withdraw"):
        for path in (
            f"/members/invitations/{kept}/{verb}",
            f"/organisations/{people.acme.id}/invitations/{kept}/{verb}",
        ):
            for name, status in (("cy", 404), ("dot", 404), ("ben", 403), ("olga", 404), ("nobody", 302)):
                expected = 403 if path.startswith("/org") and name in ("cy", "dot") else status
                assert as_(name).get(path).status_code == expected, (name, path)
    Fragment(as_("ada").get(f"/members/invitations/{kept}/resend", headers=HTMX)).check()


def test_what_may_be_invited(app, people, as_):
    ada = as_("ada")
    page = Page(ada.get("/members/new"))
    page.check()
    Fragment(ada.get("/members/new", headers=HTMX)).check()
    assert re.search("Nobody joins|nobody joins", page.text)
    fill(ada, "/members/new", email=NEW, roles=[PRICING_VIEWER])
    again = fill(ada, "/members/new", email=f"  {NEW.upper()} ", roles=[])
    assert again.status_code == 422 and "invited already" in again.text
    assert f'value="  {NEW.upper()} "' in again.text
