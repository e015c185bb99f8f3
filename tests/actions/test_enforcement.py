"""The second factor as a rule: who may demand it, what it does to whom, and who may reset whose."""

import pytest
from sqlalchemy import func, select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.history import History, verify
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import enforcement, queries, sessions
from app.members.model import Member, MemberSession
from tests.makers import make_membership
from tests.people import everybody


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def protect(*members):
    """As if each had set a second factor up."""
    with acting_for_all("a test"), transaction():
        for member in members:
            kept = one(Member, member.id)
            kept.totp_secret, kept.totp_confirmed_at, kept.totp_last_step = "sealed", clock.now(), 7


def require(people, first_name, organisation, required=True):
    by = people.viewer(first_name)
    with viewing(by):
        return enforcement.require_second_factor(organisation.id, required=required, by=by)


def reset(people, first_name, whose, **where):
    by = people.viewer(first_name)
    with viewing(by):
        return enforcement.reset_second_factor(
            people.memberships[whose].id, reason="The telephone is gone.", by=by, **where
        )


def events(subject_id):
    with acting_for_all("a test reads History"):
        return db.session.scalars(
            select(History.event).where(History.subject_id == subject_id).order_by(History.id)
        ).all()


def test_who_demands_it_has_one(people):
    for first_name, organisation in (("ada", people.northbridge), ("olga", people.northbridge)):
        with pytest.raises(Refused) as no:
            require(people, first_name, organisation)
        assert no.value.field == "required"
    protect(people.ada, people.olga)
    require(people, "ada", people.northbridge)
    require(people, "ada", people.northbridge)  # the same again: no event
    require(people, "olga", people.acme)
    assert list(events(people.northbridge.id)).count("second_factor_required") == 1
    require(people, "ada", people.northbridge, required=False)
    assert list(events(people.northbridge.id))[-1] == "second_factor_not_required"
    with acting_for_all("a test verifies"):
        assert not list(verify())


def test_nobody_demands_it_of_others(people):
    protect(people.ben, people.cy, people.dot)
    with pytest.raises(MissingRole):
        require(people, "ben", people.northbridge)
    for first_name in ("cy", "dot"):
        with pytest.raises(NotVisible):
            require(people, first_name, people.northbridge)


def acting(member, acting_for=None):
    person = queries.signed_in(member.id)
    assert person is not None
    return queries.viewer_for(person, acting_for)


def test_who_has_none_acts_for_nobody_that_demands_it(people):
    protect(people.ada)
    require(people, "ada", people.northbridge)
    viewer = acting(people.ben)
    assert (viewer.capacity, viewer.organisation_id, viewer.permissions) == ("public", None, frozenset())
    assert viewer.member_id == people.ben.id
    assert acting(people.ada).organisation_id == people.northbridge.id
    make_membership(people.ben, people.acme, "customer", [])
    assert acting(people.ben, f"{people.acme.id}:customer").organisation_id == people.acme.id
    protect(people.ben)
    assert acting(people.ben).organisation_id == people.northbridge.id


def test_a_colleague_gets_a_lost_one_reset(people):
    protect(people.ben)
    token = sessions.begin(people.ben.id, user_agent=None, source="192.0.2.1")
    mark = queries.signed_in(people.ben.id).session_mark
    reset(people, "ada", "ben")
    person = queries.signed_in(people.ben.id)
    assert not person.has_second_factor
    assert person.session_mark != mark
    assert queries.signed_in(people.ben.id, token) is None
    with acting_for_all("a test looks"):
        assert db.session.scalar(select(func.count()).select_from(MemberSession)) == 0
        [mail] = db.session.scalars(select(OutboxRow)).all()
        assert not list(verify())
    assert (mail.template, mail.address) == ("second_factor_reset", str(people.ben.id))
    assert (mail.facts["reason"], mail.facts["by"]) == ("The telephone is gone.", "Ada Marsh, Northbridge")
    assert list(events(people.ben.id))[-1] == "second_factor_reset"
    assert list(events(people.northbridge.id))[-1] == "members_second_factor_reset"


def test_nobody_resets_their_own_or_one_that_is_not_there(people):
    protect(people.ada)
    for whose in ("ada", "ben"):
        with pytest.raises(Refused):
            reset(people, "ada", whose)
    protect(people.otto, people.olga)
    with pytest.raises(Refused):
        reset(people, "olga", "olga")
    reset(people, "olga", "otto")


def test_who_acts_for_another_organisation_too_is_the_operators(people):
    """Else any organisation could invite somebody and take their protection elsewhere away."""
    protect(people.ben)
    make_membership(people.ben, people.acme, "customer", [])
    with pytest.raises(Refused) as no:
        reset(people, "ada", "ben")
    assert "Only the operator" in str(no.value)
    assert queries.signed_in(people.ben.id).has_second_factor
    reset(people, "olga", "ben", organisation_id=people.northbridge.id)


def test_others_members_do_not_exist(people):
    protect(people.ben)
    for first_name in ("cy", "dot"):
        with pytest.raises(NotVisible):
            reset(people, first_name, "ben")
    with pytest.raises(NotVisible):  # the operator's own members page
        reset(people, "olga", "ben")
    with pytest.raises(NotVisible):
        reset(people, "olga", "ben", organisation_id=people.contrail.id)
    with pytest.raises(NotVisible):  # only the operator names another organisation
        reset(people, "cy", "ben", organisation_id=people.northbridge.id)
    by = people.viewer("ada")
    with viewing(by), pytest.raises(Refused):
        enforcement.reset_second_factor(people.memberships["ben"].id, reason="  ", by=by)
