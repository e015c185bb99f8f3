"""Passwords and links: the same answer for everybody, a limit that holds, and what ends a session."""

import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import acting_for_all, one
from app.members import sign_ins, tries
from app.members.model import Member, SignInAttempt
from app.members.tries import TooManyTries
from app.notices.delivery import facts_of
from tests.people import PASSWORD, everybody

HERE, THERE = "192.0.2.1", "192.0.2.2"
ADA = "ada@northbridge.example"


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def fail(email=ADA, times=1, source=HERE):
    for _ in range(times):
        with pytest.raises(Refused) as no:
            sign_ins.check_password(email, "wrong password", source=source)
        assert str(no.value) == sign_ins.WRONG


def attempts():
    with acting_for_all("a test counts tries"):
        return db.session.scalar(select(func.count()).select_from(SignInAttempt))


def lock_out(member):
    with acting_for_all("a test"), transaction():
        one(Member, member.id).active = False


def test_the_right_password_lets_in(people):
    passed = sign_ins.check_password(" ADA@northbridge.example ", PASSWORD, source=HERE)
    assert (passed.member_id, passed.needs_code) == (people.ada.id, False)
    with acting_for_all("a test"):
        assert one(Member, people.ada.id).last_sign_in_at is not None


def test_the_same_sentence_for_every_cause(people):
    lock_out(people.ben)
    fail("nobody@northbridge.example")
    fail("\0'; drop table member")
    fail("ben@northbridge.example")
    with pytest.raises(Refused) as no:
        sign_ins.check_password("ben@northbridge.example", PASSWORD, source=HERE)
    assert str(no.value) == sign_ins.WRONG


def test_after_five_failures_even_the_right_password_waits(people):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        fail(times=5)
        with pytest.raises(TooManyTries) as no:
            sign_ins.check_password(ADA, PASSWORD, source=THERE)
        assert no.value.seconds == 15 * 60
        written = attempts()
        with pytest.raises(TooManyTries):
            sign_ins.check_password(ADA, "wrong password", source=THERE)
        assert attempts() == written  # a flood of refused tries writes nothing
        sign_ins.check_password("abe@northbridge.example", PASSWORD, source=HERE)  # nobody else waits
        now.shift(timedelta(minutes=15))
        assert sign_ins.check_password(ADA, PASSWORD, source=HERE).member_id == people.ada.id


def test_a_demo_clock_moved_back_locks_nobody_out(people):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        fail(times=5)
        now.move_to("2026-10-01T10:00:00Z")
        assert sign_ins.check_password(ADA, PASSWORD, source=HERE).member_id == people.ada.id


def test_an_email_that_is_nobodys_is_throttled_alike(people):
    fail("nobody@northbridge.example", times=5)
    with pytest.raises(TooManyTries):
        sign_ins.check_password("Nobody@northbridge.example", "wrong password", source=THERE)


def test_success_starts_the_count_anew(people):
    fail(times=4)
    sign_ins.check_password(ADA, PASSWORD, source=HERE)
    fail(times=4)
    sign_ins.check_password(ADA, PASSWORD, source=HERE)


def test_twenty_failures_from_one_address_stop_it_for_every_email(people):
    for number in range(20):
        fail(f"guess{number}@northbridge.example")
    with pytest.raises(TooManyTries):
        sign_ins.check_password(ADA, PASSWORD, source=HERE)
    sign_ins.check_password(ADA, PASSWORD, source=THERE)


def test_a_race_gives_no_try_more_than_the_limit(app, people):
    outcomes = []

    def guess():
        with app.app_context():
            try:
                sign_ins.check_password(ADA, "wrong password", source=HERE)
            except (Refused, TooManyTries) as no:
                outcomes.append(type(no))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 12
    assert outcomes.count(Refused) <= 5


