"""Taking members in, changing their roles, letting them go; what is recorded, told and refused."""

import pytest
from sqlalchemy import func, select

from app.foundation.database import db
from app.foundation.history import History, verify
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, viewing
from app.members import actions, invitations, queries, roster
from app.members.model import Member, Membership
from app.members.roles import CUSTOMER_ADMIN, PARTNER_ADMIN, PRICING_VIEWER, PRODUCT_EDITOR
from app.notices.delivery import facts_of
from tests.people import everybody


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def told():
    with acting_for_all("a test reads the outbox"):
        return db.session.scalars(select(OutboxRow).order_by(OutboxRow.created_at)).all()


def events(kind="organisation"):
    with acting_for_all("a test reads History"):
        return db.session.scalars(select(History.event).where(History.subject_kind == kind).order_by(History.id)).all()


def invited(by, email, roles=(), **where):
    """The path that the mailed link of an invitation leads to."""
    with viewing(by):
        invitations.invite(email, roles, by=by, **where)
    return facts_of(told()[-1])["path"].rpartition("/")[2]


def test_a_new_member_is_mailed_a_link_and_joins_with_name_and_password(people):
    by = people.viewer("ada")
    token = invited(by, " Nia@Northbridge.example", [PRODUCT_EDITOR])
    [notice] = told()
    assert (notice.audience, notice.address, notice.template) == ("address", "nia@northbridge.example", "invitation")
    assert facts_of(notice)["path"].startswith("/invitations/")
    assert (notice.facts["organisation"], notice.facts["by"]) == ("Northbridge", "Ada Marsh, Northbridge")
    with viewing(by):  # nobody joins before they say so
        assert [(row.kind, row.email) for row in roster.people_here(by=by, search="nia").rows] == [
            ("invited", "nia@northbridge.example")
        ]
    passed = invitations.accept_as_new(token, "Nia  Cole", "a first password", source="192.0.2.1")
    with viewing(by):
        [row] = roster.people_here(by=by, search="nia").rows
        row = queries.member_here(row.id, by)
    assert (row.name, row.email, row.roles, row.invited, row.second_factor) == (
        "Nia Cole",
        "nia@northbridge.example",
        [PRODUCT_EDITOR],
        False,
        False,
    )
    assert row.member_id == passed.member_id
    assert events()[-3:] == ["invitation_sent", "invitation_accepted", "member_joined"]
    assert [notice.template for notice in told()] == ["invitation", "invitation_accepted"]
    with acting_for_all("a test verifies the chains"):
        assert not list(verify())


def test_who_has_an_account_keeps_its_name_and_password(people):
    by = people.viewer("ada")
    token = invited(by, "cy@contrail.example", [PRICING_VIEWER])
    cy = people.viewer("cy")
    with viewing(cy):
        membership = invitations.accept(token, by=cy)
    with viewing(by):
        assert queries.member_here(membership.id, by).name == "Cy Tanaka"
    assert {notice.template for notice in told()} == {"invitation", "invitation_accepted", "joined_organisation"}
    person = queries.signed_in(people.cy.id)
    assert [(choice.organisation_name, choice.capacity) for choice in person.choices] == [
        ("Contrail", "partner"),
        ("Northbridge", "partner"),
    ]


def test_nobody_joins_twice(people):
    by = people.viewer("ada")
    with viewing(by), pytest.raises(Refused) as no:
        invitations.invite("ben@northbridge.example", [], by=by)
    assert no.value.field == "email"
    assert not told()


@pytest.mark.parametrize("first_name", ["ben", "dot", "eve"])
def test_managing_members_takes_the_admin_role(people, first_name):
    by = people.viewer(first_name)
    if first_name in ("dot", "eve"):  # they hold every customer role: another organisation's members are not theirs
        with viewing(by), pytest.raises(NotVisible):
            actions.change_roles(people.memberships["ben"].id, [CUSTOMER_ADMIN], by=by)
        return
    with viewing(by):
        for act in (
            lambda: invitations.invite("new@x.example", [], by=by),
            lambda: actions.change_roles(people.memberships["ada"].id, [], by=by),
            lambda: actions.remove_from_organisation(people.memberships["ada"].id, by=by),
            lambda: actions.add_member("New", "new@x.example", by=by),
        ):
            with pytest.raises(MissingRole):
                act()


def test_another_partners_members_do_not_exist(people):
    by = people.viewer("cy")
    with viewing(by):
        for act in (
            lambda: actions.change_roles(people.memberships["ben"].id, [PRICING_VIEWER], by=by),
            lambda: actions.remove_from_organisation(people.memberships["ben"].id, by=by),
            lambda: queries.member_here(people.memberships["ben"].id, by),
            lambda: invitations.invite("new@x.example", [], by=by, organisation_id=people.northbridge.id),
        ):
            with pytest.raises(NotVisible):
                act()


def test_only_the_system_takes_somebody_in_unasked(people):
    for first_name in ("ada", "dot", "olga"):
        by = people.viewer(first_name)
        with viewing(by), pytest.raises(MissingRole):
            actions.join(people.ben, people.acme, "customer", [], by=by)


