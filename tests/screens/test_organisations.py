"""Organisations: the operator's view of who does business here, adding one, and adding its members."""

from typing import Any

import pytest
from sqlalchemy import select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.members.model import Invitation, Member, Membership
from app.members.roles import OPERATOR_RATER, PARTNER_ADMIN
from app.notices.delivery import facts_of
from app.parties.model import Organisation, PartnerCustomer
from tests.makers import make_engagement, make_organisation, make_product, make_programme
from tests.page import Fragment, Page
from tests.people import fill
from tests.screens.engagement_stage import HTMX, statements

PATH = "/organisations"


@pytest.fixture
def working(app, people):
    """Northbridge works for Acme, in one pending and one active engagement."""
    with app.app_context():
        product = make_product(make_programme(), people.northbridge)
        for state in ("pending", "active"):
            make_engagement(product, people.acme, state=state)
        db.session.remove()
    return people


def found(app, model, *where):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(model).where(*where)).all()


def test_everybody_by_name(working, as_):
    page = Page(as_("olga").get(PATH))
    page.check()
    names = [link.text for link in page.soup.select("td.k-name a")]
    assert names == sorted(names) and set(names) == {"Acme", "Contrail", "Globex", "Northbridge", "Operator"}
    row = next(row for row in page.soup.select("tbody tr") if "Northbridge" in row.text)
    assert "1 customer" in row.text and row.select_one("td.k-b").text == "3"
    partners = Page(as_("olga").get(f"{PATH}?capacity=partner&search=north"))
    partners.check()
    assert [link.text for link in partners.soup.select("td.k-name a")] == ["Northbridge"]
    part = Fragment(as_("olga").get(f"{PATH}?search=nowhere", headers=HTMX))
    part.check()
    assert "No organisation fits" in part.text


def test_pages_go_on_from_a_to_z(app, people, as_):
    with app.app_context():
        for number in range(60):
            make_organisation(f"Customer {number:02}", customer=True)
        db.session.remove()
    olga, path, names = as_("olga"), PATH, []
    while path:
        page = Page(olga.get(path))
        names += [link.text for link in page.soup.select("td.k-name a")]
        following = page.soup.select_one("a[rel=next]")
        path = str(following["href"]) if following else ""
    assert len(names) == 65 and names == sorted(names)
    back = Page(olga.get(page.soup.select_one("a[rel=prev]")["href"]))
    assert [link.text for link in back.soup.select("td.k-name a")] == names[:50]
    csv = olga.get(f"{PATH}.csv?search=Customer").text.splitlines()
    assert len(csv) == 61 and csv[1].startswith("Customer 00,Customer,")


def test_very_many_relations_are_counted_to_the_bound_and_a_file_has_them_all(app, working, as_):
    with app.app_context(), acting_for_all("a test's many clients"), transaction() as session:
        now = clock.now()
        clients = [Organisation(name=f"Client {number:04}", is_customer=True, created_at=now) for number in range(100)]
        session.add_all(clients)
        session.flush()
        partner = working.northbridge.id
        session.add_all(PartnerCustomer(partner_id=partner, customer_id=each.id, since=now) for each in clients)
    olga, row = as_("olga"), f"{PATH}?search=Northbridge"
    assert "100+ customers" in Page(olga.get(row)).soup.select_one("tbody tr").text
    assert olga.get(f"{PATH}.csv?search=Northbridge").text.splitlines()[1].split(",")[:3] == [
        "Northbridge",
        "Partner",
        "101",
    ]
    assert "No organisation fits" in olga.get(f"{PATH}?search=North_ridge").text


def test_two_statements(app, working, as_):
    olga = as_("olga")
    with statements(app) as asked:
        olga.get(PATH, headers=HTMX)
    assert len([one for one in asked if "WHERE member.id" not in one]) <= 2, asked


def test_one_organisation_with_members_relations_and_counts(working, as_):
    page = Page(as_("olga").get(f"{PATH}/{working.northbridge.id}"))
    page.check()
    assert "Ada Marsh" in page.text and "Partner Pricing Submitter" in page.text and "Acme" in page.text
    assert "Pending" in page.text and "Active" in page.text and "Customers of this partner" in page.text
    customer = Page(as_("olga").get(f"{PATH}/{working.acme.id}"))
    customer.check()
    assert "Partners of this customer" in customer.text and "Northbridge" in customer.text


