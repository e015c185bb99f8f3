"""Trigger, stop, schedule and claim: who may, and that there is never a second."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.csp.accounts import actions as accounts
from app.csp.discovery import actions, claiming, queries, rules, states
from app.csp.discovery.model import CspRun
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, system, viewing
from app.jobs import purge_lines, schedule_discovery
from app.jobs.work import never
from tests.actions.racing import Runner, race
from tests.databases import Restorer
from tests.makers.csp_accounts import connected, register
from tests.people import People, everybody


@pytest.fixture
def people(app: Flask, restore_database: Restorer) -> People:
    return everybody(app, restore_database)


@pytest.fixture
def account_id(app: Flask, people: People) -> Iterator[uuid.UUID]:
    with app.app_context():
        ada = people.viewer("ada")
        with viewing(ada):
            yield connected(ada).id


def trigger(people: People, account_id: uuid.UUID, who: str = "ada") -> CspRun:
    by = people.viewer(who)
    with viewing(by):
        return actions.trigger(account_id, by=by)


def test_a_trigger_while_one_is_live_gives_that_one(people: People, account_id: uuid.UUID) -> None:
    first, second = trigger(people, account_id), trigger(people, account_id, "abe")
    assert (first.id, first.number, first.asked_by_name) == (second.id, 1, "Ada Marsh")
    assert [kind.kind for kind in actions.kinds_of(first.id)] == list(states.KINDS)


def test_the_database_refuses_the_second(app: Flask, people: People, account_id: uuid.UUID) -> None:
    ada = people.viewer("ada")
    asking = [Runner("asked", ada, lambda _: actions.trigger(account_id, by=ada)) for _ in range(4)]
    assert race(app, *asking) == ["asked"] * 4
    with acting_for_all("a test looks"):
        assert db.session.scalar(select(func.count(CspRun.id))) == 1


def test_who_may(people: People, account_id: uuid.UUID) -> None:
    for who, no in (("ben", MissingRole), ("cy", NotVisible)):
        with pytest.raises(no):
            trigger(people, account_id, who)
        by = people.viewer(who)
        with viewing(by), pytest.raises(no):
            actions.ask_to_stop(account_id, by=by)


def test_an_account_that_is_not_connected_has_no_runs(people: People, account_id: uuid.UUID) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        draft = register(ada, tenant=str(uuid.uuid4()))
        with pytest.raises(Refused):
            actions.trigger(draft.id, by=ada)
        accounts.disable(account_id, by=ada)
        with pytest.raises(Refused):
            actions.trigger(account_id, by=ada)


def test_a_run_that_no_worker_has_stops_at_once(people: People, account_id: uuid.UUID) -> None:
    ada = people.viewer("ada")
    trigger(people, account_id)
    with viewing(ada):
        run = actions.ask_to_stop(account_id, by=ada)
        assert (run.state, run.stop_asked_by_name) == (states.STOPPED, "Ada Marsh")
        with pytest.raises(AlreadyDone):
            actions.ask_to_stop(account_id, by=ada)
        told = [one.event for one in history.events_of("csp_account", account_id)]
    assert {"csp_discovery_stop_asked", "csp_discovery_stopped"} <= set(told)
    assert trigger(people, account_id).number == 2


def test_a_run_is_one_workers(people: People, account_id: uuid.UUID) -> None:
    run = trigger(people, account_id)
    now = clock.now()
    with acting_for_all("workers"), clock.pinned(now):
        assert list(claiming.due_runs(5)) == [run.id]
        assert claiming.claim(run.id, "one")
        assert not claiming.claim(run.id, "two")
        assert not claiming.due_runs(5)
        with clock.pinned(now + rules.SILENT_AFTER):
            assert not claiming.claim(run.id, "two")
        with clock.pinned(now + rules.SILENT_AFTER + timedelta(microseconds=1)):
            assert claiming.claim(run.id, "two")
        assert not claiming.beat(run.id, "one")
        with pytest.raises(claiming.Lost), transaction():
            claiming.hold(run.id, "one")
        claiming.release(run.id, "two")
        assert list(claiming.due_runs(5)) == [run.id]


def test_a_throttled_account_waits(people: People, account_id: uuid.UUID) -> None:
    from app.csp.accounts.model import CspAccount

    trigger(people, account_id)
    with acting_for_all("workers"):
        with transaction() as session:
            session.execute(update(CspAccount).values(paused_until=clock.now() + timedelta(minutes=5)))
        assert not claiming.due_runs(5)
        with clock.pinned(clock.now() + timedelta(minutes=5, seconds=1)):
            assert claiming.due_runs(5)


def scheduled(at: datetime) -> int:
    with acting_for_all("the timetable") as by, clock.pinned(at):
        return schedule_discovery.run(by=by, stopped=never).rows


def test_the_systems_own_runs(people: People, account_id: uuid.UUID) -> None:
    slot = rules.next_slot(account_id, clock.now())
    assert scheduled(slot - timedelta(seconds=1)) == 0
    assert scheduled(slot) == 1
    assert scheduled(slot + timedelta(minutes=1)) == 0
    with acting_for_all("a test looks"):
        run = queries.last_run(account_id)
        assert run is not None
        assert (run.trigger, run.asked_by_name) == (states.SCHEDULE, "system")
    with clock.pinned(slot + timedelta(hours=1)), viewing(people.viewer("ada")):
        actions.ask_to_stop(account_id, by=people.viewer("ada"))
    assert scheduled(slot + timedelta(hours=2)) == 0
    assert scheduled(slot + timedelta(hours=12)) == 1


def test_two_timetables_make_one_run(app: Flask, people: People, account_id: uuid.UUID) -> None:
    slot = rules.next_slot(account_id, clock.now())
    by = system("the timetable")
    race(
        app, *[Runner("looked", by, lambda _: schedule_discovery.run(by=by, stopped=never)) for _ in range(3)], at=slot
    )
    with acting_for_all("a test looks"):
        assert db.session.scalar(select(func.count(CspRun.id))) == 1


def test_no_runs_while_the_account_is_disabled(people: People, account_id: uuid.UUID) -> None:
    ada = people.viewer("ada")
    with viewing(ada):
        accounts.disable(account_id, by=ada)
    assert scheduled(rules.next_slot(account_id, clock.now())) == 0


def test_last_and_next_runs_of_ones_own_accounts(people: People, account_id: uuid.UUID) -> None:
    with viewing(people.viewer("ada")):
        (none,) = queries.last_runs()
        assert (none.state, none.number) == (states.NOT_STARTED, None)
        assert none.next_at == rules.next_slot(account_id, clock.now())
    trigger(people, account_id)
    with viewing(people.viewer("ada")):
        (one,) = queries.last_runs()
        assert (one.state, one.number) == (states.IN_PROGRESS, 1), "one that waits for a worker is in progress"
    with viewing(people.viewer("cy")):
        assert not queries.last_runs()


def test_nothing_to_purge(account_id: uuid.UUID) -> None:
    with acting_for_all("a job") as by:
        assert purge_lines.run(by=by, stopped=never).rows == 0
