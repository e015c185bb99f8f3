"""What a page verifies of a long history: its newest events, to the chain's end."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from app.foundation import history
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.history_shown import EVENTS, shown_hold
from app.foundation.tenancy import acting_for_all
from tests.makers import make_engagement, make_product


def tampered(altered: str) -> None:
    """What nobody can do but who owns the database."""
    with acting_for_all("a test tampers"), transaction() as session:
        if session.connection().dialect.name == "sqlite":
            session.execute(text("DROP TRIGGER IF EXISTS history_no_update"))
            session.execute(text("DROP TRIGGER IF EXISTS history_no_delete"))
        else:
            session.execute(text("ALTER TABLE history DISABLE TRIGGER history_append_only"))
        session.execute(text(altered))
        if session.connection().dialect.name == "postgresql":
            session.execute(text("ALTER TABLE history ENABLE TRIGGER history_append_only"))
    db.session.remove()


@pytest.mark.parametrize(
    ("altered", "newest_two", "whole"),
    [
        (None, True, True),
        ("UPDATE history SET facts = '{}' WHERE event = 'engagement_created'", True, False),
        ("UPDATE history SET facts = '{}' WHERE event = 'completion_requested'", False, False),
        ("DELETE FROM history WHERE event = 'completion_rejected'", False, False),
        ("UPDATE history_head SET length = length + 1 WHERE subject_kind = 'engagement'", False, False),
        ("DELETE FROM history WHERE subject_kind = 'engagement'", False, False),
    ],
)
def test_the_newest_events_are_verified_to_the_end(altered: str | None, newest_two: bool, whole: bool) -> None:
    engagement = make_engagement(make_product(), state="deleted")
    if altered:
        tampered(altered)
    assert history.newest_hold("engagement", engagement.id, 2) is newest_two
    assert history.newest_hold("engagement", engagement.id, 100) is whole


@pytest.mark.parametrize(
    ("altered", "newest", "oldest"),
    [
        (None, True, True),
        ("UPDATE history SET facts = '{}' WHERE event = 'engagement_created'", True, False),
        ("UPDATE history SET facts = '{}' WHERE event = 'completion_rejected'", False, True),
        ("DELETE FROM history WHERE event = 'completion_requested'", False, False),
        ("DELETE FROM history WHERE event = 'completion_rejected'", False, False),
        ("UPDATE history SET hash = previous_hash WHERE event = 'completion_rejected'", False, False),
        ("UPDATE history SET previous_hash = hash WHERE event = 'completion_requested'", False, False),
        ("UPDATE history_head SET length = length + 1 WHERE subject_kind = 'engagement'", False, False),
        ("DELETE FROM history_head WHERE subject_kind = 'engagement'", False, False),
        ("INSERT INTO history_stretch VALUES (1, 0, 9, 9, 'x', '2026-11-02 20:00:00+00:00', 1, 'x', 'x')", True, True),
    ],
)
def test_a_page_verifies_what_it_shows_and_its_neighbours(altered: str | None, newest: bool, oldest: bool) -> None:
    """Of four events, two a page."""
    engagement = make_engagement(make_product(), state="deleted")
    if altered:
        tampered(altered)
    found = events_of(engagement)
    assert shown_hold("engagement", engagement.id, found[:2]) is newest
    assert shown_hold("engagement", engagement.id, found[-2:]) is oldest


def test_what_the_hourly_check_has_found_wrong_shows_on_every_page() -> None:
    engagement = make_engagement(make_product(), state="deleted")
    tampered("UPDATE history SET facts = '{}' WHERE event = 'engagement_created'")
    found = events_of(engagement)
    assert shown_hold("engagement", engagement.id, found[:2])
    tampered("INSERT INTO history_stretch VALUES (1, 0, 9, 9, 'x', '2026-11-02 20:00:00+00:00', 1, 'x', 'x')")
    assert not shown_hold("engagement", engagement.id, found[:2])


def test_an_empty_page_of_a_chain_without_events_holds_and_a_lost_chain_does_not() -> None:
    assert shown_hold("engagement", uuid.uuid4(), [])
    engagement = make_engagement(make_product(), state="deleted")
    tampered("DELETE FROM history WHERE subject_kind = 'engagement'")
    assert not shown_hold("engagement", engagement.id, [])


def events_of(engagement: Any) -> Sequence[Any]:
    asked = {"kind": "engagement", "subject_id": engagement.id}
    with acting_for_all("what a page shows"):
        return db.session.execute(EVENTS.order_by(History.sequence.desc()), asked).all()
