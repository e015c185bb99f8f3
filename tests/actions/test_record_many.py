"""History in bulk: the chains that record() would have made, one notice a subject, and nothing without its exact facts."""

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from app.foundation import history, history_in_bulk
from app.foundation.database import db, transaction
from app.foundation.history import EVENTS, Event, History, declare
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all

TOLD = declare(
    Event(
        "test_told_in_bulk",
        "%(word)s",
        fields=frozenset({"word"}),
        tells=lambda row, facts: [Notice("address", "a@example.com", "test", dict(facts))],
    )
)


@dataclass
class Thing:
    id: uuid.UUID
    of: uuid.UUID

    def history_subject(self) -> tuple[str, uuid.UUID]:
        return "test-thing", self.of


def rows_of(subject: uuid.UUID) -> list[Any]:
    found = select(History).where(History.subject_id == subject).order_by(History.sequence)
    return list(db.session.scalars(found))


def test_many_at_once_are_as_one_after_the_other() -> None:
    first, second, third = (uuid.uuid4() for _ in range(3))
    happened: list[Any] = [
        (Thing(uuid.uuid4(), of), {"word": word})
        for of, word in ((first, "a"), (second, "b"), (first, "c"), (third, "d"))
    ]
    with acting_for_all("a test") as by, transaction():
        history.record(Thing(uuid.uuid4(), first), TOLD, by=by, word="before")
        history_in_bulk.record_many(happened, TOLD, by=by, to_state="told")
        history.record(Thing(uuid.uuid4(), first), TOLD, by=by, word="after")
    with acting_for_all("a test reads"):
        assert [row.facts for row in rows_of(first)] == [f'{{"word":"{w}"}}' for w in ("before", "a", "c", "after")]
        assert [row.about_id for row in rows_of(second)] == [happened[1][0].id]
        assert [row.id for row in rows_of(first)] == sorted(row.id for row in rows_of(first))
        assert all(list(history.verify("test-thing", each)) == [] for each in (first, second, third))
        history_in_bulk.record_many([], TOLD, by=by)


def test_a_subject_is_told_the_same_words_once() -> None:
    of = uuid.uuid4()
    words = ("same", "same", "other")
    with acting_for_all("a test") as by, transaction():
        history_in_bulk.record_many([(Thing(uuid.uuid4(), of), {"word": word}) for word in words], TOLD, by=by)
    with acting_for_all("a test reads"):
        told = db.session.scalars(select(OutboxRow.facts).where(OutboxRow.subject_id == of)).all()
    assert sorted(facts["word"] for facts in told) == ["other", "same"]
    assert len(EVENTS[TOLD].fields) == 1


def test_wrong_facts_are_our_mistake() -> None:
    with acting_for_all("a test") as by, pytest.raises(ValueError, match="carries"), transaction():
        history_in_bulk.record_many([(Thing(uuid.uuid4(), uuid.uuid4()), {})], TOLD, by=by)
