"""Ticks: APScheduler in memory says when, the timetable says what, the database says whether there is anything to do.

jobs = engine.start(app)      # from the run and worker commands only, never from create_app
...
jobs.stop()                   # on every way out, before the interpreter ends

On SQLite a tick runs its job in this process. On PostgreSQL it puts the job into a queue, once for all machines, and whichever
worker is free claims it: see claims.py. The handlers are the same.
"""

import logging
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import structlog
from apscheduler.jobstores.base import JobLookupError
from flask import Flask

from app.foundation import clock, timetable, workers
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.foundation.timetable import Plan
from app.jobs import runs, ticking
from app.jobs.schedule import JOBS, Job
from app.jobs.ticking import Presence
from app.jobs.work import Done, never
from app.operations import asked_runs

log = structlog.get_logger(__name__)


#: who presses "Run now" waits about this long
ASKS_EVERY_SECONDS = 1


class Engine(Protocol):
    """The running timetable."""

    #: machine and process
    name: str

    def stop(self) -> None:
        """No more ticks; runs under way leave after their present row, or are cut off after STOP_WAITS_SECONDS."""


def start(app: Flask, *, kind: str = "portal") -> Engine:
    """Begin to tick. One engine a process; engines in several processes do no harm, and no work twice."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is passed over is how it is meant
    runs.count_in(app)
    with app.app_context(), acting_for_all("the timetable"):
        timetable.write_down(
            Plan(job.name, job.does, job.every_seconds, job.first_after_seconds) for job in JOBS.values()
        )
        on_postgres = db.engine.dialect.name == "postgresql"
        db.session.remove()
    if on_postgres:
        from app.jobs.claims import Claims  # SQLite needs none of it

        return Claims(app, JOBS, kind)
    return Alone(app, JOBS, kind)


def run_once(app: Flask, name: str) -> Done:
    """Run one job now, in this thread. Raises what the job raises; KeyError for a name that is not on the timetable."""
    done = runs.run(app, JOBS[name], never)
    if isinstance(done, Exception):
        raise done
    return done


class Alone:
    """The timetable of one process that has its database to itself: each tick runs its job here."""

    def __init__(self, app: Flask, jobs: dict[str, Job], kind: str) -> None:
        self._app = app
        self._jobs = jobs
        self._stopping = threading.Event()
        self._presence = Presence(app, kind)
        self.name = self._presence.name
        self._asking = threading.Lock()
        #: jobs that somebody waits for: their next tick carries the asked run out
        self._asked: set[str] = set()
        self._scheduler = ticking.scheduler()
        for job in jobs.values():
            first = clock.of_the_machine() + timedelta(seconds=job.first_after_seconds)
            self._scheduler.add_job(
                self._tick, "interval", seconds=job.every_seconds, next_run_time=first, id=job.name, args=[job]
            )
        self._scheduler.add_job(self._look_who_asks, "interval", seconds=ASKS_EVERY_SECONDS, id="asked runs")
        self._scheduler.add_job(
            self._presence.beat,
            "interval",
            seconds=workers.BEAT_EVERY.total_seconds(),
            next_run_time=clock.of_the_machine(),
            id="sign of life",
        )
        self._scheduler.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if still := self._presence.wait_until_idle(ticking.STOP_WAITS_SECONDS):
            log.warning("jobs_cut_off", running=still)
        self._presence.sign_off()

    def _look_who_asks(self) -> None:
        """Move the next tick of a job that a person wants now. While it runs its tick is passed over, and moved again."""
        if self._stopping.is_set():
            return
        with self._app.app_context(), acting_for_all("runs that were asked for"):
            wanted = set(asked_runs.asked_for()) & set(self._jobs)
        with self._asking:
            self._asked = wanted
        for name in wanted:
            with suppress(JobLookupError):  # stopped in this moment
                self._scheduler.modify_job(name, next_run_time=clock.of_the_machine())

    def _tick(self, job: Job) -> None:
        with self._presence.running(job.name):
            if self._stopping.is_set():
                return
            with self._asking:
                asked = job.name in self._asked
                self._asked.discard(job.name)
            try:
                runs.run(self._app, job, self._stopping.is_set, asked=asked)
            except Exception:
                log.exception("job_result_not_noted", job=job.name)  # the run itself has its own answer
