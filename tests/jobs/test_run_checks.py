"""The job that carries out a self-check: to its end, beside writers, stopped, put back, killed and gone on with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.foundation import clock, self_check, timetable
from app.foundation.database import db, transaction
from app.foundation.self_check import Check
from app.foundation.tenancy import acting_for_all, one, viewing
from app.jobs import engine, run_checks
from app.jobs.schedule import JOBS
from app.operations import actions, rules, states
from app.operations.model import CheckRun
from tests.makers import as_operator, make_engagement, make_entry, make_product

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def asked(app: Flask) -> CheckRun:
    with app.app_context():
        make_entry(make_engagement(make_product()), "3", rated=True)
        with viewing(as_operator()) as olga:
            run = actions.request_run(by=olga)
        db.session.remove()
    return run


def kept(app: Flask, run: CheckRun) -> CheckRun:
    with app.app_context(), acting_for_all("a test looks"):
        found = one(CheckRun, run.id)
        db.session.remove()
    return found


def carry_out(app: Flask, stopped: Callable[[], bool] = lambda: False) -> run_checks.Done:
    with app.app_context(), acting_for_all("a test's job") as job:
        return run_checks.run(by=job, stopped=stopped)


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Other claims for one test: name=verdicts."""

    def instead(**of: Callable[[], Iterator[str]]) -> None:
        checks = [Check(name, verdicts) for name, verdicts in of.items()]
        monkeypatch.setattr(self_check, "SOURCES", [lambda: checks])

    monkeypatch.setattr(run_checks, "SIGN_OF_LIFE_SECONDS", 0.0)
    return instead


def test_everything_that_must_hold_is_checked(app: Flask, asked: CheckRun) -> None:
    assert not carry_out(app).failed
    run = kept(app, asked)
    assert run.state == states.DONE and len(run.told) == run.claims == len(self_check.every_check()) > 10
    assert all(verdict.holds for verdict in run.told) and run.looked > 5
    assert carry_out(app) == run_checks.Done()


def test_what_is_wrong_is_told(app: Flask, asked: CheckRun) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE billing_entry SET amount_minor = amount_minor + 1"))
    done = carry_out(app)
    run = kept(app, asked)
    assert run.state == states.DONE and run.wrong >= 2 and done.failed == run.wrong
    assert any("its price version says" in sentence for verdict in run.told for sentence in verdict.sentences)


def test_progress_is_seen_while_it_reads_and_writers_go_on(
    app: Flask, asked: CheckRun, claims: Callable[..., None]
) -> None:
    """The reading session keeps its picture; progress and other people's entries are written beside it."""
    seen: list[tuple[str, int]] = []

    def slow() -> Iterator[str]:
        for _ in range(3):
            db.session.execute(text("SELECT count(*) FROM billing_entry"))
            with app.app_context():
                with transaction() as session, acting_for_all("somebody writes meanwhile"):
                    session.execute(text("UPDATE job_result SET rows_done = rows_done + 1"))
                run = one(CheckRun, asked.id)
                seen.append((run.claim_now, run.looked_now))
            yield ""

    claims(slow=slow)
    carry_out(app)
    assert seen == [("", 0), ("slow", 1), ("slow", 2)]
    assert kept(app, asked).told[0].looked == 3


def test_a_person_stops_it(app: Flask, asked: CheckRun, claims: Callable[..., None]) -> None:
    def stopped_by_olga() -> Iterator[str]:
        yield ""
        with app.app_context(), viewing(as_operator()) as olga:
            actions.stop_run(one(CheckRun, asked.id), by=olga)
        yield ""
        yield "never reached"

    claims(first=stopped_by_olga, second=lambda: iter(["never reached"]))
    assert "stopped" in carry_out(app).message
    run = kept(app, asked)
    assert run.state == states.STOPPED and run.told == []


def test_stopped_with_the_process_it_is_put_back_and_goes_on(
    app: Flask, asked: CheckRun, claims: Callable[..., None]
) -> None:
    walked: list[str] = []

    def claim(name: str) -> Callable[[], Iterator[str]]:
        def verdicts() -> Iterator[str]:
            walked.append(name)
            yield ""

        return verdicts

    claims(first=claim("first"), second=claim("second"))
    assert "put back" in carry_out(app, stopped=lambda: len(walked) == 2).message  # in the middle of the second
    run = kept(app, asked)
    assert run.state == states.REQUESTED and [v.claim for v in run.told] == ["first"]
    assert not carry_out(app).failed
    assert kept(app, asked).state == states.DONE and walked == ["first", "second", "second"]


def test_killed_in_the_middle_it_is_taken_over(app: Flask, asked: CheckRun) -> None:
    """kill -9 between two verdicts: nothing of the run is lost, and the next one to look ends it."""
    code = """
import os, sys
from app import create_app
from app.foundation import self_check
from app.foundation.self_check import Check
from app.jobs import engine
def last():
    yield ""
    print("here", flush=True)
    os.read(0, 1)
app = create_app()
checks = self_check.every_check()[:3]
self_check.SOURCES[:] = [lambda: [*checks, Check("hangs", last)]]
engine.run_once(app, "run_checks")
"""
    with app.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
        db.engine.dispose()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DEMO": "0",
        "SECRET_KEY": "x" * 40,
        "INSTANCE_PATH": app.instance_path,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"here\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    run = kept(app, asked)
    assert run.state == states.RUNNING and len(run.told) == 3
    assert carry_out(app) == run_checks.Done()  # not before it is held for dead
    with app.app_context(), transaction() as session, acting_for_all("a test waits"):
        one(CheckRun, run.id).touched_at = clock.now() - rules.STALE_AFTER * 2
        session.flush()
    assert not carry_out(app).failed
    run = kept(app, asked)
    assert run.state == states.DONE and len(run.told) == len(self_check.every_check())
    assert len({verdict.claim for verdict in run.told}) == len(run.told)


def test_the_engine_writes_its_timetable_down(app: Flask) -> None:
    jobs = engine.start(app)
    time.sleep(0.1)
    jobs.stop()
    with app.app_context(), acting_for_all("a test looks"):
        planned = {one.job.name: one for one in timetable.planned()}
        db.session.remove()
    assert set(planned) == set(JOBS)
    assert all(one.job.does for one in planned.values()), "a job's file opens with what it does"
    assert planned["check_history"].result is None and not planned["check_history"].is_overdue(clock.now())