def test_a_link_sets_the_password_once_and_ends_every_session(people):
    mark = people.ada.session_mark
    sign_ins.ask_for_link("ADA@northbridge.example", source=HERE)
    with acting_for_all("a test"):
        [notice] = db.session.scalars(select(OutboxRow)).all()
    assert (notice.template, notice.address, notice.facts["hours"]) == ("reset_password", str(people.ada.id), 1)
    token = facts_of(notice)["path"].removeprefix("/reset-password/")
    assert sign_ins.holder_of(token).id == people.ada.id
    with pytest.raises(Refused):
        sign_ins.set_password_by_link(token, "short", source=HERE)
    sign_ins.set_password_by_link(token, "a new password", source=HERE)
    with pytest.raises(NotVisible):
        sign_ins.set_password_by_link(token, "a second password", source=HERE)
    with acting_for_all("a test"):
        assert one(Member, people.ada.id).session_mark != mark
    fail_old = pytest.raises(Refused)
    with fail_old:
        sign_ins.check_password(ADA, PASSWORD, source=HERE)
    sign_ins.check_password(ADA, "a new password", source=HERE)


def test_using_the_link_ends_the_wait(people):
    fail(times=5)
    token = sign_ins.link_token(people.ada, lasts=sign_ins.RESET_LINK_FOR)
    sign_ins.set_password_by_link(token, "a new password", source=HERE)
    sign_ins.check_password(ADA, "a new password", source=HERE)


def test_a_link_lasts_an_hour(people):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        token = sign_ins.link_token(people.ada, lasts=sign_ins.RESET_LINK_FOR)
        now.shift(timedelta(minutes=59, seconds=59))
        sign_ins.holder_of(token)
        now.shift(timedelta(seconds=1))
        with pytest.raises(NotVisible):
            sign_ins.holder_of(token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "🙂", "eyJtIjoxfQ.AAAA"])
def test_a_link_of_our_making_only(people, token):
    with pytest.raises(NotVisible):
        sign_ins.holder_of(token)


def test_who_may_not_sign_in_gets_no_link_and_uses_none(people):
    token = sign_ins.link_token(people.ben, lasts=sign_ins.RESET_LINK_FOR)
    lock_out(people.ben)
    with pytest.raises(NotVisible):
        sign_ins.holder_of(token)
    sign_ins.ask_for_link("ben@northbridge.example", source=HERE)
    sign_ins.ask_for_link("nobody@northbridge.example", source=HERE)
    with acting_for_all("a test"):
        assert db.session.scalar(select(func.count()).select_from(OutboxRow)) == 0


def test_links_are_not_mailed_without_end(people):
    for _ in range(6):
        sign_ins.ask_for_link(ADA, source=HERE)
    with acting_for_all("a test"):
        assert db.session.scalar(select(func.count()).select_from(OutboxRow)) == tries.LINKS_PER_EMAIL
    for number in range(14):
        sign_ins.ask_for_link(f"x{number}@y.example", source=HERE)
    with pytest.raises(TooManyTries):
        sign_ins.ask_for_link("z@y.example", source=HERE)


def test_changing_the_password_asks_the_present_one_and_counts_wrong_ones(people):
    by = people.viewer("ada")
    with pytest.raises(Refused) as no:
        sign_ins.change_password("wrong password", "a new password", source=HERE, by=by)
    assert no.value.field == "current_password"
    with pytest.raises(Refused) as no:
        sign_ins.change_password(PASSWORD, "short", source=HERE, by=by)
    assert no.value.field == "new_password"
    before = people.ada.session_mark
    assert sign_ins.change_password(PASSWORD, "a new password", source=HERE, by=by) != before
    sign_ins.check_password(ADA, "a new password", source=HERE)
    for _ in range(5):
        with pytest.raises(Refused):
            sign_ins.change_password("wrong password", "another password", source=HERE, by=by)
    with pytest.raises(TooManyTries):
        sign_ins.change_password("a new password", "another password", source=HERE, by=by)


def test_old_tries_are_forgotten(people):
    fail(times=2)
    assert tries.forget_old_tries() == 0
    with time_machine.travel(clock.now() + timedelta(days=91), tick=False):
        assert tries.forget_old_tries() == 2
    assert attempts() == 0