def test_add_an_organisation(app, people, as_):
    olga = as_("olga")
    form = Page(olga.get(f"{PATH}/new"))
    form.check()
    Fragment(olga.get(f"{PATH}/new", headers=HTMX)).check()
    answer = fill(olga, f"{PATH}/new", name="  Vela   Pharma ", capacities=["partner", "customer"])
    (added,) = found(app, Organisation, Organisation.name == "Vela Pharma")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PATH}/{added.id}")
    assert (added.is_partner, added.is_customer, added.is_operator) == (True, True, False)
    page = Page(olga.get(f"{PATH}/{added.id}"))
    page.check()
    assert "Its members appear here" in page.text and "Vela Pharma is added" in page.text


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"name": "", "capacities": "partner"}, "name", "This is missing."),
        ({"name": "Vela"}, "capacities", "Choose at least one"),
        ({"name": "Vela", "capacities": "operator"}, "capacities", "Choose at least one"),
        ({"name": "Acme", "capacities": "customer"}, "name", "of this name already"),
    ],
)
def test_what_is_not_an_organisation(app, people, as_, typed, field, sentence):
    answer = fill(as_("olga"), f"{PATH}/new", **typed)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and sentence in page.soup.select_one(f"#{field}-error").text
    assert page.soup.select_one("input[name=name]")["value"] == typed["name"]
    assert len(found(app, Organisation)) == 5


def test_add_the_first_member(app, people, as_):
    path = f"{PATH}/{people.contrail.id}/members/new"
    olga = as_("olga")
    form = Page(olga.get(path))
    form.check()
    assert "Organisation admin" in form.text and "Rating reviewer" not in form.text
    typed: dict[str, Any] = {
        "email": "Zoe@Contrail.example",
        "capacity": "partner",
        "roles": [PARTNER_ADMIN],
    }
    answer = fill(olga, path, **typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PATH}/{people.contrail.id}")
    assert not found(app, Member, Member.email == "zoe@contrail.example")  # nobody joins before they say so
    (mail,) = found(app, OutboxRow, OutboxRow.template == "invitation")
    page = Page(olga.get(f"{PATH}/{people.contrail.id}"))
    page.check()
    assert "zoe@contrail.example" in page.soup.select_one('[aria-label="Open invitations"]').text
    answer = fill(
        app.test_client(),
        facts_of(mail)["path"],
        name="Zoe Lang",
        password="a first password",
        password_again="a first password",
    )
    assert answer.status_code == 303
    (zoe,) = found(app, Member, Member.email == "zoe@contrail.example")
    (membership,) = found(app, Membership, Membership.member_id == zoe.id)
    assert (membership.organisation_id, membership.capacity, membership.roles) == (
        people.contrail.id,
        "partner",
        [PARTNER_ADMIN],
    )
    again = fill(olga, path, **typed)
    assert again.status_code == 422 and "is a member here already" in again.text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"capacity": "operator"}, "capacity"),
        ({"capacity": "\N{PILE OF POO}"}, "capacity"),
        ({"roles": ["operator-admin"]}, "roles"),
    ],
)
def test_what_is_not_a_member(app, people, as_, typed, field):
    whole = {"email": "zoe@contrail.example", "capacity": "partner", "roles": [PARTNER_ADMIN], **typed}
    answer = fill(as_("olga"), f"{PATH}/{people.contrail.id}/members/new", **whole)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and page.soup.select_one(f"#{field}-error")
    assert not found(app, Invitation)


def test_who_gets_in(app, people, as_):
    here = f"{PATH}/{people.acme.id}"
    for path in (PATH, f"{PATH}.csv", f"{PATH}/new", here, f"{here}/members/new"):
        assert as_("otto").get(path).status_code == 200
        for other in ("ada", "dot"):
            assert as_(other).get(path).status_code == 403
        assert as_("nobody").get(path).status_code == 302
    assert as_("olga").get(f"{PATH}/{people.dot.id}").status_code == 404
    with app.app_context(), acting_for_all("a test takes a role away"), transaction() as session:
        people.memberships["otto"].roles = [OPERATOR_RATER]
        session.merge(people.memberships["otto"])
    otto = as_("otto")
    assert otto.get(here).status_code == 200 and not Page(otto.get(here)).soup.select(
        ".page-actions .cds--btn--primary"
    )
    assert otto.get(f"{PATH}/new").status_code == 403 and otto.get(f"{here}/members/new").status_code == 403
