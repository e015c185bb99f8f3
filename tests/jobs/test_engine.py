"""Ticks happen, failures stop nothing, Ctrl-C is not held up, and what became of a run can be read."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from app.billing import states
from app.billing.model import BillingEntry
from app.foundation import clock, history, idempotency, job_results
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer, acting_for_all, current, one, viewing
from app.jobs import engine, runs, ticking
from app.jobs.schedule import JOBS, Job
from app.jobs.work import Done, Stopped
from app.operations import asked_runs
from app.operations.model import AskedRun
from tests.makers import as_operator, as_partner, make_engagement, make_entry, make_organisation, make_product


@pytest.fixture
def timetable(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Another timetable for one test: name=handler, every second, first at once."""
    monkeypatch.setattr(runs, "_noted_at", {})

    def instead(**handlers: Callable[..., Done]) -> None:
        jobs = {name: Job(name, 1, handler, first_after_seconds=0) for name, handler in handlers.items()}
        monkeypatch.setattr(engine, "JOBS", jobs)

    return instead


def result(app: Flask, name: str) -> job_results.JobResult:
    with app.app_context(), acting_for_all("a test looks"):
        return next(row for row in job_results.results() if row.name == name)


def test_the_running_portal_rates_within_seconds(app: Flask) -> None:
    with app.app_context():
        entry = make_entry(make_engagement(make_product()), "2")
    jobs = engine.start(app)
    try:
        deadline = time.monotonic() + 10
        state = states.SUBMITTED
        while state == states.SUBMITTED and time.monotonic() < deadline:
            time.sleep(0.1)
            with app.app_context(), acting_for_all("a test looks"):
                state = one(BillingEntry, entry.id).state
    finally:
        jobs.stop()
    assert state == states.RATED
    assert result(app, "rate_billing_entries").rows_done == 1
    assert 'portal_job_rows_total{job="rate_billing_entries"}' in app.test_client().get("/metrics").text


def test_a_job_that_raises_is_noted_and_runs_again(app: Flask, timetable: Callable[..., None]) -> None:
    runs: list[str] = []

    def broken(*, by: Viewer, stopped: Stopped) -> Done:
        runs.append("broken")
        raise ZeroDivisionError("no such luck")

    def sound(*, by: Viewer, stopped: Stopped) -> Done:
        runs.append("sound")
        assert by.capacity == "system"
        assert current() is by
        return Done(3)

    timetable(broken=broken, sound=sound)
    jobs = engine.start(app)
    time.sleep(2.5)
    jobs.stop()
    assert runs.count("broken") >= 2
    assert runs.count("sound") >= 2
    noted = result(app, "broken")
    assert not noted.last_ok
    assert noted.last_message == "ZeroDivisionError: no such luck"
    assert result(app, "sound").rows_done == 3 * runs.count("sound")
    with pytest.raises(ZeroDivisionError):
        engine.run_once(app, "broken")


def test_one_run_at_a_time_and_stop_waits_for_the_present_row(app: Flask, timetable: Callable[..., None]) -> None:
    running, most, stopped_early = [0], [0], threading.Event()

    def long(*, by: Viewer, stopped: Stopped) -> Done:
        running[0] += 1
        most[0] = max(most[0], running[0])
        while not stopped():
            time.sleep(0.05)
        stopped_early.set()
        running[0] -= 1
        return Done()

    timetable(long=long)
    jobs = engine.start(app)
    time.sleep(2.2)
    began = time.monotonic()
    jobs.stop()
    assert time.monotonic() - began < 1
    assert stopped_early.is_set()
    assert most[0] == 1


def test_stop_gives_up_on_what_hangs(
    app: Flask, timetable: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "STOP_WAITS_SECONDS", 0.5)
    let_go, hangs = threading.Event(), threading.Event()

    def hanging(*, by: Viewer, stopped: Stopped) -> Done:
        hangs.set()
        let_go.wait(20)
        return Done()

    timetable(hanging=hanging)
    jobs = engine.start(app)
    assert hangs.wait(5)
    began = time.monotonic()
    jobs.stop()
    assert time.monotonic() - began < 2
    let_go.set()
    for thread in threading.enumerate():
        if thread.name == "job hanging":
            assert thread.daemon  # the interpreter does not wait for it
            thread.join()


def test_idle_runs_are_noted_once_a_minute(app: Flask, timetable: Callable[..., None]) -> None:
    timetable(idle=lambda *, by, stopped: Done(), busy=lambda *, by, stopped: Done(2, 1, "one failed"))
    engine.run_once(app, "idle")
    first = result(app, "idle").last_started_at
    engine.run_once(app, "idle")
    assert result(app, "idle").last_started_at == first
    engine.run_once(app, "busy")
    engine.run_once(app, "busy")
    noted = result(app, "busy")
    assert (noted.rows_done, noted.last_ok, noted.last_message) == (4, False, "one failed")


def test_only_the_operator_reads_results(app: Flask) -> None:
    engine.run_once(app, "freeze_months")
    with app.app_context():
        partner, olga = make_organisation("Northbridge", partner=True), as_operator()
        with transaction(), acting_for_all("a run"):
            now = clock.now()
            job_results.note("freeze_months", started_at=now, finished_at=now, ok=True, message="", rows=0)
        with viewing(olga):
            assert [row.name for row in job_results.results()] == ["freeze_months"]
        with viewing(as_partner(partner)):
            assert job_results.results() == []


