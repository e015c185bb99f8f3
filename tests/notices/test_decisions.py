"""Deciding in one go: each by itself, told one by one, once however often it is sent, never what one may not decide."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app.billing.model import BillingEntry
from app.engagements import actions, states
from app.engagements.model import Engagement
from app.foundation.database import db
from app.foundation.refusals import KeyReused, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.notices import decisions
from app.notices.decisions import APPROVE, DONE, GONE, REFUSED, REJECT, Asked
from app.notices.model import BulkDecision
from tests.notices.inbox_stage import Stage, posted, set_stage

REQUEST, COMPLETION, REVIEW = "engagement-request", "completion-request", "billing-entry-review"


@pytest.fixture
def stage(app: Flask) -> Iterator[Stage]:
    with app.app_context():
        yield set_stage()


def state_of(row: Any) -> str:
    db.session.remove()
    with acting_for_all("a test looks"):
        return str(one(type(row), row.id).state)


def decide(
    stage: Stage, who: str, rows: list[Asked], verb: str, *, reason: str = "", key: str = "k" * 32
) -> BulkDecision:
    db.session.remove()
    with viewing(stage.viewer(who)) as viewer:
        return decisions.decide(rows, verb, reason=reason, key=key, by=viewer)


def outcomes(decided: BulkDecision) -> list[str]:
    return [result["outcome"] for result in decided.results]


def test_kinds_are_approved_together_each_by_its_own_action(stage: Stage) -> None:
    requests, asked = stage.requests(2), stage.completion_request()
    rows = [*(Asked(REQUEST, e.id) for e in requests), Asked(COMPLETION, asked.id)]
    decided = decide(stage, "ada", rows, APPROVE)
    assert outcomes(decided) == [DONE] * 3
    assert [state_of(e) for e in (*requests, asked)] == [states.ACTIVE, states.ACTIVE, states.COMPLETE]
    told = {row.subject_id: row.batch for row in posted("request_approved")}
    assert [told[e.id] for e in (*requests, asked)] == [decided.id, decided.id, None], "the old one was by itself"


def test_sent_twice_it_acts_once_and_says_the_same(stage: Stage) -> None:
    rows = [Asked(REQUEST, e.id) for e in stage.requests(2)]
    first = decide(stage, "ada", rows, REJECT, reason="Booked out.")
    again = decide(stage, "ada", rows, REJECT, reason="Booked out.")
    assert again.id == first.id
    assert outcomes(again) == [DONE, DONE]
    assert len(posted("request_rejected")) == 2
    with pytest.raises(KeyReused):
        decide(stage, "ada", rows, REJECT, reason="Another reason.")


def test_dead_in_the_middle_the_form_sent_again_goes_on(stage: Stage) -> None:
    """What was decided stays decided: its row's key is spent, so the second sending neither repeats nor loses it."""
    first, second = stage.requests(2)
    key = "m" * 32
    with viewing(stage.viewer("ada")) as ada:
        batch = decisions.batch_of(key, by=ada)
        line = decisions.inbox_of(ada).find(f"{REQUEST}:{first.id}")
        decisions._decide_once(Asked(REQUEST, first.id), line, APPROVE, "", batch, ada)
    decided = decide(stage, "ada", [Asked(REQUEST, first.id), Asked(REQUEST, second.id)], APPROVE, key=key)
    assert outcomes(decided) == [DONE, DONE]
    assert len(posted("request_approved")) == 2
    assert state_of(second) == states.ACTIVE


def test_one_that_is_gone_does_not_stop_the_others(stage: Stage) -> None:
    taken_back, stays = stage.requests(2)
    with viewing(stage.viewer("dot")) as dot:
        actions.withdraw(one(Engagement, taken_back.id), by=dot)
    decided = decide(stage, "ada", [Asked(REQUEST, taken_back.id), Asked(REQUEST, stays.id)], APPROVE)
    assert outcomes(decided) == [GONE, DONE]
    assert state_of(taken_back) == states.WITHDRAWN


def test_what_one_may_not_decide_is_gone_for_one(stage: Stage) -> None:
    (engagement,), entry = stage.requests(), stage.entry_in_review()
    rows = [Asked(REQUEST, engagement.id), Asked(REVIEW, entry.id), Asked(REQUEST, uuid4())]
    for who in ("ben", "cy", "dot", "eve"):
        assert outcomes(decide(stage, who, rows, APPROVE, key=who * 10)) == [GONE] * 3
    assert outcomes(decide(stage, "olga", rows[:1], REJECT, reason="No.")) == [GONE]
    assert (state_of(engagement), state_of(entry)) == (states.PENDING, "in_review")


def test_a_yes_is_to_the_amount_that_was_seen(stage: Stage) -> None:
    entry = stage.entry_in_review("20")
    wrong = decide(stage, "olga", [Asked(REVIEW, entry.id, "1.00 USD")], APPROVE, key="a" * 32)
    assert outcomes(wrong) == [REFUSED]
    assert state_of(entry) == "in_review"
    right = decide(stage, "olga", [Asked(REVIEW, entry.id, "3000.00 USD")], APPROVE, key="b" * 32)
    assert outcomes(right) == [DONE]
    with acting_for_all("a test looks"):
        assert one(BillingEntry, entry.id).amount_minor == 300_000


def test_the_rooms_own_refusal_is_told_on_its_row(stage: Stage) -> None:
    entry, other = stage.entry_in_review("20"), stage.entry_in_review("21")
    rows = [Asked(REVIEW, entry.id), Asked(REVIEW, other.id)]
    decided = decide(stage, "olga", rows, REJECT, reason="x" * 501)
    assert outcomes(decided) == [REFUSED, REFUSED]
    assert "500" in decided.results[0]["sentence"]
    assert state_of(entry) == "in_review"


def test_it_refuses_nothing_ticked_too_many_and_no_reason(stage: Stage) -> None:
    row = Asked(REQUEST, stage.requests()[0].id)
    for rows, verb, field in (([], APPROVE, "rows"), ([row], "delete", "rows"), ([row], REJECT, "reason")):
        with pytest.raises(Refused) as refused:
            decide(stage, "ada", rows, verb, reason="  ")
        assert refused.value.field == field
    many = [Asked(REQUEST, uuid4()) for _ in range(decisions.MOST + 1)]
    with pytest.raises(Refused):
        decide(stage, "ada", many, APPROVE)


def test_a_row_ticked_twice_is_decided_once(stage: Stage) -> None:
    (engagement,) = stage.requests()
    decided = decide(stage, "ada", [Asked(REQUEST, engagement.id)] * 2, APPROVE)
    assert outcomes(decided) == [DONE]
