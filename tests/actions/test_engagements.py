"""The engagement from request to completion, through the rooms' actions, and every walk its table allows or refuses."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.catalog.model import Product
from app.engagements import actions, menu, queries, states
from app.engagements.model import Engagement
from app.foundation import history, transitions
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.members.roles import INSTANCE_EDITOR, PRICING_VIEWER
from app.parties.model import Organisation, PartnerCustomer
from tests.makers import as_customer, as_operator, as_partner, make_engagement, make_organisation, make_product


@pytest.fixture
def northbridge() -> Organisation:
    return make_organisation("Northbridge", partner=True)


@pytest.fixture
def acme() -> Organisation:
    return make_organisation("Acme", customer=True)


@pytest.fixture
def product(northbridge: Organisation) -> Product:
    return make_product(partner=northbridge)


@pytest.fixture
def ada(northbridge: Organisation) -> Viewer:
    return as_partner(northbridge)


@pytest.fixture
def dot(acme: Organisation) -> Viewer:
    return as_customer(acme)


def events(engagement: Engagement) -> list[str]:
    with acting_for_all("a test reads history"):
        return [event.event for event in history.events_of("engagement", engagement.id, newest_first=False)]


def test_from_request_to_completion(product: Product, acme: Organisation, ada: Viewer, dot: Viewer) -> None:
    engagement = make_engagement(product, acme, state=states.PENDING)
    with viewing(ada):
        actions.approve(engagement, by=ada)
        assert engagement.active_from is not None
    with viewing(dot):
        actions.request_completion(engagement, wish="All handed over", by=dot)
    with viewing(ada):
        actions.mark_as_complete(engagement, by=ada)
        request = queries.completion_requests(engagement.id)[0]
    assert (engagement.state, request.state, request.outcome) == (states.COMPLETE, states.ACCEPTED, "complete")
    with viewing(dot):
        actions.delete_instance(engagement, by=dot)
        with pytest.raises(AlreadyDone):
            actions.delete_instance(engagement, by=dot)
    assert (engagement.state, engagement.instance_state) == (states.COMPLETE, states.INSTANCE_REMOVED)
    assert events(engagement) == [
        "engagement_created", "request_approved", "completion_requested", "marked_complete", "instance_deleted",
    ]  # fmt: skip


def test_completion_needs_no_request(product: Product, ada: Viewer) -> None:
    engagement = make_engagement(product)
    with viewing(ada):
        actions.mark_as_complete(engagement, note="All delivered", by=ada)
        assert queries.completion_requests(engagement.id) == []
    assert engagement.state == states.COMPLETE


def test_the_closing_note_is_not_the_clients_to_read(product: Product, ada: Viewer) -> None:
    """The form promises: kept in the history, for you and the operator."""
    engagement = make_engagement(product)
    with viewing(ada):
        actions.mark_as_complete(engagement, note="They never pay in time", by=ada)
    with acting_for_all("a test looks"):
        mails = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "marked_complete")).all()
        kept = history.events_of("engagement", engagement.id)[0].facts
    assert [mail for mail in mails if "never pay" in str(mail.facts)] == [] != mails
    assert "never pay" in kept


def test_colleagues_first_requests_meet(app: Flask, product: Product, acme: Organisation) -> None:
    """Which of them is first notes that the partner works for the customer; none of them fails over it."""
    plan_id = product.plans[0].id
    db.session.remove()
    gate, failures = threading.Barrier(4), []

    def ask(number: int) -> None:
        with app.app_context(), viewing(as_customer(acme)) as dot:
            try:
                wanted = one(Product, product.id)
                gate.wait()
                actions.request_engagement(
                    wanted,
                    plan_id=plan_id,
                    name=f"Request {number}",
                    contact_number="+1 555 010 2030",
                    additional_information="",
                    given={},
                    by=dot,
                )
            except Exception as failure:
                failures.append(failure)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with acting_for_all("a test counts"):
        relations = db.session.scalar(select(func.count(PartnerCustomer.id)))
        asked = db.session.scalar(select(func.count(Engagement.id)))
    assert (failures, relations, asked) == ([], 1, 4)


@pytest.mark.parametrize(("outcome", "state"), [("delete", states.DELETED), ("keep-active", states.ACTIVE)])
def test_both_outcomes_of_a_rejected_completion(product: Product, ada: Viewer, outcome: str, state: str) -> None:
    engagement = make_engagement(product, state=states.COMPLETION_REQUESTED)
    with viewing(ada):
        actions.reject_completion(engagement, outcome=outcome, reason="Two servers are left", by=ada)
        request = queries.completion_requests(engagement.id)[0]
    assert (engagement.state, request.state, request.outcome) == (state, states.REQUEST_REJECTED, outcome)
    assert (engagement.ended_at is not None) == (state == states.DELETED)


def test_the_second_of_two_tabs_comes_too_late(product: Product, ada: Viewer) -> None:
    engagement = make_engagement(product, state=states.PENDING)
    with viewing(ada):
        actions.approve(engagement, by=ada)
        with pytest.raises(AlreadyDone):
            actions.approve(engagement, by=ada)
        with pytest.raises(AlreadyDone):
            actions.reject(engagement, reason="No", by=ada)
    assert events(engagement).count("request_approved") == 1


def test_a_row_read_before_somebody_else_decided_loses(product: Product, ada: Viewer) -> None:
    """The state in memory still says Pending: the database says otherwise."""
    engagement = make_engagement(product, state=states.PENDING)
    with viewing(ada):
        stale = one(Engagement, engagement.id)
        version, state = stale.version, stale.state
        actions.approve(stale, by=ada)
        stale.__dict__.update(version=version, state=state)
        with pytest.raises(AlreadyDone):
            actions.reject(stale, reason="Too late", by=ada)
    assert events(engagement)[-1] == "request_approved"


def test_roles_are_asked_for_each_verb(product: Product, northbridge: Organisation, acme: Organisation) -> None:
    pending, asked = (
        make_engagement(product, acme, state=states.PENDING),
        make_engagement(product, acme, state=states.COMPLETION_REQUESTED),
    )
    ben = as_partner(northbridge, PRICING_VIEWER)
    with viewing(ben):
        for refused in (
            lambda: actions.approve(pending, by=ben),
            lambda: actions.reject(pending, reason="No", by=ben),
            lambda: actions.mark_as_complete(asked, by=ben),
            lambda: actions.reject_completion(asked, outcome="delete", reason="No", by=ben),
        ):
            with pytest.raises(MissingRole):
                refused()
    assert [menu.lines_for(state, ben) for state in states.CURRENT] == [[], [], []]
    editor = as_partner(northbridge, INSTANCE_EDITOR)
    assert [line.action for line in menu.lines_for(states.PENDING, editor, place="menu")] == []
    assert [line.action for line in menu.lines_for(states.ACTIVE, editor)] == [states.MARK_AS_COMPLETE]


def test_nobody_else_sees_it(product: Product, acme: Organisation) -> None:
    engagement = make_engagement(product, acme)
    strangers = (
        as_partner(make_organisation("Contrail", partner=True)),
        as_customer(make_organisation("Globex", customer=True)),
    )
    for stranger in strangers:
        with viewing(stranger), pytest.raises(NotVisible):
            one(Engagement, engagement.id)
    with viewing(as_operator()):
        assert one(Engagement, engagement.id).number == engagement.number


def test_answers_are_checked_against_the_catalog_entry(northbridge: Organisation, acme: Organisation) -> None:
    asked: list[dict[str, Any]] = [
        {"key": "region", "label": "Region", "kind": "selection", "options": ["Prague", "Łódź"], "required": True},
        {"key": "keys", "label": "Keys held", "kind": "checkbox"},
        {"key": "order", "label": "Purchase order", "kind": "short_text"},
    ]
    product = make_product(partner=northbridge, parameters=asked)
    wrong_answers: list[dict[str, Any]] = [{}, {"region": "Paris"}]
    for wrong in wrong_answers:
        with pytest.raises(Refused) as refusal:
            make_engagement(product, acme, state=states.PENDING, **wrong)
        assert refusal.value.field == "parameter-region"
    engagement = make_engagement(product, acme, state=states.PENDING, region="Łódź", keys=True)
    assert engagement.custom_parameters == [
        {"label": "Region", "value": "Łódź"},
        {"label": "Keys held", "value": "Yes"},
    ]


def test_an_unpublished_product_cannot_be_requested(northbridge: Organisation, acme: Organisation) -> None:
    with pytest.raises(Refused):
        make_engagement(make_product(partner=northbridge, state="draft"), acme, state=states.PENDING)


ACTIONS = {
    states.APPROVE: lambda e, v: actions.approve(e, by=v["partner"]),
    states.REJECT: lambda e, v: actions.reject(e, reason="No", by=v["partner"]),
    states.WITHDRAW: lambda e, v: actions.withdraw(e, by=v["customer"]),
    states.REQUEST_COMPLETION: lambda e, v: actions.request_completion(e, wish="", by=v["customer"]),
    states.WITHDRAW_COMPLETION_REQUEST: lambda e, v: actions.withdraw_completion_request(e, by=v["customer"]),
    states.MARK_AS_COMPLETE: lambda e, v: actions.mark_as_complete(e, by=v["partner"]),
    states.DECLINE_KEEP_ACTIVE: lambda e, v: actions.reject_completion(
        e, outcome="keep-active", reason="No", by=v["partner"]
    ),
    states.REJECT_COMPLETION_REQUEST: lambda e, v: actions.reject_completion(
        e, outcome="delete", reason="No", by=v["partner"]
    ),
    states.DELETE_INSTANCE: lambda e, v: actions.delete_instance(e, by=v["customer"]),
}


def test_every_verb_of_the_table_is_walked() -> None:
    assert {action for _, action in states.TRANSITIONS} == {*ACTIONS, states.ADD_BILLING_ENTRY}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(walk=st.lists(st.sampled_from(sorted(ACTIONS)), max_size=7))
def test_any_walk_stays_on_the_table(walk: list[str]) -> None:
    """Whatever is tried in whatever order: the state is the table's, refusals change nothing, the chain verifies."""
    partner, customer = (
        make_organisation(f"P {uuid4()}", partner=True),
        make_organisation(f"C {uuid4()}", customer=True),
    )
    engagement = make_engagement(
        make_product(partner=partner, name=f"Service {uuid4()}"), customer, state=states.PENDING
    )
    ada, dot = as_partner(partner), as_customer(customer)
    viewers = {"partner": ada, "customer": dot}
    happened = 1
    for action in walk:
        before, removed = engagement.state, engagement.instance_state
        after = transitions.next_state(states.TRANSITIONS, before, action)
        viewer = ada if menu.LINES[action].permission != "engagement:steer" else dot
        with viewing(viewer):
            if after is None or (action == states.DELETE_INSTANCE and removed == states.INSTANCE_REMOVED):
                with pytest.raises(AlreadyDone):
                    ACTIONS[action](engagement, viewers)
                assert one(Engagement, engagement.id).state == before
            else:
                ACTIONS[action](engagement, viewers)
                happened += 1
                assert engagement.state == after
    with acting_for_all("a test verifies history"):
        assert list(history.verify("engagement", engagement.id)) == []
        assert len(events(engagement)) == happened
        assert (queries.open_completion_request(engagement.id) is not None) == (
            engagement.state == states.COMPLETION_REQUESTED
        )
