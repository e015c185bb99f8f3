"""Organisations change, part and go; what still runs stands in the way; both their histories say so."""

import threading
import unicodedata
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.engagements import farewells
from app.engagements.actions import request_engagement
from app.engagements.model import Engagement
from app.foundation.database import db
from app.foundation.history import History, events_of, verify
from app.foundation.refusals import AlreadyDone, MissingRole, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members import queries
from app.parties import actions, relations
from app.parties.model import Organisation, PartnerCustomer
from tests.makers import make_engagement, make_product, make_programme
from tests.people import everybody


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


@pytest.fixture
def product(people):
    made = make_product(make_programme(), people.northbridge)
    db.session.expunge_all()  # else a refused action, which rolls back, would make it forget its plans
    return made


@pytest.fixture
def olga(people):
    by = people.viewer("olga")
    with viewing(by):
        yield by


def relation_of(people, partner="northbridge", customer="acme"):
    with acting_for_all("a test looks"):
        return db.session.scalars(
            select(PartnerCustomer)
            .where(
                PartnerCustomer.partner_id == people.organisations[partner].id,
                PartnerCustomer.customer_id == people.organisations[customer].id,
            )
            .order_by(PartnerCustomer.since.desc(), PartnerCustomer.id.desc())
        ).first()


def events(organisation):
    with acting_for_all("a test reads History"):
        return [row.event for row in events_of("organisation", organisation.id, newest_first=False)]


def changed(organisation, by, **wanted):
    before = one(Organisation, organisation.id)
    settings = {
        "version": before.version, "name": before.name, "partner": before.is_partner, "customer": before.is_customer,
        "zone": before.zone,
    }  # fmt: skip
    return farewells.change_organisation(organisation.id, by=by, **{**settings, **wanted})


def test_name_capacities_and_zone_change_with_history(people, olga):
    changed(people.globex, olga, name=" Globex  Group ", partner=True, zone="Europe/Prague")
    globex = one(Organisation, people.globex.id)
    assert (globex.name, globex.is_partner, globex.is_customer, globex.zone) == (
        "Globex Group", True, True, "Europe/Prague",
    )  # fmt: skip
    assert events(people.globex) == ["organisation_added", *["organisation_changed"] * 3]
    changed(people.globex, olga)  # nothing: no event
    assert len(events(people.globex)) == 4
    with acting_for_all("a test verifies"):
        assert not list(verify())


def test_what_an_organisation_cannot_become(people, olga):
    for wanted, field in (
        ({"name": "ACME"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "A\x00"}, "name"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"customer": False}, "capacities"),
    ):
        with pytest.raises(Refused) as no:
            changed(people.globex, olga, **wanted)
        assert no.value.field == field
    changed(people.globex, olga, name="GLOBEX")  # its own name in other letters
    changed(people.operator, olga, name="Meridian")  # needs no further capacity
    with pytest.raises(AlreadyDone):
        changed(people.globex, olga, version=1)


def test_two_operators_at_once_lose_no_change(app, people):
    ready, said = threading.Barrier(2), []

    def rename(first_name):
        with app.app_context():
            by = people.viewer(first_name)
            try:
                with viewing(by):
                    version = one(Organisation, people.globex.id).version
                    ready.wait(20)
                    changed(people.globex, by, version=version, name=f"Globex of {first_name}")
                said.append("saved")
            except AlreadyDone:
                said.append("late")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=rename, args=(name,)) for name in ("olga", "otto")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == ["late", "saved"]


def test_a_capacity_in_which_something_runs_stays(people, product, olga):
    for wanted in ({"partner": False, "customer": True}, {"partner": False}):
        with pytest.raises(Refused) as no:  # a published service
            changed(people.northbridge, olga, **wanted)
        assert no.value.field == "capacities"
    make_engagement(product, people.acme, state="pending")
    with pytest.raises(Refused):
        changed(people.acme, olga, partner=True, customer=False)


def test_deactivated_nobody_acts_for_it_until_it_is_active_again(people, olga):
    with pytest.raises(Refused):
        farewells.deactivate(people.globex.id, reason=" ", by=olga)
    farewells.deactivate(people.globex.id, reason="Contract ended.", by=olga)
    farewells.deactivate(people.globex.id, reason="Again.", by=olga)
    assert queries.signed_in(people.eve.id).choices == ()
    assert queries.recipients(people.globex.id, None) == []
    actions.reactivate(people.globex.id, by=olga)
    actions.reactivate(people.globex.id, by=olga)
    assert len(queries.signed_in(people.eve.id).choices) == 1
    assert events(people.globex) == ["organisation_added", "organisation_deactivated", "organisation_reactivated"]
    with pytest.raises(Refused):
        farewells.deactivate(people.operator.id, reason="Enough.", by=olga)


def test_nobody_goes_with_something_running(people, product, olga):
    with pytest.raises(Refused) as no:
        farewells.deactivate(people.northbridge.id, reason="Enough.", by=olga)
    assert "1 published" in str(no.value)
    make_engagement(product, people.acme, state="active")
    for organisation in (people.northbridge, people.acme):
        with pytest.raises(Refused) as no:
            farewells.deactivate(organisation.id, reason="Enough.", by=olga)
        assert "1 current" in str(no.value)


