"""The Inbox: what waits for whom, in which order, and that passing a line on reaches who may decide it, and nobody else."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask

from app.foundation import clock
from app.foundation.money import Money
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import viewing
from app.foundation.waiting import KINDS
from app.notices.delegations import pass_on, who_may_decide
from app.notices.inbox import by_value, inbox_of, parse_key, totals
from tests.notices.inbox_stage import Stage, posted, set_stage
from tests.screens.engagement_stage import statements

REQUEST = "engagement-request"


@pytest.fixture
def stage(app: Flask) -> Iterator[Stage]:
    with app.app_context():
        yield set_stage()


def test_it_holds_every_kind_oldest_first_and_only_ones_own(stage: Stage) -> None:
    young, old = stage.requests(1, hours_ago=1)[0], stage.requests(1, hours_ago=40)[0]
    asked = stage.completion_request()
    with viewing(stage.viewer("ada")) as ada:
        lines = inbox_of(ada).lines
        assert [line.waiting.id for line in lines] == [asked.id, old.id, young.id]
        now = clock.now()
        assert [line.overdue(now) for line in lines] == [True, True, False]
    for other in ("ben", "cy", "dot", "eve", "olga"):
        with viewing(stage.viewer(other)) as viewer:
            assert list(inbox_of(viewer).lines) == [], other


def test_overdue_begins_a_moment_after_24_hours(stage: Stage) -> None:
    (engagement,) = stage.requests()
    with viewing(stage.viewer("ada")) as ada:
        (line,) = inbox_of(ada).lines
    assert not line.overdue(engagement.requested_at + timedelta(hours=24))
    assert line.overdue(engagement.requested_at + timedelta(hours=24, microseconds=1))


def test_values_order_and_add_up(stage: Stage) -> None:
    small, large = stage.entry_in_review("10"), stage.entry_in_review("30")
    with viewing(stage.viewer("olga")) as olga:
        lines = inbox_of(olga).lines
        assert [line.waiting.id for line in lines] == [small.id, large.id]
        assert [line.waiting.id for line in by_value(lines)] == [large.id, small.id]
        assert totals(lines) == [Money.of_minor(600_000, "USD")]


def test_it_is_bounded_says_so_and_costs_a_few_statements(app: Flask, stage: Stage) -> None:
    stage.requests(4)
    with viewing(stage.viewer("ada")) as ada:
        inbox = inbox_of(ada, most=3)
        assert len(inbox.lines) == 3
        assert [kind.name for kind in inbox.full] == [REQUEST]
        with statements(app) as seen:
            inbox_of(ada)
        assert len(seen) <= len(KINDS) + 1, seen  # one a kind, and one for what was passed on
    with viewing(stage.viewer("olga")) as olga:
        stage_lines = inbox_of(olga, only=["billing-entry-review"])
        assert not stage_lines.full


ID = "0192b1c4-7a3e-7c5d-9e2f-1a2b3c4d5e6f"


@pytest.mark.parametrize(
    "text", ["", "x", f"{REQUEST}:", f"{REQUEST}:123", f"nothing:{ID}", f"{REQUEST}:{'z' * 36}", f":{ID}"]
)
def test_a_key_that_is_none(stage: Stage, text: str) -> None:
    assert parse_key(text) is None


def test_only_colleagues_who_may_decide_it_are_offered(stage: Stage) -> None:
    (engagement,) = stage.requests()
    with viewing(stage.viewer("ada")) as ada:
        assert [one.member_name for one in who_may_decide(KINDS[REQUEST], engagement.id, by=ada)] == ["Abe Adeyemi"]


def test_a_line_is_passed_to_a_colleague_who_is_told_and_both_see_it(stage: Stage) -> None:
    (engagement,) = stage.requests()
    abe_id = stage.people.abe.id
    with viewing(stage.viewer("ada")) as ada:
        pass_on(REQUEST, engagement.id, abe_id, note=" Yours, I am away. ", by=ada)
    for name in ("ada", "abe"):
        with viewing(stage.viewer(name)) as viewer:
            (line,) = inbox_of(viewer).lines
            assert line.passed is not None
            assert (line.passed.from_name, line.passed.to_id, line.passed.note) == (
                "Ada Marsh",
                abe_id,
                "Yours, I am away.",
            )
    (told,) = posted("delegated")
    assert (told.audience, told.address) == ("member", str(abe_id))
    assert told.facts["where"] == f"/engagements/{engagement.id}"
    with viewing(stage.viewer("abe")) as abe:  # and back: the newest counts
        pass_on(REQUEST, engagement.id, stage.people.ada.id, note="", by=abe)
        (line,) = inbox_of(abe).lines
        assert line.passed is not None
        assert line.passed.to_name == "Ada Marsh"


def test_nobody_passes_on_what_is_not_theirs_or_to_who_may_not(stage: Stage) -> None:
    (engagement,) = stage.requests()
    people = stage.people
    with viewing(stage.viewer("ada")) as ada:
        for wrong in (people.ben.id, people.cy.id, people.ada.id, people.olga.id, uuid4(), None):
            with pytest.raises(Refused) as refused:
                pass_on(REQUEST, engagement.id, wrong, note="", by=ada)
            assert refused.value.field == "to"
        with pytest.raises(Refused) as refused:
            pass_on(REQUEST, engagement.id, people.abe.id, note="x" * 501, by=ada)
        assert refused.value.field == "note"
        with pytest.raises(NotVisible):
            pass_on("no-such-kind", engagement.id, people.abe.id, note="", by=ada)
    for stranger in ("cy", "ben", "dot"):
        with viewing(stage.viewer(stranger)) as viewer, pytest.raises(NotVisible):
            pass_on(REQUEST, engagement.id, people.abe.id, note="", by=viewer)
    assert posted("delegated") == []
