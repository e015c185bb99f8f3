"""What waits for whom, oldest first, and that a decision from there is the room's own action, with its refusals."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.billing import states as entry_states
from app.engagements import actions, states
from app.foundation import clock, waiting
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import viewing
from app.foundation.waiting import KINDS, Kind, Waiting
from app.members.roles import INSTANCE_EDITOR, OPERATOR_PROGRAMMES, PRICING_VIEWER
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    make_engagement,
    make_entry,
    make_organisation,
    make_product,
    make_programme,
)


@pytest.fixture
def stage() -> Any:
    class Stage:
        northbridge = make_organisation("Northbridge", partner=True)
        acme = make_organisation("Acme", customer=True)
        programme = make_programme(review_threshold_minor=100_000)
        product = make_product(programme, northbridge)
        ada, dot, olga = as_partner(northbridge), as_customer(acme), as_operator()

    return Stage


def waits(kind: str, viewer: Any, limit: int = 50) -> list[Waiting]:
    with viewing(viewer):
        return list(KINDS[kind].waiting_for(viewer, limit))


def test_requests_wait_oldest_first_for_who_may_decide_them(stage: Any) -> None:
    now = clock.now()
    younger = make_engagement(stage.product, stage.acme, state=states.PENDING, at=now - timedelta(hours=1))
    older = make_engagement(stage.product, stage.acme, state=states.PENDING, at=now - timedelta(hours=30))
    make_engagement(stage.product, stage.acme)

    found = waits("engagement-request", stage.ada)
    assert [one.id for one in found] == [older.id, younger.id]
    assert (found[0].since, found[0].about, found[0].sender) == (older.requested_at, older.name, "Acme")
    assert (found[0].path, found[0].number) == (f"/engagements/{older.id}", older.number)
    assert [one.id for one in waits("engagement-request", stage.ada, limit=1)] == [older.id]

    assert waits("engagement-request", as_partner(stage.northbridge, PRICING_VIEWER)) == []
    for other in (stage.dot, stage.olga, as_partner(make_organisation("Contrail", partner=True))):
        assert waits("engagement-request", other) == []


def test_a_request_is_decided_from_its_kind_once(stage: Any) -> None:
    kind, ada = KINDS["engagement-request"], stage.ada
    assert kind.approve is not None
    assert kind.reject is not None
    yes = make_engagement(stage.product, stage.acme, state=states.PENDING)
    no = make_engagement(stage.product, stage.acme, state=states.PENDING)
    with viewing(ada):
        assert kind.approve(yes.id, by=ada).state == states.ACTIVE  # type: ignore[attr-defined]
        with pytest.raises(AlreadyDone):
            kind.approve(yes.id, by=ada)
        with pytest.raises(Refused) as refused:
            kind.reject(no.id, reason=" ", by=ada)
        assert refused.value.field == "reason"
        assert kind.reject(no.id, reason="Booked out.", by=ada).state == states.REJECTED  # type: ignore[attr-defined]
        with pytest.raises(NotVisible):
            kind.approve(uuid4(), by=ada)
    assert waits("engagement-request", ada) == []
    cy = as_partner(make_organisation("Contrail", partner=True))
    with viewing(cy), pytest.raises(NotVisible):
        kind.approve(yes.id, by=cy)


def test_a_completion_request_waits_since_it_was_asked_and_a_no_never_deletes(stage: Any) -> None:
    kind, ada = KINDS["completion-request"], stage.ada
    assert kind.approve is not None
    assert kind.reject is not None
    assert stage.programme.completion_outcome == "delete"
    kept = make_engagement(stage.product, stage.acme, state=states.COMPLETION_REQUESTED)
    done = make_engagement(stage.product, stage.acme, state=states.COMPLETION_REQUESTED)
    active = make_engagement(stage.product, stage.acme)
    assert {one.id for one in waits("completion-request", ada)} == {kept.id, done.id}
    assert waits("completion-request", as_partner(stage.northbridge, PRICING_VIEWER)) == []
    with viewing(ada):
        kind.reject(kept.id, reason="Two weeks are left.", by=ada)
        assert kept.state == states.ACTIVE
        kind.approve(done.id, by=ada)
        assert done.state == states.COMPLETE
        with pytest.raises(AlreadyDone):  # the client took the wish back: nobody completes by accident
            kind.approve(active.id, by=ada)
        assert active.state == states.ACTIVE
        with pytest.raises(AlreadyDone):
            kind.reject(active.id, reason="No.", by=ada)
    assert waits("completion-request", ada) == []


def test_an_asked_completion_that_is_taken_back_waits_no_more(stage: Any) -> None:
    engagement = make_engagement(stage.product, stage.acme, state=states.COMPLETION_REQUESTED)
    with viewing(stage.dot):
        actions.withdraw_completion_request(engagement, by=stage.dot)
    assert waits("completion-request", stage.ada) == []


def test_entries_in_review_wait_for_a_reviewer_at_their_amount_now(stage: Any) -> None:
    engagement = make_engagement(stage.product, stage.acme)
    make_entry(engagement, "1")
    entry = make_entry(engagement, "10", rated=True)
    assert entry.state == entry_states.IN_REVIEW
    found = waits("billing-entry-review", stage.olga)
    assert [(one.id, one.number, str(one.value)) for one in found] == [(entry.id, entry.number, "1500.00 USD")]
    assert (found[0].since, found[0].about, found[0].sender) == (entry.submitted_at, engagement.name, "Northbridge")
    assert found[0].path == f"/reviews/rating/{entry.id}"
    for other in (as_operator(None, OPERATOR_PROGRAMMES), stage.ada, stage.dot):
        assert waits("billing-entry-review", other) == []


def test_own_submissions_wait_for_somebody_else(stage: Any) -> None:
    engagement = make_engagement(stage.product, stage.acme)
    entry = make_entry(engagement, "10", rated=True)
    twice = as_operator(None)
    both = type(twice)(**{**vars(twice), "member_id": entry.submitted_by_id})
    assert waits("billing-entry-review", both) == []
    kind = KINDS["billing-entry-review"]
    assert kind.approve is not None
    with viewing(both), pytest.raises(Refused):
        kind.approve(entry.id, by=both)


def test_an_entry_is_approved_at_the_amount_shown_or_rejected_with_a_reason(stage: Any) -> None:
    kind, olga = KINDS["billing-entry-review"], stage.olga
    assert kind.approve is not None
    assert kind.reject is not None
    engagement = make_engagement(stage.product, stage.acme)
    yes, no = make_entry(engagement, "10", rated=True), make_entry(engagement, "11", rated=True)
    with viewing(olga):
        with pytest.raises(Refused):
            kind.approve(yes.id, shown="1.00 USD", by=olga)
        kind.approve(yes.id, shown="1500.00 USD", by=olga)
        kind.reject(no.id, reason="Twice the hours of the quote.", by=olga)
    assert waits("billing-entry-review", olga) == []
    rater_less = as_operator(None, OPERATOR_PROGRAMMES)
    with viewing(rater_less), pytest.raises(MissingRole):
        kind.approve(yes.id, by=rater_less)


def test_only_an_editor_answers_completion_requests(stage: Any) -> None:
    make_engagement(stage.product, stage.acme, state=states.COMPLETION_REQUESTED)
    assert len(waits("completion-request", as_partner(stage.northbridge, INSTANCE_EDITOR))) == 1


def test_a_kind_is_offered_once_under_its_name() -> None:
    kind = KINDS["engagement-request"]
    waiting.offer(kind)
    with pytest.raises(ValueError, match="two kinds"):
        waiting.offer(Kind(kind.name, "Another", "task", kind.waiting_for))
