"""Linking a CSP customer to an organisation, one that stands or a new one, whose first admin is invited, and ending it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.csp.customers.model import CspCustomer
from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one
from app.members.actions import join
from app.members.invitations import invite_first_admin
from app.members.model import Invitation, Member
from app.parties.actions import found_customer
from app.parties.model import Organisation, PartnerCustomer
from app.parties.relations import relate
from tests.page import Page
from tests.people import fill
from tests.screens.csp_stage import set_stage

LIST = "/csp/customers"


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def found(app: Any, model: Any, *where: Any) -> list[Any]:
    with app.app_context(), acting_for_all("a test looks"):
        return list(db.session.scalars(select(model).where(*where)))


def known(organisation: Organisation) -> dict[str, Any]:
    return {"known-organisation": str(organisation.id)}


def test_linking_to_an_organisation_it_works_for(app, people, stage, as_):
    path = f"{LIST}/{stage.tailspin.id}/link"
    page = Page(as_("ada").get(path))
    page.check()
    options = {option.text for option in page.soup.select('select[name="known-organisation"] option')}
    assert options == {"Choose …", "Acme"}, "only those this partner works for"
    refused = fill(as_("ada"), path, action=path, **known(people.globex))
    assert refused.status_code == 422 and "Choose an organisation from the list" in Page(refused).text
    assert fill(as_("ada"), path, action=path, **known(people.acme)).status_code == 303
    assert found(app, CspCustomer, CspCustomer.id == stage.tailspin.id)[0].linked_organisation_id == people.acme.id
    again = fill(as_("ada"), path, action=path, **known(people.acme))
    assert again.status_code == 422 and "linked to Acme already" in Page(again).text


def test_linking_to_a_new_organisation_invites_its_first_admin(app, people, stage, as_):
    path = f"{LIST}/{stage.tailspin.id}/link"
    typed: dict[str, Any] = {"name": "Tailspin Toys Ltd", "admin_name": "Mia Kroll", "email": "Mia@tailspin.example"}
    for changed, said in (
        ({"name": "Acme"}, "There is an organisation of this name already."),
        ({"email": "ben@northbridge.example"}, "taken by a member of your own organisation"),
        ({"admin_name": ""}, "missing"),
        ({"email": "no address"}, "Write an e-mail address"),
    ):
        answer = fill(as_("ada"), path, action=f"{path}/new", **{**typed, **changed})
        assert answer.status_code == 422 and said in Page(answer).text
    assert found(app, Organisation, Organisation.name == "Tailspin Toys Ltd") == []
    assert fill(as_("ada"), path, action=f"{path}/new", **typed).status_code == 303
    (organisation,) = found(app, Organisation, Organisation.name == "Tailspin Toys Ltd")
    (invitation,) = found(app, Invitation, Invitation.organisation_id == organisation.id)
    assert organisation.is_customer and not organisation.is_partner
    assert (invitation.email, invitation.name) == ("mia@tailspin.example", "Mia Kroll")
    assert invitation.roles == ["service-requester", "customer-admin"] and invitation.capacity == "customer"
    assert (
        found(app, PartnerCustomer, PartnerCustomer.customer_id == organisation.id)[0].partner_id
        == people.northbridge.id
    )
    assert found(app, CspCustomer, CspCustomer.id == stage.tailspin.id)[0].linked_organisation_id == organisation.id
    page = Page(as_("ada").get(f"{LIST}/{stage.tailspin.id}/history"))
    assert "Linked to Tailspin Toys Ltd" in page.text


def test_the_first_admin_is_invited_anew_while_nobody_has_come(app, people, stage, as_):
    here = f"{LIST}/{stage.tailspin.id}"
    typed: dict[str, Any] = {"name": "Tailspin Toys Ltd", "admin_name": "Mia Kroll", "email": "mia@tailspin.example"}
    fill(as_("ada"), f"{here}/link", action=f"{here}/link/new", **typed)
    page = Page(as_("ada").get(here))
    page.check()
    assert "mia@tailspin.example Invite anew" in page.text and "not answered yet" in page.text
    path = f"{here}/invite-again"
    Page(as_("ada").get(path)).check()
    assert 'value="mia@tailspin.example"' in as_("ada").get(path).text
    soon = fill(as_("ada"), path, email="mia@tailspin.example")
    assert soon.status_code == 422 and "less than 10 minutes ago" in Page(soon).text
    ours = fill(as_("ada"), path, email="ben@northbridge.example")
    assert ours.status_code == 422 and "your own organisation" in Page(ours).text

    mailed(app, "mia@tailspin.example", days_ago=8)
    assert "expired unanswered" in Page(as_("ada").get(here)).text
    assert fill(as_("ada"), path, email="mia@tailspin.example").status_code == 303
    (invitation,) = found(app, Invitation, Invitation.email == "mia@tailspin.example")
    assert invitation.version == 2 and "not answered yet" in Page(as_("ada").get(here)).text

    assert fill(as_("ada"), path, email="Mia.Kroll@tailspin.example").status_code == 303
    states = {each.email: each.state for each in found(app, Invitation, Invitation.name != "nobody")}
    assert states == {"mia@tailspin.example": "withdrawn", "mia.kroll@tailspin.example": "open"}
    assert as_("cy").get(path).status_code == 404
    assert as_("ben").get(path).status_code == 403

    with app.app_context(), acting_for_all("a test's admin comes") as by:
        customer = one(CspCustomer, stage.tailspin.id)
        assert customer.linked_organisation_id
        founded = one(Organisation, customer.linked_organisation_id)
        join(one(Member, people.viewer("eve").member_id), founded, "customer", ["customer-admin"], by=by)
    assert as_("ada").get(path).status_code == 303
    assert "First admin" not in Page(as_("ada").get(here)).text


def test_who_was_invited_by_others_is_none_of_the_partners_business(app, people, stage, as_):
    with app.app_context(), acting_for_all("a test's operator invites") as by:
        lone = found_customer("Lone", by=by)
        invite_first_admin(lone, "lou@lone.example", name="Lou", by=by)
        relate(people.northbridge.id, lone.id, by=by)
        chosen = known(lone)
    path = f"{LIST}/{stage.tailspin.id}/link"
    assert fill(as_("ada"), path, action=path, **chosen).status_code == 303
    assert "lou@lone.example" not in as_("ada").get(f"{LIST}/{stage.tailspin.id}").text
    assert as_("ada").get(f"{LIST}/{stage.tailspin.id}/invite-again").status_code == 303


def mailed(app: Any, email: str, *, days_ago: int) -> None:
    with app.app_context(), acting_for_all("a test lets time pass"), transaction() as session:
        session.execute(
            update(Invitation).where(Invitation.email == email).values(sent_at=clock.now() - timedelta(days=days_ago))
        )


def test_a_link_is_ended_after_a_question(app, stage, as_):
    path = f"{LIST}/{stage.fabrikam.id}/unlink"
    Page(as_("ada").get(path)).check()
    assert fill(as_("ada"), path).status_code == 303
    assert found(app, CspCustomer, CspCustomer.id == stage.fabrikam.id)[0].linked_organisation_id is None
