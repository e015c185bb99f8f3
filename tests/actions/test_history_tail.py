"""What a page verifies of a long history: its newest events, to the chain's end."""

import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import literal, select, text

from app.billing.own_pages import own_history_tab
from app.engagements.own_history import OwnEvent, own_events
from app.foundation import history
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.history_shown import Shown, columns, place_of
from app.foundation.history_shown import shown as shown_of
from app.foundation.kept_statements import columns_of
from app.foundation.pages import Page, cursor_of
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, acting_for_all, current, viewing
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
    assert holds(engagement) is newest
    assert holds(engagement, before=behind(0)) is oldest


@pytest.mark.parametrize("from_above", [True, False])
@pytest.mark.parametrize(
    ("altered", "middle"),
    [
        (None, True),
        ("UPDATE history SET facts = '{}' WHERE sequence IN (1, 4)", True),
        ("UPDATE history SET facts = '{}' WHERE sequence = 2", False),
        ("DELETE FROM history WHERE sequence = 1", False),
        ("UPDATE history SET hash = previous_hash WHERE sequence = 1", False),
        ("UPDATE history SET previous_hash = hash WHERE sequence = 4", False),
    ],
)
def test_a_page_in_the_middle_follows_from_both_neighbours(altered: str | None, middle: bool, from_above: bool) -> None:
    """Of four events the second and the third, come to from either side."""
    engagement = make_engagement(make_product(), state="deleted")
    if altered:
        tampered(altered)
    place = {"after": behind(4)} if from_above else {"before": behind(1)}
    assert holds(engagement, **place) is middle


def test_pages_lead_to_each_other() -> None:
    """Of four events, one to three a page: every event once, either way, and nothing beyond the ends."""
    engagement = make_engagement(make_product(), state="deleted")
    for size in (1, 2, 3):
        down, up = walked(engagement, size, "next"), walked(engagement, size, "previous")
        assert down == [4, 3, 2, 1] and sorted(up) == [1, 2, 3, 4]
    assert [row.sequence for row in shown(engagement, after=behind(99)).page.rows] == [4, 3]
    assert shown(engagement, after=behind(1)).page.rows == []
    assert holds(engagement, after=behind(99)) and holds(engagement, after=behind(1))


def test_a_clients_pages_lead_to_each_other_and_hold_what_has_a_sentence_for_it() -> None:
    engagement = make_engagement(make_product(), state="deleted")
    with viewing(Viewer("customer", engagement.customer_id)):
        every = db.session.execute(own_events(engagement.id).order_by(History.sequence.desc())).all()
        for size in (1, 2, 3, 50):
            down, up = own_walked(engagement, size, "next"), own_walked(engagement, size, "previous")
            assert down == sorted(up, reverse=True) == [OwnEvent(*row) for row in every]
    assert 1 < len(every) < 5
    with viewing(Viewer("customer", uuid.uuid4())), pytest.raises(NotVisible):
        own_history_tab(engagement.id, place_of())


def test_what_the_viewer_is_not_shown_of_a_chain_is_not_its_end() -> None:
    """An event that was given to another tenant is gone from one's page, and the chain's head does not name the one before it."""
    engagement = make_engagement(make_product(), state="deleted")
    with viewing(Viewer("partner", engagement.partner_id)):
        assert events_shown("engagement", engagement.id).holds
        tampered("UPDATE history SET partner_id = NULL WHERE sequence = 4")
        page, holds = events_shown("engagement", engagement.id)
        assert page.rows[0].sequence == 3 and not holds


def test_what_the_hourly_check_has_found_wrong_shows_on_every_page() -> None:
    engagement = make_engagement(make_product(), state="deleted")
    tampered("UPDATE history SET facts = '{}' WHERE event = 'engagement_created'")
    assert holds(engagement)
    tampered("INSERT INTO history_stretch VALUES (1, 0, 9, 9, 'x', '2026-11-02 20:00:00+00:00', 1, 'x', 'x')")
    assert not holds(engagement)


def test_an_empty_page_of_a_chain_without_events_holds_and_a_lost_chain_does_not() -> None:
    with acting_for_all("what a page shows"):
        assert events_shown("engagement", uuid.uuid4()).holds
    engagement = make_engagement(make_product(), state="deleted")
    tampered("DELETE FROM history WHERE subject_kind = 'engagement'")
    assert not holds(engagement)


def test_only_what_the_viewer_is_shown_is_on_a_page() -> None:
    engagement = make_engagement(make_product(), state="deleted")
    for organisation_id, found in ((engagement.partner_id, 2), (uuid.uuid4(), 0)):
        with viewing(Viewer("partner", organisation_id)) as viewer:
            assert len(events_shown("engagement", engagement.id, size=2).page.rows) == found
            assert current() == viewer


def events_shown(kind: str, subject_id: uuid.UUID, *, size: int = 50, **cursor: str) -> Shown:
    """As a tab reads them with its subject's own row."""
    place = place_of(size=size, **cursor)
    [row] = columns_of(select(*columns(kind, literal(subject_id), place)), place.asked)
    return shown_of(kind, subject_id, row, place)


def shown(engagement: Any, **place: str) -> Shown:
    with acting_for_all("what a page shows"):
        return events_shown("engagement", engagement.id, size=2, **place)


def holds(engagement: Any, **place: str) -> bool:
    return shown(engagement, **place).holds


def behind(sequence: int) -> str:
    return cursor_of(SimpleNamespace(sequence=sequence), ("sequence",))


def walked(engagement: Any, size: int, way: str) -> list[int]:
    def page_at(**place: str) -> Page:
        with acting_for_all("what a page shows"):
            return events_shown("engagement", engagement.id, size=size, **place).page

    return [row.sequence for row in rows_along(page_at, way)]


def own_walked(engagement: Any, size: int, way: str) -> list[Any]:
    return rows_along(lambda **place: own_history_tab(engagement.id, place_of(size=size, **place))[1], way)


def rows_along(page_at: Callable[..., Page], way: str) -> list[Any]:
    seen: list[Any] = []
    place = {} if way == "next" else {"before": behind(0)}
    while True:
        page = page_at(**place)
        seen += page.rows
        on = page.next if way == "next" else page.previous
        if on is None:
            return seen
        place = {"after" if way == "next" else "before": on}
