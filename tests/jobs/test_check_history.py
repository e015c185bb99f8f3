"""The hourly check of history: what is new at once, what is old in turn, at a cost that does not follow the length of history."""

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, current_app
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select, text, update

from app.config import Settings
from app.foundation import bulk, clock, history, history_reading, history_stretches
from app.foundation.billing_month import BillingMonth
from app.foundation.chains import COLUMNS, Chain
from app.foundation.checks import checks
from app.foundation.database import db, one_picture, transaction
from app.foundation.history import History, HistoryHead
from app.foundation.history_stretches import HistoryStretch
from app.foundation.self_check import examine
from app.foundation.tenancy import acting_for_all, current
from app.jobs import check_history
from app.jobs.work import Done, never
from app.months import states
from app.months.model import Month
from tests.makers import freeze_month, make_organisation

AT = datetime(2026, 10, 5, 12, tzinfo=UTC)
#: changes that nobody but somebody at the database could make
TRIGGERS = {
    "sqlite": ("DROP TRIGGER IF EXISTS history_no_update", "DROP TRIGGER IF EXISTS history_no_delete"),
    "postgresql": ("ALTER TABLE history DISABLE TRIGGER history_append_only",),
}


@pytest.fixture(autouse=True)
def portal(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small stretches, so that a history of a few hundred events has many."""
    monkeypatch.setattr(history_reading, "MOST", 10)
    with app.app_context(), acting_for_all("a test of the check"):
        yield
        db.session.remove()


def live(chains: int, events: int = 10) -> list[uuid.UUID]:
    """So many subjects with so many events each, one subject after the other."""
    subjects = [uuid.uuid4() for _ in range(chains)]
    rows, heads = [], []
    for subject in subjects:
        chain = Chain("month", subject)
        rows += [chain.grow("month_frozen", AT, None, "system", None, "frozen", None, "{}") for _ in range(events)]
        heads.append((chain.kind, subject, chain.length, chain.hash))
    with transaction():
        bulk.insert(History, COLUMNS, rows)
        bulk.insert(HistoryHead, ("subject_kind", "subject_id", "length", "hash"), heads)
    return subjects


def one_more(subject: uuid.UUID) -> None:
    with transaction() as session:
        head = session.scalars(select(HistoryHead).where(HistoryHead.subject_id == subject)).one()
        chain = Chain("month", subject, length=head.length, hash=head.hash)
        row = chain.grow("month_frozen", AT, None, "system", None, "frozen", None, "{}")
        bulk.insert(History, COLUMNS, [row])
        head.length, head.hash = chain.length, chain.hash


def forge(subject: uuid.UUID) -> None:
    """The chain from its beginning with another story, each hash and its end as they then must be."""
    with transaction() as session:
        ids = session.scalars(select(History.id).where(History.subject_id == subject).order_by(History.sequence)).all()
        chain = Chain("month", subject)
        for row_id in ids:
            row = chain.grow("month_frozen", AT, None, "somebody else", None, "frozen", None, "{}")
            tamper(update(History).where(History.id == row_id).values(dict(zip(COLUMNS, row, strict=True))))
        tamper(update(HistoryHead).where(HistoryHead.subject_id == subject).values(hash=chain.hash))


def tamper(*changes: object) -> None:
    with transaction() as session:
        for statement in TRIGGERS[session.get_bind().dialect.name]:
            session.execute(text(statement))
        for change in changes:
            session.execute(text(change) if isinstance(change, str) else change)  # type: ignore[call-overload]
    db.session.expunge_all()


def an_hour() -> Done:
    return check_history.run(by=current(), stopped=never)


def hours(most: int) -> int | None:
    """The first of so many runs that finds something wrong."""
    return next((hour for hour in range(1, most + 1) if an_hour().failed), None)


def whole_check() -> list[str]:
    found: list[str] = []
    for check in checks():
        with one_picture():
            found += examine(check).sentences
    return [sentence for sentence in found if "trigger" not in sentence]


@contextmanager
def counted() -> Iterator[list[str]]:
    """Statements that reach the database, but for the transactions' own."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_an_hour_reads_what_is_new_and_a_share_however_long_history_is() -> None:
    costs = []
    for more in (20, 180):
        live(more)
        an_hour()
        for subject in live(1, 3):
            one_more(subject)
        with counted() as statements:
            done = an_hour()
        assert done.failed == 0
        costs.append((done.rows, len(statements)))
    assert costs == [(4 + 10, costs[0][1])] * 2
    assert db.session.scalar(select(func.count()).select_from(HistoryStretch)) == 202


def test_a_stretch_is_read_by_indexes_alone() -> None:
    live(200)
    an_hour()
    if db.engine.dialect.name == "postgresql":
        with transaction() as session:
            # rows stand in the order of their ids, as in every history: tests before this one leave holes that new rows
            # fill, and what lies in disorder PostgreSQL reads by a bitmap of the same index and sorts
            session.execute(text("CLUSTER history USING pk_history"))
            session.execute(text("ANALYZE history"))
    asked = history_reading._ROWS.where(History.id > 900, History.id <= 910)
    statement = asked.compile(db.engine, compile_kwargs={"literal_binds": True})
    how = "EXPLAIN QUERY PLAN" if db.engine.dialect.name == "sqlite" else "EXPLAIN (COSTS off)"
    with db.engine.connect() as connection:
        plan = "\n".join(str(tuple(row)) for row in connection.exec_driver_sql(f"{how} {statement}"))
    assert not re.search(r"Seq Scan on history(_\d)?\b|SCAN history(_\d)?\b|TEMP B-TREE|Sort", plan), plan


@given(stretches=st.integers(0, 10**6), days=st.integers(1, 366))
def test_shares_of_all_runs_within_the_days_are_the_whole(stretches: int, days: int) -> None:
    share = check_history.share(stretches, timedelta(days=days))
    runs = 24 * days
    assert share * runs >= stretches > (share - 1) * runs or share == stretches == 0


def test_everything_is_read_within_the_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days, 100 stretches: three an hour, and after 48 hours none was read before the first of them."""
    settings: Settings = current_app.config["SETTINGS"]
    monkeypatch.setitem(current_app.config, "SETTINGS", replace(settings, history_read_through_days=2))
    with clock.pinned(AT):
        live(100)
        assert an_hour().rows == 1000
    for hour in range(1, 49):
        with clock.pinned(AT + timedelta(hours=hour)):
            assert an_hour().rows <= 30
    since = history_stretches.read_since()
    assert since is not None and since > AT
    with clock.pinned(AT + timedelta(days=9)):  # a portal that was off for a week reads what is late at once
        assert an_hour().rows == 1000


def test_a_tampered_new_event_is_found_at_the_next_hour_and_until_it_is_mended() -> None:
    subjects = live(3)
    an_hour()
    one_more(subjects[0])
    tamper("UPDATE history SET facts = '[]' WHERE sequence = 11")
    assert hours(1) == 1
    assert an_hour().failed == 1
    assert an_hour().message.startswith("of 11 events read, 1 do not verify")  # itself and one whose turn it is
    tamper("UPDATE history SET facts = '{}' WHERE sequence = 11")
    assert an_hour().failed == 0
    assert db.session.scalar(select(func.min(HistoryStretch.digest))) != ""
    assert whole_check() == []


OLD = [
    "UPDATE history SET facts = '[]' WHERE subject_id = :subject AND sequence = 4",
    "UPDATE history SET by_label = 'x' WHERE subject_id = :subject AND sequence = 10",
    "DELETE FROM history WHERE subject_id = :subject AND sequence = 4",
    "DELETE FROM history WHERE subject_id = :subject AND sequence > 7",
    "DELETE FROM history WHERE subject_id = :subject",
    "UPDATE history_head SET length = 9 WHERE subject_id = :subject",
    "DELETE FROM history_head WHERE subject_id = :subject",
]


@pytest.mark.parametrize("change", OLD)
def test_a_change_to_an_old_event_is_found_when_its_turn_comes_and_by_the_whole_check(change: str) -> None:
    subjects = live(8)
    an_hour()
    assert whole_check() == []
    tamper(text(change).bindparams(subject=as_kept(subjects[5])))
    assert whole_check() != []
    assert hours(8) == 6


def as_kept(subject: uuid.UUID) -> object:
    return subject.hex if db.engine.dialect.name == "sqlite" else subject


def test_a_cut_tail_with_its_end_moved_and_a_chain_gone_with_its_end_are_found() -> None:
    """What walking chains alone cannot see: the stretch was sealed with more events."""
    cut, gone, *_ = subjects = live(8)
    an_hour()
    hash_7 = db.session.scalar(select(History.hash).where(History.subject_id == cut, History.sequence == 7))
    tamper(
        text("DELETE FROM history WHERE subject_id = :subject AND sequence > 7").bindparams(subject=as_kept(cut)),
        update(HistoryHead).where(HistoryHead.subject_id == cut).values(length=7, hash=hash_7),
    )
    assert list(history.verify()) == []
    assert [sentence.split(":")[-1] for sentence in whole_check()] == [" 7 stand where 10 were sealed"]
    assert hours(8) == 1
    for table in ("history", "history_head"):
        tamper(text(f"DELETE FROM {table} WHERE subject_id = :subject").bindparams(subject=as_kept(gone)))
    assert len(whole_check()) == 2
    assert an_hour().failed == 2
    assert len(subjects) == 8


def test_a_chain_forged_from_end_to_end_is_found_by_its_seal() -> None:
    _, forged, *_ = live(4)
    an_hour()
    forge(forged)
    assert list(history.verify()) == []
    assert [sentence.split(": ")[1] for sentence in whole_check()] == ["they are not the events that were sealed"]
    assert hours(4) == 2


@pytest.mark.parametrize(
    "column", ["digest = 'x'", "read_at = :later", "events = 9", "wrong = 0, last_id = last_id + 1", "seal = 'x'"]
)
def test_a_record_that_was_changed_shows_and_stays_until_history_is_sealed_anew(app: Flask, column: str) -> None:
    live(4)
    an_hour()
    change = text(f"UPDATE history_stretch SET {column} WHERE number = 2")
    if ":later" in column:
        later = clock.now() + timedelta(days=400)
        change = text("UPDATE history_stretch SET read_at = :later WHERE number = 2").bindparams(
            later=later.replace(tzinfo=None).isoformat(" ") if db.engine.dialect.name == "sqlite" else later
        )
    tamper(change)
    assert any("changed by another hand" in sentence or "begin" in sentence for sentence in whole_check())
    found = hours(4)
    assert found is not None and found <= 2
    assert an_hour().failed
    told = app.test_cli_runner().invoke(args=["check", "seal-anew", "--yes"])
    assert (told.exit_code, told.output.split(" ")[0]) == (0, "4")
    assert (an_hour().failed, whole_check()) == (0, [])


def test_records_that_were_taken_away_hide_no_tampered_event() -> None:
    subjects = live(6)
    an_hour()
    tamper(
        text("UPDATE history SET by_label = 'x' WHERE subject_id = :subject").bindparams(subject=as_kept(subjects[4])),
        "DELETE FROM history_stretch WHERE number > 3",
    )
    assert hours(1) == 1


def test_another_secret_key_raises_no_alarm_and_seals_anew() -> None:
    live(2)
    an_hour()
    key = current_app.config["SECRET_KEY"]
    try:
        history_stretches.follow("another key, another key, another key")
        assert whole_check() == []
        assert an_hour().message.endswith("1 stretches had been sealed under another SECRET_KEY")
    finally:
        history_stretches.follow(key)


def test_a_run_that_is_stopped_leaves_the_rest_to_the_next_one() -> None:
    live(6)
    looks = iter([False, False, True])
    done = check_history.run(by=current(), stopped=lambda: next(looks, True))
    assert done.rows == 20
    assert an_hour().rows == 40 + 10
    assert an_hour().rows == 10


def test_two_who_check_at_once_seal_everything_once(app: Flask) -> None:
    live(12)
    trouble: list[BaseException] = []

    def check() -> None:
        try:
            with app.app_context(), acting_for_all("another process"):
                an_hour()
        except BaseException as wrong:
            trouble.append(wrong)

    both = [threading.Thread(target=check) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert trouble == []
    sealed = db.session.execute(select(HistoryStretch.number, HistoryStretch.events).order_by(HistoryStretch.number))
    assert [tuple(row) for row in sealed] == [(number, 10) for number in range(1, 13)]
    assert whole_check() == []


def test_while_a_frozen_month_waits_for_its_close_all_of_history_is_read() -> None:
    live(30)
    an_hour()
    with clock.pinned(datetime(2026, 11, 3, 0, 0, 1, tzinfo=UTC)):
        make_organisation("Northbridge", partner=True)
        freeze_month(BillingMonth(2026, 10))
        assert db.session.scalar(select(Month.state).limit(1)) == states.FROZEN
        assert an_hour().rows > 300


@pytest.mark.postgres
def test_an_event_that_is_committed_late_is_in_the_next_stretch_and_not_in_one_that_is_sealed(app: Flask) -> None:
    """Its id was given out before one that is committed already: the stretch waits until nobody holds an older id."""
    first, second = live(2, 1)
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        with app.app_context(), acting_for_all("a slow writer"), transaction():
            one_more(first)
            db.session.flush()
            begun.set()
            may_end.wait(20)

    writer = threading.Thread(target=slow)
    writer.start()
    begun.wait(20)
    one_more(second)
    checking: list[Done] = []

    def check() -> None:
        with app.app_context(), acting_for_all("the check"):
            checking.append(an_hour())

    checker = threading.Thread(target=check)
    checker.start()
    checker.join(1.5)
    assert checker.is_alive() and not checking
    may_end.set()
    writer.join()
    checker.join()
    assert (checking[0].rows, checking[0].failed) == (4, 0)
    assert whole_check() == []