def test_every_job_runs_twice_on_an_empty_database(app: Flask) -> None:
    for name in [*JOBS, *JOBS]:
        done = engine.run_once(app, name)
        assert done.failed == 0, name


def test_old_submission_keys_are_forgotten(app: Flask) -> None:
    with app.app_context():
        olga = as_operator()
        with viewing(olga):
            for days in (29, 31, 400):
                with clock.pinned(clock.now() - timedelta(days=days)):
                    idempotency.once(f"key of {days} days ago", {}, lambda: olga_s_row(olga), by=olga)
    assert engine.run_once(app, "forget_submissions").rows == 2
    assert engine.run_once(app, "forget_submissions").rows == 0


def olga_s_row(olga: Viewer) -> object:
    from app.parties.model import Organisation

    assert olga.organisation_id is not None
    return one(Organisation, olga.organisation_id)


def test_a_broken_chain_is_noticed(app: Flask) -> None:
    from sqlalchemy import text

    with app.app_context():
        make_organisation("Northbridge", partner=True)
        done = engine.run_once(app, "check_history")
        assert (done.rows, done.failed, done.message[:37]) == (1, 0, "1 new and 0 old events verify; all we")
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE history_head SET length = 2"))
    done = engine.run_once(app, "check_history")
    assert (done.rows, done.failed, done.message[:37]) == (1, 1, "of 1 events read, 1 do not verify; al")


def test_the_command_runs_a_job(app: Flask) -> None:
    told = app.test_cli_runner().invoke(args=["jobs", "run", "forget_submissions"])
    assert (told.exit_code, told.output) == (0, "forget_submissions: 0 done, 0 failed\n")
    told = app.test_cli_runner().invoke(args=["jobs", "run", "make_coffee"])
    assert told.exit_code == 1
    assert "There is no job make_coffee; there are: rate_billing_entries" in told.output


def asked(app: Flask, job: str) -> uuid.UUID:
    with app.app_context():
        olga = as_operator()
        with viewing(olga):
            return asked_runs.ask(job, by=olga).id


def state_of(app: Flask, run_id: uuid.UUID) -> tuple[str, str]:
    with app.app_context(), acting_for_all("a test looks"):
        run = one(AskedRun, run_id)
        return run.state, run.message


def wait_for(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not met():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


@pytest.fixture
def daily(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Jobs that would run in a day."""
    monkeypatch.setattr(runs, "_noted_at", {})

    def instead(**handlers: Callable[..., Done]) -> None:
        jobs = {name: Job(name, 86400, run, first_after_seconds=86400) for name, run in handlers.items()}
        monkeypatch.setattr(engine, "JOBS", jobs)

    return instead


def test_a_run_that_is_asked_for_comes_within_seconds(app: Flask, daily: Callable[..., None]) -> None:
    def broken(*, by: Viewer, stopped: Stopped) -> Done:
        raise OSError("<disk> is full")

    runs: list[str] = []

    def sound(*, by: Viewer, stopped: Stopped) -> Done:
        runs.append(by.reason)
        return Done()

    daily(sound=sound, broken=broken, other=sound)
    jobs = engine.start(app)
    try:
        ids = {name: asked(app, name) for name in ("sound", "broken")}
        wait_for(lambda: {state_of(app, run)[0] for run in ids.values()} == {"passed", "failed"})
        assert state_of(app, ids["sound"]) == ("passed", "")
        assert state_of(app, ids["broken"]) == ("failed", "OSError: <disk> is full")
        assert runs == ["job sound"]
        assert result(app, "sound").last_ok and not result(app, "broken").last_ok
        again = asked(app, "sound")
        wait_for(lambda: state_of(app, again)[0] == "passed")
        assert len(runs) == 2
    finally:
        jobs.stop()


def test_an_asked_run_waits_for_the_one_under_way(app: Flask, daily: Callable[..., None]) -> None:
    running, most, release = [0], [0], threading.Event()

    def long(*, by: Viewer, stopped: Stopped) -> Done:
        running[0] += 1
        most[0] = max(most[0], running[0])
        release.wait(20)
        running[0] -= 1
        return Done(1)

    daily(long=long)
    jobs = engine.start(app)
    try:
        first = asked(app, "long")
        wait_for(lambda: state_of(app, first)[0] == "begun")
        second = asked(app, "long")
        assert second != first
        time.sleep(2.5)  # two looks: the tick is passed over, twice
        assert (state_of(app, second)[0], most[0]) == ("asked", 1)
        release.set()
        wait_for(lambda: state_of(app, second)[0] == "passed")
        assert state_of(app, first)[0] == "passed" and most[0] == 1
    finally:
        release.set()
        jobs.stop()


def test_two_engines_carry_an_asked_run_out_once(app: Flask, daily: Callable[..., None]) -> None:
    runs: list[int] = []

    def sound(*, by: Viewer, stopped: Stopped) -> Done:
        runs.append(1)
        return Done(3)

    daily(sound=sound)
    engines = [engine.start(app), engine.start(app)]
    try:
        run = asked(app, "sound")
        wait_for(lambda: state_of(app, run)[0] == "passed")
        time.sleep(1.5)
    finally:
        for jobs in engines:
            jobs.stop()
    with app.app_context(), acting_for_all("a test reads history"):
        told = [event.event for event in history.events_of("asked_run", run, newest_first=False)]
    assert told == ["job_run_asked", "job_run_begun", "job_run_passed"]
