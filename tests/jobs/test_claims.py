"""Many workers on one PostgreSQL, in one process: nothing runs twice at once, what is cut short is given back."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from procrastinate import App, PsycopgConnector
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status

from app.foundation import workers
from app.foundation.database import db
from app.foundation.shares import WHOLE, Share
from app.foundation.tenancy import Viewer, acting_for_all
from app.jobs import claims, engine, ticking
from app.jobs.endings import Endings
from app.jobs.schedule import DAY, InShares, Job
from app.jobs.work import Done, Stopped
from tests.jobs.claiming import ask, tell, wait_for

pytestmark = pytest.mark.postgres


@pytest.fixture
def start(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., engine.Engine]]:
    """Start one more worker with these jobs; all are stopped at the end."""
    started: list[engine.Engine] = []

    def one_more(*jobs: Job) -> engine.Engine:
        monkeypatch.setattr(engine, "JOBS", {job.name: job for job in jobs})
        started.append(engine.start(app))
        return started[-1]

    yield one_more
    for each in started:
        each.stop()


class Watched:
    """A handler that counts its runners, at most and in all, by share."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.lock = seconds, threading.Lock()
        self.now: Counter[int] = Counter()
        self.most: Counter[int] = Counter()
        self.runs: Counter[int] = Counter()
        self.together = 0

    def __call__(self, *, by: Viewer, stopped: Stopped, share: Share = WHOLE) -> Done:
        with self.lock:
            self.now[share.number] += 1
            self.runs[share.number] += 1
            self.most[share.number] = max(self.most[share.number], self.now[share.number])
            self.together = max(self.together, self.now.total())
        time.sleep(self.seconds)
        with self.lock:
            self.now[share.number] -= 1
        return Done(1)


def test_one_runner_a_job_however_many_workers(start: Callable[..., engine.Engine]) -> None:
    watched = Watched(1.3)  # longer than its turns are apart
    for _ in range(3):
        start(Job("watched", 1, watched, first_after_seconds=0))
    wait_for(lambda: watched.runs[0] >= 3, 15)
    assert watched.most[0] == 1


def test_shares_run_side_by_side_each_once(start: Callable[..., engine.Engine]) -> None:
    watched = Watched(0.8)
    for _ in range(2):
        start(Job("shared", 1, watched, first_after_seconds=0, in_shares=InShares(4, lambda: range(4), watched)))
    wait_for(lambda: min(watched.runs[number] for number in range(4)) >= 2, 20)
    assert set(watched.most.values()) == {1}
    assert 2 <= watched.together <= 4
    assert set(watched.runs) == set(range(4))


def test_a_share_with_nothing_to_do_is_not_queued(start: Callable[..., engine.Engine]) -> None:
    """But one is, so that Operations sees the job run."""
    watched = Watched(0)
    start(Job("shared", 1, watched, first_after_seconds=0, in_shares=InShares(4, lambda: set(), watched)))
    wait_for(lambda: watched.runs[0] >= 2, 10)
    assert set(watched.runs) == {0}


def test_what_a_stop_cuts_short_another_worker_goes_on_with(app: Flask, start: Callable[..., engine.Engine]) -> None:
    """A job of once a day must not wait for tomorrow because the worker that had it was stopped."""
    begun: list[bool] = []

    def daily(*, by: Viewer, stopped: Stopped) -> Done:
        first = not begun
        begun.append(first)
        while first and not stopped():
            time.sleep(0.02)
        return Done()

    job = Job("daily", DAY, daily, first_after_seconds=0)
    leaving = start(job)
    wait_for(lambda: begun, 10)
    start(job)
    leaving.stop()
    assert wait_for(lambda: len(begun) == 2, 5) < 5
    wait_for(lambda: not ask(app, "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'daily'"), 5)


