"""Sessions as rows: begun, noted, ended from afar, forgotten; and what the account's own history keeps."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app.foundation.database import db
from app.foundation.history import History, verify
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import acting_for_all, viewing
from app.members import queries, sessions, sign_ins
from app.members.model import MemberSession
from tests.people import PASSWORD, everybody

HERE = "192.0.2.1"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0"


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def begin(member):
    """A session and its id."""
    token = sessions.begin(member.id, user_agent=FIREFOX, source=HERE)
    return token, queries.signed_in(member.id, token).session_id


def rows():
    with acting_for_all("a test counts"):
        return db.session.scalar(select(func.count()).select_from(MemberSession))


def events(member):
    with acting_for_all("a test reads History"):
        return db.session.scalars(
            select(History.event).where(History.subject_id == member.id).order_by(History.id)
        ).all()


def test_the_token_is_kept_nowhere(people):
    token, _ = begin(people.ada)
    with acting_for_all("a test looks"):
        [row] = db.session.scalars(select(MemberSession)).all()
    assert token not in (row.digest, str(row.id))
    assert (row.device, row.source) == ("Firefox on Windows", HERE)


def test_a_token_is_one_members_only(people):
    token, _ = begin(people.ada)
    assert queries.signed_in(people.ada.id, token) is not None
    assert queries.signed_in(people.abe.id, token) is None
    for wrong in ("", "x", token[:-1], token + "x", "\0"):
        assert queries.signed_in(people.ada.id, wrong) is None


def test_use_is_noted_every_few_minutes(people):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        token, session_id = begin(people.ada)
        first = queries.signed_in(people.ada.id, token).session_seen_at
        assert first is not None
        now.shift(sessions.SEEN_EVERY - timedelta(seconds=1))
        sessions.note_use(session_id)
        assert queries.signed_in(people.ada.id, token).session_seen_at == first
        now.shift(timedelta(seconds=1))
        sessions.note_use(session_id)
        assert queries.signed_in(people.ada.id, token).session_seen_at == first + sessions.SEEN_EVERY


def test_one_ends_ones_own_only(people):
    ada, cy = people.viewer("ada"), people.viewer("cy")
    token, session_id = begin(people.ada)
    with viewing(cy), pytest.raises(NotVisible):
        sessions.end(session_id, by=cy)
    with viewing(ada):
        assert [row.id for row in sessions.own_sessions(session_id, by=ada)] == [session_id]
        sessions.end(session_id, by=ada)
        with pytest.raises(NotVisible):
            sessions.end(session_id, by=ada)
    assert queries.signed_in(people.ada.id, token) is None
    assert list(events(people.ada))[-1] == "session_ended"
    with acting_for_all("a test verifies"):
        assert not list(verify())


def test_all_others_end_and_this_one_goes_on(people):
    ada = people.viewer("ada")
    tokens = [begin(people.ada) for _ in range(3)]
    begin(people.cy)
    with viewing(ada):
        assert sessions.end_others(tokens[0][1], by=ada) == 2
        assert sessions.end_others(tokens[0][1], by=ada) == 0
    assert [queries.signed_in(people.ada.id, token) is not None for token, _ in tokens] == [True, False, False]
    assert list(events(people.ada)).count("other_sessions_ended") == 1
    assert rows() == 2


def test_another_password_ends_them_all(people):
    ada = people.viewer("ada")
    begin(people.ada)
    with viewing(ada):
        sign_ins.change_password(PASSWORD, "four calm herons wade", source=HERE, by=ada)
    assert rows() == 0
    begin(people.ada)
    with acting_for_all("a test"):
        member = sign_ins.holder_of(sign_ins.link_token(reload(people.ada), lasts=timedelta(hours=1)))
    sign_ins.set_password_by_link(
        sign_ins.link_token(member, lasts=timedelta(hours=1)), "five calm herons wade", source=HERE
    )
    assert rows() == 0


def reload(member):
    from app.foundation.tenancy import one

    return one(type(member), member.id)


def test_signing_out_is_not_an_event(people):
    token, _ = begin(people.ada)
    sessions.sign_out(token)
    sessions.sign_out(token)
    assert rows() == 0
    assert "session_ended" not in events(people.ada)


def test_what_nobody_can_hold_any_more_is_neither_listed_nor_kept(people):
    ada = people.viewer("ada")
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        _, old = begin(people.ada)
        now.shift(sessions.LISTED_FOR)
        _, young = begin(people.ada)
        with viewing(ada):
            assert [row.id for row in sessions.own_sessions(young, by=ada)] == [young]
            assert [row.id for row in sessions.own_sessions(old, by=ada)] == [young, old]
        assert sessions.forget_old_sessions() == 0
        now.shift(sessions.KEPT)
        assert sessions.forget_old_sessions() == 1
