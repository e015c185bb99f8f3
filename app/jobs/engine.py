"""Ticks: APScheduler in memory says when, the timetable says what, the database says whether there is anything to do.

jobs = engine.start(app)      # from the run command only, never from create_app
...
jobs.stop()                   # on every way out, before the interpreter ends
"""

import logging
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from prometheus_client import Counter

from app.foundation import clock, job_results, timetable
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.foundation.timetable import Plan
from app.jobs.schedule import JOBS, Job
from app.jobs.work import Done, Stopped, never
from app.operations import asked_runs

log = structlog.get_logger(__name__)

RUNS = Counter("portal_job_runs", "Runs of background jobs that ended well", ["job"], registry=None)
FAILURES = Counter("portal_job_failures", "Runs of background jobs that raised", ["job"], registry=None)
ROWS = Counter("portal_job_rows", "Rows that background jobs have dealt with", ["job"], registry=None)

STOP_WAITS_SECONDS = 5.0
#: a run without work is written down this often
IDLE_NOTE_SECONDS = 60.0
#: who presses "Run now" waits about this long
ASKS_EVERY_SECONDS = 1
_noted_at: dict[str, float] = {}


class DaemonThreads(BaseExecutor):
    """A thread a run, which ends with the process: a mail server that hangs must not hold up Ctrl-C.

    The scheduler's own pool is waited for at exit. Being cut off is safe: jobs may be killed at any line.
    """

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        def work() -> None:
            try:
                events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
            except BaseException:
                self._run_job_error(job.id, *sys.exc_info()[1:])
            else:
                self._run_job_success(job.id, events)

        threading.Thread(target=work, name=f"job {job.id}", daemon=True).start()


class Engine:
    """The running timetable."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._stopping = threading.Event()
        self._idle = threading.Condition()
        self._running = 0
        #: jobs that somebody waits for: their next tick carries the asked run out
        self._asked: set[str] = set()
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is passed over is how it is meant
        self._scheduler = BackgroundScheduler(
            executors={"default": DaemonThreads()},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
            timezone=UTC,
        )
        for job in JOBS.values():
            first = clock.of_the_machine() + timedelta(seconds=job.first_after_seconds)
            self._scheduler.add_job(
                self._tick, "interval", seconds=job.every_seconds, next_run_time=first, id=job.name, args=[job]
            )
        self._scheduler.add_job(self._look_who_asks, "interval", seconds=ASKS_EVERY_SECONDS, id="asked runs")
        self._scheduler.start()

    def stop(self) -> None:
        """No more ticks; runs under way leave after their present row, or are cut off after STOP_WAITS_SECONDS."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._idle:
            if not self._idle.wait_for(lambda: self._running == 0, STOP_WAITS_SECONDS):
                log.warning("jobs_cut_off", running=self._running)

    def _look_who_asks(self) -> None:
        """Move the next tick of a job that a person wants now. While it runs its tick is passed over, and moved again."""
        if self._stopping.is_set():
            return
        with self._app.app_context(), acting_for_all("runs that were asked for"):
            wanted = set(asked_runs.asked_for()) & set(JOBS)
        with self._idle:
            self._asked = wanted
        for name in wanted:
            with suppress(JobLookupError):  # stopped in this moment
                self._scheduler.modify_job(name, next_run_time=clock.of_the_machine())

    def _tick(self, job: Job) -> None:
        with self._idle:
            if self._stopping.is_set():
                return
            self._running += 1
            asked = job.name in self._asked
            self._asked.discard(job.name)
        try:
            _run(self._app, job, self._stopping.is_set, asked=asked)
        except Exception:
            log.exception("job_result_not_noted", job=job.name)  # the run itself has its own answer below
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()


def start(app: Flask) -> Engine:
    """Begin to tick. One engine a process; engines in several processes do no harm, and no work twice."""
    registry = app.extensions["metrics"]
    for counter in (RUNS, FAILURES, ROWS):
        with suppress(ValueError):  # an engine was started on this application before
            registry.register(counter)
    with app.app_context(), acting_for_all("the timetable"):
        timetable.write_down(
            Plan(job.name, job.does, job.every_seconds, job.first_after_seconds) for job in JOBS.values()
        )
    return Engine(app)


def run_once(app: Flask, name: str) -> Done:
    """Run one job now, in this thread. Raises what the job raises; KeyError for a name that is not on the timetable."""
    done = _run(app, JOBS[name], never)
    if isinstance(done, Exception):
        raise done
    return done


def _run(app: Flask, job: Job, stopped: Stopped, *, asked: bool = False) -> Done | Exception:
    """One run in a context and a session of its own, counted and written down. What it raised is given back.

    `asked`: somebody may wait for it; who does is told when it begins and what it came to.
    """
    with app.app_context(), acting_for_all(f"job {job.name}") as viewer:
        run_id = asked_runs.begin(job.name, by=viewer) if asked else None
        started_at = clock.now()
        try:
            done = job.run(by=viewer, stopped=stopped)
        except Exception as trouble:
            FAILURES.labels(job.name).inc()
            log.exception("job_failed", job=job.name)
            db.session.remove()
            why = f"{type(trouble).__name__}: {trouble}"
            _note(job, started_at, ok=False, message=why, rows=0)
            if run_id is not None:
                asked_runs.end(run_id, ok=False, message=why, rows=0, by=viewer)
            return trouble
        RUNS.labels(job.name).inc()
        ROWS.labels(job.name).inc(done.rows)
        if done.rows or done.failed:
            log.info("job_done", job=job.name, rows=done.rows, failed=done.failed, message=done.message)
        idle = not (done.rows or done.failed)
        noted = time.monotonic() - _noted_at.get(job.name, -IDLE_NOTE_SECONDS) < IDLE_NOTE_SECONDS
        if not idle or not noted or run_id is not None:
            db.session.remove()
            _note(job, started_at, ok=not done.failed, message=done.message, rows=done.rows)
        if run_id is not None:
            asked_runs.end(run_id, ok=not done.failed, message=done.message, rows=done.rows, by=viewer)
        return done


def _note(job: Job, started_at: datetime, *, ok: bool, message: str, rows: int) -> None:
    job_results.note(job.name, started_at=started_at, finished_at=clock.now(), ok=ok, message=message, rows=rows)
    _noted_at[job.name] = time.monotonic()
