"""Run now: asked for by who may, once while it waits; begun by one process, and told who asked and what it came to."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.foundation import clock, history, timetable
from app.foundation.database import db
from app.foundation.history import History, verify
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible
from app.foundation.tenancy import Viewer, acting_for_all, one, system, viewing
from app.foundation.timetable import Plan
from app.members.roles import OPERATOR_RATER
from app.operations import asked_runs, states
from app.operations.model import AskedRun
from tests.actions.racing import Runner, race
from tests.makers import as_operator, as_partner, make_organisation

JOB = "freeze_months"


@pytest.fixture(autouse=True)
def planned(in_the_portal: None) -> None:
    with acting_for_all("the timetable"):
        timetable.write_down([Plan(JOB, "Freezes.", 5, 1), Plan("send_notices", "Sends.", 2, 1)])


@pytest.fixture
def olga(in_the_portal: None) -> Viewer:
    return as_operator()


def begun(job: str = JOB) -> object:
    with acting_for_all("the job") as by:
        return asked_runs.begin(job, by=by)


def events(run: AskedRun) -> list[tuple[str, str]]:
    with acting_for_all("a test reads history"):
        assert list(verify("asked_run", run.id)) == []
        return [(one.event, one.by_label) for one in history.events_of("asked_run", run.id, newest_first=False)]


def test_from_asked_to_passed(olga: Viewer) -> None:
    assert begun() is None
    with viewing(olga):
        run = asked_runs.ask(JOB, by=olga)
    with acting_for_all("the job") as by:
        assert list(asked_runs.asked_for()) == [JOB]
        assert asked_runs.begin("send_notices", by=by) is None
        assert asked_runs.begin(JOB, by=by) == run.id
        assert list(asked_runs.asked_for()) == [] and asked_runs.begin(JOB, by=by) is None
        asked_runs.end(run.id, ok=True, message="two frozen", rows=2, by=by)
        with pytest.raises(AlreadyDone):
            asked_runs.end(run.id, ok=False, message="", rows=0, by=by)
    with viewing(olga):
        last = asked_runs.last_asked()[JOB]
    assert (last.state, last.message, last.asked_by_name) == (states.PASSED, "two frozen", olga.label)
    assert events(run) == [
        ("job_run_asked", olga.label), ("job_run_begun", "system"), ("job_run_passed", "system"),
    ]  # fmt: skip


def test_asked_twice_while_it_waits_it_is_asked_once(olga: Viewer) -> None:
    with viewing(olga):
        first, second = asked_runs.ask(JOB, by=olga), asked_runs.ask(JOB, by=olga)
        assert first.id == second.id and len(events(first)) == 1
        assert begun() == first.id
        third = asked_runs.ask(JOB, by=olga)  # the present run may be past what it was asked for
        assert third.id != first.id
        assert asked_runs.last_asked()[JOB].id == third.id


def test_two_operators_at_once_ask_for_one_run(app: Flask, olga: Viewer) -> None:
    def asking() -> Runner:
        return Runner("asked", olga, lambda _: asked_runs.ask(JOB, by=olga))

    assert race(app, asking(), asking()) == ["asked", "asked"]
    with viewing(olga):
        assert len(db.session.scalars(select(AskedRun.id)).all()) == 1
    with acting_for_all("a test counts"):
        told = db.session.scalars(select(History.id).where(History.event == "job_run_asked")).all()
    assert len(told) == 1


def test_two_processes_begin_it_once(app: Flask, olga: Viewer) -> None:
    with viewing(olga):
        asked_runs.ask(JOB, by=olga)
    got: list[object] = []
    job = system("the job")
    taking = Runner("looked", job, lambda _: got.append(asked_runs.begin(JOB, by=job)))
    race(app, taking, taking)
    assert [one is None for one in got].count(False) == 1


def test_who_may_ask_and_for_what(olga: Viewer) -> None:
    for other in (as_operator(None, OPERATOR_RATER), as_partner(make_organisation("Northbridge", partner=True))):
        with viewing(other), pytest.raises(MissingRole):
            asked_runs.ask(JOB, by=other)
    with viewing(olga):
        for unknown in ("no_such_job", "", "x" * 5000):
            with pytest.raises(NotVisible):
                asked_runs.ask(unknown, by=olga)
        run = asked_runs.ask(JOB, by=olga)
    with viewing(as_partner(make_organisation("Contrail", partner=True))):
        assert asked_runs.asked_for() == []
        with pytest.raises(NotVisible):
            one(AskedRun, run.id)


def test_a_long_story_is_cut(olga: Viewer) -> None:
    with viewing(olga), clock.pinned(clock.now() + timedelta(seconds=1)):
        run = asked_runs.ask(JOB, by=olga)
    begun()
    with acting_for_all("the job") as by:
        asked_runs.end(run.id, ok=False, message="x" * 5000, rows=0, by=by)
    with viewing(olga):
        last = asked_runs.last_asked()[JOB]
    assert (last.state, len(last.message)) == (states.FAILED, 2000)