def test_the_operators_members_page_is_the_operators_own(people):
    by = people.viewer("olga")
    with viewing(by):
        assert {row.name for row in roster.people_here(by=by).rows} == {"Olga Reyes", "Otto Lindahl"}
        with pytest.raises(NotVisible):
            actions.remove_from_organisation(people.memberships["ben"].id, by=by)


def test_the_operator_gives_another_organisation_its_first_member(people):
    by = people.viewer("olga")
    token = invited(by, "gil@globex.example", [CUSTOMER_ADMIN], organisation_id=people.globex.id, capacity="customer")
    passed = invitations.accept_as_new(token, "Gil Roth", "a first password", source="192.0.2.1")
    [choice] = queries.signed_in(passed.member_id).choices
    assert (choice.organisation_id, choice.capacity, choice.roles) == (
        people.globex.id,
        "customer",
        frozenset({CUSTOMER_ADMIN}),
    )
    with viewing(by), pytest.raises(Refused) as no:
        invitations.invite("gil@globex.example", [], by=by, organisation_id=people.globex.id, capacity="partner")
    assert no.value.field == "capacity"


def test_roles_change_at_once_and_are_recorded(people):
    by = people.viewer("ada")
    with viewing(by):
        actions.change_roles(people.memberships["ben"].id, [PRODUCT_EDITOR, PRICING_VIEWER], by=by)
        actions.change_roles(
            people.memberships["ben"].id, [PRICING_VIEWER, PRODUCT_EDITOR], by=by
        )  # the same again: no event
    person = queries.signed_in(people.ben.id)
    assert person is not None
    assert queries.viewer_for(person, None).may("product:edit")
    assert list(events()).count("member_roles_changed") == 1
    with viewing(by), pytest.raises(Refused):
        actions.change_roles(people.memberships["ben"].id, ["operator-admin"], by=by)


def test_the_last_admin_keeps_the_role_and_stays(people):
    by = people.viewer("ada")
    with viewing(by):
        actions.change_roles(people.memberships["abe"].id, [PRICING_VIEWER], by=by)
        for act in (
            lambda: actions.change_roles(people.memberships["ada"].id, [PRICING_VIEWER], by=by),
            lambda: actions.remove_from_organisation(people.memberships["ada"].id, by=by),
        ):
            with pytest.raises(Refused) as no:
                act()
            assert no.value.field == "roles"
        actions.change_roles(people.memberships["abe"].id, [PARTNER_ADMIN], by=by)
        actions.change_roles(people.memberships["ada"].id, [PRICING_VIEWER], by=by)


def test_an_admin_who_cannot_sign_in_does_not_count(people):
    by = people.viewer("ada")
    with acting_for_all("a test locks Abe out"):
        from app.foundation.database import transaction

        with transaction():
            db.session.scalar(select(Member).where(Member.id == people.abe.id)).active = False
    with viewing(by), pytest.raises(Refused):
        actions.change_roles(people.memberships["ada"].id, [], by=by)


def test_removed_from_the_organisation_the_account_stays(people):
    by = people.viewer("ada")
    with viewing(by):
        actions.remove_from_organisation(people.memberships["ben"].id, by=by)
    person = queries.signed_in(people.ben.id)
    assert person is not None
    assert person.choices == ()
    viewer = queries.viewer_for(person, None)
    assert (viewer.capacity, viewer.organisation_id, viewer.permissions) == ("public", None, frozenset())


def test_each_sees_its_own_organisations_members_only(people):
    seen = {}
    for first_name in ("ada", "cy", "dot", "olga"):
        with viewing(people.viewer(first_name)):
            seen[first_name] = (
                db.session.scalar(select(func.count()).select_from(Member)),
                db.session.scalar(select(func.count()).select_from(Membership)),
            )
    assert seen == {"ada": (3, 3), "cy": (1, 1), "dot": (1, 1), "olga": (8, 8)}


def test_whom_a_notice_goes_to(people):
    named = {one.name for one in queries.recipients(people.northbridge.id, "billing-entry:submit")}
    assert named == {"Ada Marsh", "Abe Adeyemi"}
    assert {one.name for one in queries.recipients(people.northbridge.id, None)} == {
        "Ada Marsh",
        "Abe Adeyemi",
        "Ben Novak",
    }
    assert queries.recipient(people.ben.id).email == "ben@northbridge.example"


def test_a_zone_and_a_name_that_do_not_exist(people):
    by = people.viewer("ben")
    for name, zone, field in (
        ("", "UTC", "name"),
        ("Ben\x07", "UTC", "name"),
        ("Ben", "Mars/Olympus", "zone"),
        ("Ben", "../etc/passwd", "zone"),
    ):
        with viewing(by), pytest.raises(Refused) as no:
            actions.change_profile(name, zone, by=by)
        assert no.value.field == field
    with viewing(by):
        actions.change_profile("Benedikt Novak", "Europe/Prague", by=by)
    assert queries.signed_in(people.ben.id).zone == "Europe/Prague"
    assert events("member")[-2:] == ["member_renamed", "member_zone_changed"]


def test_a_search_finds_name_and_email_and_takes_no_wildcards(people):
    by = people.viewer("ada")
    with viewing(by):
        assert [row.name for row in roster.people_here(by=by, search="NOVAK").rows] == ["Ben Novak"]
        assert len(roster.people_here(by=by, search="northbridge").rows) == 3
        assert roster.people_here(by=by, search="%").rows == []