def test_what_hangs_at_the_stop_is_given_back_at_once(
    app: Flask, start: Callable[..., engine.Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "STOP_WAITS_SECONDS", 0.3)
    let_go, begun = threading.Event(), threading.Event()

    def hanging(*, by: Viewer, stopped: Stopped) -> Done:
        begun.set()
        let_go.wait(20)
        return Done()

    leaving = start(Job("hanging", DAY, hanging, first_after_seconds=0))
    assert begun.wait(10)
    leaving.stop()
    rows = ask(app, "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'hanging' ORDER BY id")
    assert [row.status for row in rows] == ["aborted", "todo"]
    let_go.set()
    for thread in threading.enumerate():
        if thread.name == "job hanging":
            thread.join()


def test_a_run_that_raised_is_counted_and_comes_again(app: Flask, start: Callable[..., engine.Engine]) -> None:
    def broken(*, by: Viewer, stopped: Stopped) -> Done:
        raise ZeroDivisionError("no such luck")

    start(Job("broken", 1, broken, first_after_seconds=0))

    def failed() -> int:
        with app.app_context(), acting_for_all("a test looks"):
            found = {one.job: one for one in workers.queued() or ()}
            db.session.remove()
        return found["broken"].failed if "broken" in found else 0

    wait_for(lambda: failed() >= 2, 10)


def test_a_worker_outlives_its_connections(app: Flask, start: Callable[..., engine.Engine]) -> None:
    """PostgreSQL is started again: every connection is cut, none of the processes ends."""
    watched = Watched(0)
    start(Job("watched", 1, watched, first_after_seconds=0))
    wait_for(lambda: watched.runs[0] >= 1, 10)
    for _ in range(3):
        cut_everything(app)
        seen = watched.runs[0]
        wait_for(lambda seen=seen: watched.runs[0] >= seen + 2, 25)  # type: ignore[misc]


#: the first deletions of a job take their own connection with them, before or after the deletion counts
CUT_AT_THE_END = """
CREATE SEQUENCE cuts;
CREATE FUNCTION cut_me() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('cuts') <= 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER cut_me BEFORE DELETE ON procrastinate_jobs FOR EACH ROW
    WHEN (OLD.task_name = 'watched') EXECUTE FUNCTION cut_me();
"""
NO_MORE_CUTS = "DROP TRIGGER cut_me ON procrastinate_jobs; DROP FUNCTION cut_me; DROP SEQUENCE cuts"


def test_a_connection_cut_while_a_job_ends_does_not_keep_the_job_for_ever(
    app: Flask, start: Callable[..., engine.Engine]
) -> None:
    """The worker lives: nobody else would put its job back."""
    tell(app, CUT_AT_THE_END)
    try:
        watched = Watched(0)
        start(Job("watched", 1, watched, first_after_seconds=0))
        wait_for(lambda: watched.runs[0] >= 3, 15)
        assert ask(app, "SELECT last_value >= 3 AS cut FROM cuts")[0].cut
    finally:
        tell(app, NO_MORE_CUTS)


def test_an_end_that_was_heard_is_not_said_again_for_ever(app: Flask) -> None:
    """The answer was lost, not the end: the job is gone, and that is well."""
    with app.app_context():
        url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def end_twice() -> None:
        queues = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=1))
        async with queues.open_async():
            endings = Endings(queues.connector)
            (row,) = ask(app, "SELECT id FROM procrastinate_jobs WHERE task_name = 'night'")
            job = QueuedJob(id=row.id, queue="whole", lock=None, queueing_lock="night", task_name="night")
            for _ in range(2):
                await endings.finish_job(job, Status.SUCCEEDED, delete_job=True)

    tell(app, DEAD.format(5))
    tell(app, HELD)
    asyncio.run(end_twice())
    assert ask(app, STATES) == []


def test_no_request_fails_once_the_server_is_back(app: Flask) -> None:
    client = app.test_client()
    for _ in range(3):
        assert client.get("/readyz").status_code == 200
        cut_everything(app)
        time.sleep(0.2)
        assert client.get("/readyz").status_code == 200


def cut_everything(app: Flask) -> None:
    with app.app_context():
        url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


DEAD = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '{} seconds')"
HELD = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status, worker_id)
VALUES ('whole', 'night', 'night', 'night', 'doing', (SELECT max(id) FROM procrastinate_workers))
"""
SUCCESSOR = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock) VALUES ('whole', 'night', 'night', 'night')
"""
STATES = "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'night' ORDER BY id"


def rescue(app: Flask, times: int = 1) -> None:
    with app.app_context():
        url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def at_once() -> None:
        queues = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=times))
        job = QueuedJob(queue="whole", lock=None, queueing_lock="rescue", task_name="rescue")
        context = JobContext(app=queues, job=job, start_timestamp=time.time(), abort_reason=lambda: None)
        async with queues.open_async():
            await asyncio.gather(*(claims.rescue(context, 0) for _ in range(times)))

    asyncio.run(at_once())


def test_a_dead_workers_job_is_put_back(app: Flask) -> None:
    tell(app, DEAD.format(5))
    tell(app, HELD)
    rescue(app)
    assert [row.status for row in ask(app, STATES)] == ["doing"], "five seconds may be a pause"
    tell(app, "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '7 seconds'")
    rescue(app, times=4)
    (row,) = ask(app, "SELECT status::text, scheduled_at < now() AS at_once FROM procrastinate_jobs")
    assert (row.status, row.at_once) == ("todo", True)


def test_whose_successor_waits_already_is_let_go(app: Flask) -> None:
    tell(app, DEAD.format(60))
    tell(app, HELD)
    tell(app, SUCCESSOR)
    rescue(app)
    assert [row.status for row in ask(app, STATES)] == ["todo"]
    rescue(app)
    assert [row.status for row in ask(app, STATES)] == ["todo"]
    assert ask(app, "SELECT 1 FROM procrastinate_workers") == [], "a minute without a heartbeat: forgotten"
