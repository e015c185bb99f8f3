"""Members and roles: as an admin, without the role, from another organisation, as nobody; page and fragment."""

import re
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.permissions import PERMISSIONS
from app.foundation.tenancy import acting_for_all, viewing
from app.members import invitations, queries
from app.members.roles import EVERY_MEMBER, GRANTS, PARTNER_ADMIN, PRICING_VIEWER, PRODUCT_EDITOR, ROLES
from app.notices.delivery import facts_of
from tests.makers import make_member, make_membership
from tests.page import Page
from tests.people import fill, hidden_fields, sign_in

ADA, BEN, CY, OLGA = (
    "ada@northbridge.example",
    "ben@northbridge.example",
    "cy@contrail.example",
    "olga@operator.example",
)


@pytest.fixture
def open_as(app, people):
    def signed_in_as(email):
        client = app.test_client()
        sign_in(client, email)
        return client

    return signed_in_as


def paths(people, first_name="ben"):
    row = people.memberships[first_name].id
    return ["/members", "/members/roles", "/members/new", f"/members/{row}/roles", f"/members/{row}/remove"]


def test_as_nobody_sign_in_is_asked(app, people):
    for path in paths(people):
        assert app.test_client().get(path).status_code == 302, path


def test_without_the_role_it_is_403_naming_it(open_as, people):
    ben = open_as(BEN)
    for path in paths(people):
        answer = ben.get(path)
        assert answer.status_code == 403, path
        assert "Organisation admin" in answer.text
    token = hidden_fields(ben.get("/account").text, "/account")["csrf_token"]
    for path in paths(people)[2:]:
        assert ben.post(path, data={"csrf_token": token}).status_code == 403, path
    assert 'href="/members"' not in ben.get("/account").text


@pytest.mark.parametrize("email", [CY, OLGA, "dot@acme.example"])
def test_another_organisations_members_are_404(open_as, people, email):
    stranger = open_as(email)
    form = hidden_fields(stranger.get("/members/new").text, "/members/new")
    for path in paths(people)[3:]:
        assert stranger.get(path).status_code == 404, path
        assert stranger.post(path, data={**form, "roles": []}).status_code == 404, path
    assert "Ben Novak" not in stranger.get("/members").text
    assert stranger.get(f"/members/{uuid.uuid4()}/roles").status_code == 404


def test_the_list_and_its_fragment(open_as, people):
    ada = open_as(ADA)
    page = ada.get("/members")
    for shown in ("Ada Marsh", "Abe Adeyemi", "Ben Novak", BEN, "Partner Pricing Viewer", "Invite member"):
        assert shown in page.text
    assert "Cy Tanaka" not in page.text
    fragment = ada.get("/members?search=novak", headers={"HX-Request": "true"})
    assert "<html" not in fragment.text
    assert "Ben Novak" in fragment.text
    assert "Abe Adeyemi" not in fragment.text
    assert "HX-Request" in fragment.headers["Vary"]
    assert "The search and the filter hide everybody" in ada.get("/members?search=zzz").text


def test_the_list_pages(app, open_as, people):
    with app.app_context():
        by = people.viewer("ada")
        with viewing(by):
            for number in range(30):
                invitations.invite(f"i{number:02d}@northbridge.example", [], by=by)
        for number in range(25):
            make_member(people.northbridge, f"m{number:02d}@northbridge.example", roles=[], name=f"Member {number:02d}")
    ada = open_as(ADA)
    seen: list[str] = []
    path: str | None = "/members"
    while path:
        page = ada.get(path).text
        seen += re.findall(r'<td class="k-name address">(?:<a [^>]*>)?([^<(]+?)\s*<', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen)) == 58
    assert ada.get("/members?after=rubbish").status_code == 404


def test_inviting_a_member_by_email(app, open_as, people):
    ada = open_as(ADA)
    answer = fill(ada, "/members/new", email="nia@northbridge.example", roles=[PRODUCT_EDITOR])
    assert answer.status_code == 303
    page = ada.get("/members").text
    assert "nia@northbridge.example" in page
    assert "Invited" in page
    cells = Page(ada.get("/members")).soup.select("#results tr:-soup-contains('nia@') > td")
    assert "Invited" in cells[2].text and cells[3].text == "not joined yet", "nobody looks signed in who is not"
    with app.app_context(), acting_for_all("a test"):
        [notice] = db.session.scalars(select(OutboxRow)).all()
    nia = app.test_client()
    path = facts_of(notice)["path"]
    typed: dict[str, Any] = {"name": "Nia Cole", "password": "a first password", "password_again": "a first password"}
    assert fill(nia, path, **typed).status_code == 303
    assert nia.get("/account").status_code == 200
    assert "Nia Cole" in ada.get("/members").text
    assert "Invited" not in Page(ada.get("/members")).soup.select_one("#results").text
    again = app.test_client()
    sign_in(again, "nia@northbridge.example", "a first password")
    assert again.get("/account").status_code == 200


