"""What a page verifies of a long history: its newest events, to the chain's end."""

import pytest
from sqlalchemy import text

from app.foundation import history
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from tests.makers import make_engagement, make_product


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
    assert history.newest_hold("engagement", engagement.id, 2) is newest_two
    assert history.newest_hold("engagement", engagement.id, 100) is whole