def test_a_relation_begins_with_a_request_and_is_told_on_both_sides(people, product):
    make_engagement(product, people.acme, state="pending")
    make_engagement(product, people.acme, state="pending")
    assert events(people.northbridge)[-1] == "customer_gained"
    assert events(people.acme)[-1] == "partner_gained"
    assert events(people.acme).count("partner_gained") == 1


def test_it_ends_when_nothing_is_current_and_begins_anew(people, product, olga):
    make_engagement(product, people.acme, state="active")
    relation = relation_of(people)
    with pytest.raises(Refused):
        farewells.end_relation(relation.id, by=olga)
    make_engagement(product, people.globex, state="complete")
    with acting_for_all("a test's other relation"):
        other = relation_of(people, customer="globex")
    farewells.end_relation(other.id, by=olga)
    with pytest.raises(AlreadyDone):
        farewells.end_relation(other.id, by=olga)
    assert events(people.globex)[-1] == "partner_left"
    assert events(people.northbridge)[-1] == "customer_left"
    ada = people.viewer("ada")
    with viewing(ada):  # past engagements name the client for ever
        assert one(Organisation, people.globex.id).name == "Globex"
    make_engagement(product, people.globex, state="pending")
    anew = relation_of(people, customer="globex")
    assert anew.ended_at is None
    assert anew.id != other.id
    with acting_for_all("a test verifies"):
        assert not list(verify())


def test_the_operator_relates_by_hand(people, olga):
    relations.add_relation(people.contrail.id, people.acme.id, by=olga)
    for partner, customer in (
        (people.contrail, people.acme),  # stands already
        (people.contrail, people.contrail),
        (people.acme, people.globex),  # no partner
        (people.contrail, people.northbridge),  # no customer
    ):
        with pytest.raises(Refused) as no:
            relations.add_relation(partner.id, customer.id, by=olga)
        assert no.value.field == "other"
    ada = people.viewer("ada")
    with viewing(ada), pytest.raises(MissingRole):
        relations.add_relation(people.northbridge.id, people.acme.id, by=ada)


def test_who_is_deactivated_takes_and_makes_no_request(people, product, olga):
    actions.deactivate(people.acme.id, reason="Gone.", by=olga)
    with pytest.raises(Refused):
        relations.relate(people.northbridge.id, people.acme.id)


def test_a_request_and_a_farewell_at_once_never_both_win(app, people, product):
    """Whoever comes second finds what the first has made of it: no current engagement of a deactivated customer."""
    ready, said = threading.Barrier(2), []

    def request():
        with app.app_context():
            by = replace(people.viewer("dot"))
            ready.wait(20)
            try:
                with viewing(by):
                    request_engagement(
                        product, plan_id=product.plans[0].id, name="Archive", contact_number="+1 555 010 2030",
                        additional_information="", given={}, by=by,
                    )  # fmt: skip
                said.append("requested")
            except Refused:
                said.append("refused")
            finally:
                db.session.remove()

    def deactivate():
        with app.app_context():
            by = people.viewer("olga")
            ready.wait(20)
            try:
                with viewing(by):
                    farewells.deactivate(people.acme.id, reason="Gone.", by=by)
                said.append("deactivated")
            except Refused:
                said.append("refused")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=do) for do in (request, deactivate)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(said) == 2
    db.session.rollback()
    with acting_for_all("a test looks"):
        gone = one(Organisation, people.acme.id).deactivated_at is not None
        current = db.session.scalars(select(Engagement.id).where(Engagement.customer_id == people.acme.id)).all()
    assert gone != bool(current), said


def test_the_operator_reads_every_organisations_history_and_others_their_own(people):
    seen = {}
    for first_name in ("olga", "ada", "cy", "dot"):
        with viewing(people.viewer(first_name)):
            found = db.session.scalars(select(History.subject_id).where(History.subject_kind == "organisation"))
            seen[first_name] = set(found)
    assert seen["olga"] == {organisation.id for organisation in people.organisations.values()}
    assert seen["ada"] == {people.northbridge.id}
    assert (seen["cy"], seen["dot"]) == ({people.contrail.id}, {people.acme.id})


@pytest.mark.parametrize(
    ("one_", "other"),
    [("Acme Clinic", "ACME clinic"), ("Ärztehaus", "ÄRZTEHAUS"), ("Café", "Cafe\u0301"), ("Cafe\u0301", "CAFÉ")],
)
def test_no_two_organisations_are_called_alike(olga, one_, other):
    actions.add_organisation(one_, customer=True, by=olga)
    with pytest.raises(Refused):
        actions.found_customer(other, by=olga)
    assert unicodedata.is_normalized("NFC", actions.add_organisation(f"{one_} 2", customer=True, by=olga).name)


def test_names_that_differ_in_a_letter_are_two(olga):
    for name in ("Cafe", "Café", "Caffe", "Muller", "Müller"):
        actions.add_organisation(name, customer=True, by=olga)