def test_what_is_refused_names_the_field_and_keeps_what_was_typed(open_as, people):
    ada = open_as(ADA)
    refusals: tuple[tuple[dict[str, Any], str], ...] = (
        ({"email": BEN, "roles": []}, "is a member here already"),
        ({"email": "no address", "roles": []}, "address"),
        ({"email": "", "roles": []}, "This is missing."),
        ({"email": "new@x.example", "roles": ["operator-admin"]}, "does not exist here"),
    )
    for typed, sentence in refusals:
        answer = fill(ada, "/members/new", **typed)
        assert answer.status_code == 422, typed
        assert sentence in answer.text
        assert f'value="{typed["email"]}"' in answer.text


def test_a_double_click_invites_once(open_as, people):
    ada = open_as(ADA)
    form = {
        **hidden_fields(ada.get("/members/new").text, "/members/new"),
        "email": "nia@northbridge.example",
        "roles": [PRODUCT_EDITOR],
    }
    assert [ada.post("/members/new", data=form).status_code for _ in range(2)] == [303, 303]
    assert ada.get("/members").text.count('role="group" aria-label="Actions for nia@northbridge.example"') == 1


def test_changing_roles(app, open_as, people):
    ada, ben = open_as(ADA), open_as(BEN)
    path = paths(people)[3]
    page = ada.get(path)
    assert re.search(r'value="partner-pricing-viewer" checked', page.text)
    assert fill(ada, path, roles=[PRICING_VIEWER, PARTNER_ADMIN]).status_code == 303
    assert ben.get("/members").status_code == 200  # it holds from the next page on
    assert fill(ada, path, roles=[]).status_code == 303
    assert ben.get("/members").status_code == 403


def test_the_last_admin_is_told_why_not(open_as, people):
    ada = open_as(ADA)
    assert fill(ada, f"/members/{people.memberships['abe'].id}/roles", roles=[PRICING_VIEWER]).status_code == 303
    for verb in ("roles", "remove"):
        answer = fill(ada, f"/members/{people.memberships['ada'].id}/{verb}")
        assert answer.status_code == 422
        assert "Nobody else is organisation admin" in answer.text


def test_removing_a_member_twice_says_the_same(app, open_as, people):
    ada = open_as(ADA)
    path = paths(people)[4]
    form = hidden_fields(ada.get(path).text, path)
    assert [ada.post(path, data=form).status_code for _ in range(2)] == [303, 303]
    assert ada.get(path).status_code == 404
    with app.app_context():
        assert queries.signed_in(people.ben.id).choices == ()


def test_a_form_of_another_organisation_is_409(app, open_as, people):
    with app.app_context():
        make_membership(people.ada, people.acme, "customer", ["customer-admin"])
    ada = open_as(ADA)
    here = f"{people.northbridge.id}:partner"
    token = hidden_fields(ada.get("/account").text, "/account")["csrf_token"]
    ada.post("/switch", data={"csrf_token": token, "capacity": here})
    form = {
        **hidden_fields(ada.get("/members/new").text, "/members/new"),
        "email": "nia@x.example",
        "roles": [],
    }
    ada.post("/switch", data={"csrf_token": token, "capacity": f"{people.acme.id}:customer"})
    assert ada.post("/members/new", data=form).status_code == 409
    assert "nia@x.example" not in ada.get("/members").text


def test_the_roles_page_is_rendered_from_the_table(open_as, people):
    page = Page(open_as(ADA).get("/members/roles"))
    page.check()
    assert "Partner Pricing Submitter" in page.text
    assert "Rating reviewer" not in page.text
    olga = open_as(OLGA)
    assert "Rating reviewer" in olga.get("/members/roles").text
    asked_for_another = Page(open_as(ADA).get("/members/roles?capacity=operator"))  # one's own capacity only
    assert asked_for_another.soup.main.text == page.soup.main.text  # around it, the header tells the time
    for capacity in ("operator", "partner", "customer"):
        page = Page(olga.get(f"/members/roles?capacity={capacity}"))
        page.check()
        rows = {
            row.select_one(".k-name").text: row.select_one(".k-sub").text
            for row in page.soup.select("table.roles tbody tr")
        }
        granted = {name: needed for (name, where), needed in GRANTS.items() if where == capacity}
        for name in {*granted, *EVERY_MEMBER[capacity]}:
            words = rows[PERMISSIONS[name]]
            for role in granted.get(name, ()):
                assert ROLES[role].label in words
            if len(granted.get(name, ())) > 1:
                assert words.startswith("All of: ") and " and " in words
            if not granted.get(name):
                assert words == "No role: every member may"
        assert len(rows) == len({*granted, *EVERY_MEMBER[capacity]})


def test_dialogs_are_pages_too(open_as, people):
    ada = open_as(ADA)
    for path in paths(people)[3:]:
        fragment = ada.get(path, headers={"HX-Request": "true"}).text
        assert "<html" not in fragment
        assert fragment.count("<form") == 1
