"""Turns and shares: each turn is given out once over all machines, each row is in one share."""

import threading
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.billing.model import BillingEntry
from app.billing.queries import due_for_rating
from app.foundation import shares, timetable
from app.foundation.database import db, transaction
from app.foundation.identity import new_id
from app.foundation.shares import WHOLE, Share, share_of
from app.foundation.tenancy import acting_for_all, current
from app.foundation.timetable import Plan, PlannedJob
from app.jobs import rate_billing_entries
from app.jobs.work import SHARES_AT_ONCE, never
from tests.jobs.rating_stage import submit_many


@pytest.fixture
def planned(app: Flask) -> Iterator[Flask]:
    """A job of every second, one of every hour that runs first after ten minutes."""
    with app.app_context(), acting_for_all("a test's timetable"):
        timetable.write_down([Plan("often", "", 1, 0), Plan("rare", "", 3600, 600)])
        timetable.begin_turns()
        yield app
        db.session.remove()


def pass_time(seconds: float) -> None:
    """As far as turns know."""
    with transaction() as session:
        session.execute(text(f"UPDATE planned_job SET turn_at = turn_at - interval '{seconds} seconds'"))


@pytest.mark.postgres
def test_a_turn_comes_when_it_is_due_and_no_sooner(planned: Flask) -> None:
    names = {"often", "rare"}
    assert timetable.take_turns(names) == ["often"]
    assert timetable.take_turns(names) == []
    pass_time(1)
    assert timetable.take_turns(names) == ["often"]
    pass_time(595)
    assert timetable.take_turns({"often"}) == ["often"]
    assert timetable.take_turns({"often"}) == [], "596 turns were missed: they are not made up for"
    assert timetable.take_turns({"rare"}) == []
    pass_time(5)
    assert timetable.take_turns({"rare"}) == ["rare"]
    pass_time(3590)
    assert timetable.take_turns({"rare"}) == []
    pass_time(15)
    assert timetable.take_turns({"rare"}) == ["rare"]


@pytest.mark.postgres
def test_a_tick_that_is_a_little_late_keeps_the_rhythm(planned: Flask) -> None:
    def last() -> float:
        return db.session.execute(
            text("SELECT extract(epoch FROM turn_at) FROM planned_job WHERE name = 'often'")
        ).scalar_one()

    timetable.take_turns({"often"})
    began = last()
    pass_time(1.4)
    timetable.take_turns({"often"})
    assert float(last() - began) == pytest.approx(1 - 1.4, abs=0.001)  # one turn on, in the time that was passed


@pytest.mark.postgres
def test_a_restart_gives_no_turn_out_again(planned: Flask) -> None:
    timetable.take_turns({"often"})
    timetable.write_down([Plan("often", "", 1, 0), Plan("rare", "", 3600, 600)])
    timetable.begin_turns()
    assert timetable.take_turns({"often", "rare"}) == []


@pytest.mark.postgres
def test_many_who_ask_at_once_get_each_turn_once(planned: Flask) -> None:
    taken: list[str] = []
    together = threading.Barrier(8)

    def ask() -> None:
        with planned.app_context(), acting_for_all("a test's machine"):
            db.session.execute(select(1))
            together.wait()
            taken.extend(timetable.take_turns({"often"}))
            db.session.remove()

    for round_number in range(5):
        machines = [threading.Thread(target=ask) for _ in range(8)]
        for machine in machines:
            machine.start()
        for machine in machines:
            machine.join()
        assert taken == ["often"] * (round_number + 1)
        pass_time(1)


def test_processes_that_start_together_write_one_timetable(app: Flask) -> None:
    plans = [Plan(name, "", 60, 1) for name in ("one", "two", "three")]

    def start() -> None:
        with app.app_context(), acting_for_all("a test's machine"):
            timetable.write_down(plans)
            db.session.remove()

    machines = [threading.Thread(target=start) for _ in range(6)]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    with app.app_context(), acting_for_all("a test looks"):
        assert set(db.session.scalars(select(PlannedJob.name))) == {"one", "two", "three"}
        db.session.remove()


@pytest.mark.parametrize("of", [1, 2, 4, 8, 16])
def test_every_id_is_in_one_share(of: int) -> None:
    for row_id in [uuid.UUID(int=number) for number in range(16)] + [new_id() for _ in range(50)]:
        assert 0 <= share_of(row_id, of) < of
    assert {share_of(uuid.UUID(int=number), of) for number in range(16)} == set(range(of))


@pytest.mark.parametrize(("number", "of"), [(0, 3), (0, 32), (0, 0), (8, 8), (-1, 8)])
def test_there_is_no_such_share(number: int, of: int) -> None:
    with pytest.raises(ValueError, match="there is no share"):
        Share(number, of)


def test_shares_of_what_is_due_are_apart_and_all_of_it(app: Flask) -> None:
    submit_many(app, 100)
    with app.app_context(), acting_for_all("a test looks"):
        everything = set(due_for_rating(share=WHOLE))
        parts = [due_for_rating(share=Share(number, 8)) for number in range(8)]
        assert sum(len(part) for part in parts) == len(everything) > 100
        assert {entry for part in parts for entry in part} == everything
        for number, part in enumerate(parts):
            engagements = db.session.scalars(select(BillingEntry.engagement_id).where(BillingEntry.id.in_(part)))
            assert {share_of(engagement, 8) for engagement in engagements} <= {number}
        assert set(rate_billing_entries.shares_due()) == {number for number, part in enumerate(parts) if part}
        db.session.remove()


def test_where_much_is_due_every_share_looks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_billing_entries, "MANY", 20)
    with app.app_context(), acting_for_all("a test looks"):
        assert not list(rate_billing_entries.shares_due())
    submit_many(app, 100)
    with app.app_context(), acting_for_all("a test looks"):
        assert list(rate_billing_entries.shares_due()) == list(range(rate_billing_entries.SHARES))
        db.session.remove()
    assert shares.WHOLE.of == 1


def test_a_process_that_rates_two_shares_at_once_holds_no_more_than_one_that_rates_all(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_billing_entries, "MOST", 8)
    monkeypatch.setattr(rate_billing_entries, "FEW", 2)
    submit_many(app, 100)
    with app.app_context(), acting_for_all("a test's machine"):
        assert rate_billing_entries.run(by=current(), stopped=never).rows == 8
        of_two = [
            rate_billing_entries.run(by=current(), stopped=never, share=Share(number, 2)).rows for number in range(2)
        ]
        assert of_two == [8 // SHARES_AT_ONCE] * 2
        db.session.remove()
