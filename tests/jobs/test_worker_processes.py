"""Real workers on a real PostgreSQL: they share the rating, one is killed, one is stopped, nothing is lost or doubled."""

import random
import signal
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.billing import states
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from tests.jobs.claiming import WorkerProcess, ask, tell, wait_for, worker_processes
from tests.jobs.rating_stage import each_decided_once, left, some_entries, submit_like, submit_many, sums_are_the_tariff

pytestmark = pytest.mark.postgres

TAKEN_OVER_WITHIN_SECONDS = 15
HELD_BY = "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND queue_name = 'shares' AND worker_id = ANY(:ids)"


def test_three_workers_rate_each_entry_once(app: Flask, tmp_path: Path) -> None:
    with worker_processes(app, tmp_path, 3) as workers:
        submit_many(app, 400)
        wait_for(lambda: not left(app), 60)
        assert [worker.stop() for worker in workers] == [0, 0, 0]
        rated = ["rate_billing_entries" in worker.said for worker in workers]
    assert sum(rated) >= 2, "the work was shared"
    all_is_well(app)


def test_a_killed_workers_work_is_taken_over(app: Flask, tmp_path: Path) -> None:
    with worker_processes(app, tmp_path, 1) as (victim,):
        wait_for(lambda: ask(app, "SELECT 1 FROM procrastinate_workers HAVING count(*) = 2"), 20)
        of_victim = [row.id for row in ask(app, "SELECT id FROM procrastinate_workers")]
        with worker_processes(app, tmp_path, 1) as (heir,):
            submit_many(app, 300)
            held = kill_in_the_middle(app, victim, of_victim)
            taken = wait_for(lambda: not ask(app, HELD_BY, ids=of_victim), TAKEN_OVER_WITHIN_SECONDS)
            wait_for(lambda: not left(app), 30)
            assert held and taken < TAKEN_OVER_WITHIN_SECONDS
            assert heir.stop() == 0
    all_is_well(app)


def kill_in_the_middle(app: Flask, victim: WorkerProcess, of_victim: list[int]) -> list[int]:
    """kill -9 while it holds shares; the jobs that it held to its end."""
    chance = random.Random(815)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if left(app) < 100:
            with app.app_context():
                submit_like(some_entries(), chance, 200)
        if ask(app, HELD_BY, ids=of_victim):
            victim.process.send_signal(signal.SIGKILL)
            victim.process.wait()
            break
    return [row.id for row in ask(app, HELD_BY, ids=of_victim)]


def test_stopped_a_worker_leaves_within_seconds_and_leaves_nothing_behind(app: Flask, tmp_path: Path) -> None:
    submit_many(app, 400)
    with worker_processes(app, tmp_path, 1) as (worker,):
        wait_for(lambda: ask(app, "SELECT 1 FROM billing_entry WHERE state <> 'submitted' LIMIT 1"), 20)
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began < 8
        assert "cannot schedule" not in worker.said and "Traceback" not in worker.said, worker.said
    assert left(app), "it was stopped in the middle"
    assert ask(app, "SELECT 1 FROM procrastinate_jobs WHERE status = 'doing'") == []
    assert ask(app, "SELECT 1 FROM procrastinate_workers") == []
    assert ask(app, "SELECT 1 FROM worker") == []


def test_processes_start_on_a_newer_database_and_not_on_an_older_one(app: Flask, tmp_path: Path) -> None:
    (head,) = ask(app, "SELECT version_num FROM alembic_version")
    try:
        tell(app, "UPDATE alembic_version SET version_num = '039a89578ae2'")
        worker = WorkerProcess(app, tmp_path)
        assert worker.process.wait(60) == 1
        assert "run ./run flask db upgrade first" in worker.said and "Traceback" not in worker.said
        assert app.test_client().get("/readyz").status_code == 503
        tell(app, "UPDATE alembic_version SET version_num = 'of-tomorrow'")  # the next version is being rolled out
        with worker_processes(app, tmp_path, 1) as (running,):
            assert running.stop() == 0
        assert app.test_client().get("/readyz").status_code == 200
    finally:
        tell(app, "UPDATE alembic_version SET version_num = :head", head=head.version_num)


def test_a_worker_whose_database_goes_away_while_it_starts_says_so_in_a_sentence(app: Flask, tmp_path: Path) -> None:
    waiting = "wait_event_type = 'Lock' AND query LIKE '%planned_job%' AND datname = current_database()"
    with app.app_context(), db.engine.connect() as connection:
        connection.execute(text("LOCK TABLE planned_job"))
        worker = WorkerProcess(app, tmp_path)
        wait_for(lambda: ask(app, f"SELECT pid FROM pg_stat_activity WHERE {waiting}"), 60)
        tell(app, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waiting}")
        assert worker.process.wait(60) == 1
        connection.rollback()
    assert "The database cannot be reached: " in worker.said
    assert "Traceback" not in worker.said, worker.said


def all_is_well(app: Flask) -> None:
    with app.app_context(), acting_for_all("a test looks"):
        each_decided_once(states.RATED)
        sums_are_the_tariff()
    checked = app.test_cli_runner().invoke(args=["check", "all"])
    assert checked.exit_code == 0, checked.output
