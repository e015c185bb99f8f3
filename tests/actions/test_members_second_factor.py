"""Switching the second factor on, signing in with it, replay, recovery codes, switching it off."""

import threading
import uuid
from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import select

from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, one
from app.members import queries, second_factor, sign_ins
from app.members.model import Member, RecoveryCode, new_mark
from app.members.tries import TooManyTries
from tests.people import PASSWORD, move_in

HERE = "192.0.2.1"
ADA = "ada@northbridge.example"
NOON = "2026-11-02T12:00:10Z"


@pytest.fixture
def now():
    """The machine's clock: it stands still unless a test shifts it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def people(app, now):
    with app.app_context():
        yield move_in()


def switch_on(people, now):
    """Ada's second factor. Returns (her authenticator, the recovery codes)."""
    by = people.viewer("ada")
    totp = pyotp.TOTP(second_factor.begin(by=by))
    codes = second_factor.confirm(totp.now(), by=by)
    now.shift(timedelta(seconds=30))
    return totp, codes


def first_step() -> tuple[uuid.UUID, str]:
    passed = sign_ins.check_password(ADA, PASSWORD, source=HERE)
    assert passed.needs_code
    return passed.member_id, passed.mark


def test_password_then_code(people, now):
    totp, codes = switch_on(people, now)
    assert len(set(codes)) == 10
    member_id, mark = first_step()
    with acting_for_all("a test"):
        assert one(Member, member_id).last_sign_in_at is None
    assert sign_ins.check_code(member_id, mark, totp.now(), source=HERE).member_id == member_id
    with acting_for_all("a test"):
        assert one(Member, member_id).last_sign_in_at is not None


def test_a_code_is_not_taken_twice(people, now):
    totp, _ = switch_on(people, now)
    code = totp.now()
    sign_ins.check_code(*first_step(), code, source=HERE)
    with pytest.raises(Refused):
        sign_ins.check_code(*first_step(), code, source=HERE)
    now.shift(timedelta(seconds=30))
    sign_ins.check_code(*first_step(), totp.now(), source=HERE)


def test_the_code_of_the_set_up_is_not_taken_again(people):
    by = people.viewer("ada")
    totp = pyotp.TOTP(second_factor.begin(by=by))
    code = totp.now()
    second_factor.confirm(code, by=by)
    with pytest.raises(Refused):
        sign_ins.check_code(*first_step(), code, source=HERE)


def test_a_recovery_code_works_once_in_any_spelling(people, now):
    _, codes = switch_on(people, now)
    sign_ins.check_code(*first_step(), f" {codes[3].lower().replace('-', ' ')} ", source=HERE)
    with pytest.raises(Refused):
        sign_ins.check_code(*first_step(), codes[3], source=HERE)
    assert queries.recovery_codes_left(people.ada.id) == 9
    sign_ins.check_code(*first_step(), codes[4], source=HERE)


def test_nothing_that_opens_is_readable_in_the_database(people, now):
    totp, codes = switch_on(people, now)
    with acting_for_all("a test"):
        member = one(Member, people.ada.id)
        digests = db.session.scalars(select(RecoveryCode.digest)).all()
    assert totp.secret not in str(member.totp_secret)
    assert not set(codes) & set(digests)
    assert len(digests) == 10


def test_guessing_codes_is_throttled(people, now):
    totp, _ = switch_on(people, now)
    step = first_step()
    for _ in range(5):
        with pytest.raises(Refused):
            sign_ins.check_code(*step, "000000", source=HERE)
    with pytest.raises(TooManyTries):
        sign_ins.check_code(*step, totp.now(), source=HERE)
    with pytest.raises(TooManyTries):  # the password, proven again, gives no fresh tries
        sign_ins.check_password(ADA, PASSWORD, source=HERE)


def test_the_right_password_does_not_start_the_count_of_codes_anew(people, now):
    switch_on(people, now)
    for _ in range(4):
        with pytest.raises(Refused):
            sign_ins.check_code(*first_step(), "000000", source=HERE)
    step = first_step()
    with pytest.raises(Refused):
        sign_ins.check_code(*step, "000000", source=HERE)
    with pytest.raises(TooManyTries):
        sign_ins.check_code(*step, "000000", source=HERE)


def test_one_code_sent_twice_at_once_opens_one_session(app, people, now):
    totp, _ = switch_on(people, now)
    step, code, outcomes = first_step(), totp.now(), []

    def enter():
        with app.app_context():
            try:
                sign_ins.check_code(*step, code, source=HERE)
                outcomes.append("in")
            except (Refused, TooManyTries):
                outcomes.append("refused")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["in", "refused", "refused"]


def test_a_password_changed_in_between_ends_the_second_step(people, now):
    totp, _ = switch_on(people, now)
    step = first_step()
    with acting_for_all("a test"), transaction():
        one(Member, people.ada.id).session_mark = new_mark()
    with pytest.raises(NotVisible):
        sign_ins.check_code(*step, totp.now(), source=HERE)


def test_a_wrong_first_code_switches_nothing_on(people):
    by = people.viewer("ada")
    second_factor.begin(by=by)
    with pytest.raises(Refused):
        second_factor.confirm("000000", by=by)
    assert not sign_ins.check_password(ADA, PASSWORD, source=HERE).needs_code
    assert second_factor.secret_to_show(by=by) is not None


def test_the_secret_is_not_shown_once_it_is_in_use(people, now):
    switch_on(people, now)
    by = people.viewer("ada")
    assert second_factor.secret_to_show(by=by) is None
    with pytest.raises(AlreadyDone):
        second_factor.begin(by=by)
    with pytest.raises(AlreadyDone):
        second_factor.confirm("000000", by=by)


def test_switching_off_takes_the_password(people, now):
    switch_on(people, now)
    by = people.viewer("ada")
    with pytest.raises(Refused):
        second_factor.switch_off("wrong password", source=HERE, by=by)
    second_factor.switch_off(PASSWORD, source=HERE, by=by)
    second_factor.switch_off(PASSWORD, source=HERE, by=by)
    assert not sign_ins.check_password(ADA, PASSWORD, source=HERE).needs_code
    assert queries.recovery_codes_left(people.ada.id) == 0


def test_new_recovery_codes_replace_the_old(people, now):
    _, old = switch_on(people, now)
    new = second_factor.renew_codes(PASSWORD, source=HERE, by=people.viewer("ada"))
    with pytest.raises(Refused):
        sign_ins.check_code(*first_step(), old[0], source=HERE)
    sign_ins.check_code(*first_step(), new[0], source=HERE)


def test_the_demos_moved_clock_does_not_move_the_authenticators(people, tmp_path, now):
    from app.foundation import clock

    totp, _ = switch_on(people, now)
    clock.follow(tmp_path / "demo-clock")
    try:
        clock.move(clock.parse_instant("2027-06-01T00:00:00Z"))
        sign_ins.check_code(*first_step(), totp.now(), source=HERE)
    finally:
        clock.follow(None)
