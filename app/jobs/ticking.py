"""What both engines are made of: the scheduler that ticks, the threads that runs have, and the process's signs of life."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from app.foundation import clock, workers
from app.foundation.database import db
from app.foundation.identity import new_id
from app.foundation.tenancy import acting_for_all

log = structlog.get_logger(__name__)

#: how long stopping waits for the present rows of what runs
STOP_WAITS_SECONDS = 5.0


def thread(work: Callable[[], None], name: str) -> threading.Thread:
    """A started thread which ends with the process: a mail server that hangs must not hold up Ctrl-C.

    Being cut off is safe: jobs may be killed at any line.
    """
    started = threading.Thread(target=work, name=name, daemon=True)
    started.start()
    return started


class DaemonThreads(BaseExecutor):
    """A thread a run. The scheduler's own pool would be waited for at exit."""

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        def work() -> None:
            try:
                events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
            except BaseException:
                self._run_job_error(job.id, *sys.exc_info()[1:])
            else:
                self._run_job_success(job.id, events)

        thread(work, f"job {job.id}")


def scheduler() -> BackgroundScheduler:
    """In memory alone: a scheduler that shares its jobs with others through a table would run each of them everywhere."""
    return BackgroundScheduler(
        executors={"default": DaemonThreads()},
        job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        timezone=UTC,
    )


class Presence:
    """This process as one that runs jobs: what it runs just now, and its signs of life in the database."""

    def __init__(self, app: Flask, kind: str) -> None:
        self._app, self._kind = app, kind
        self.id = new_id()
        self.name = workers.this_process()
        self._started_at = clock.now()
        self._changed = threading.Condition()
        self._running: dict[object, tuple[str, datetime]] = {}
        self._telling = threading.Lock()
        self._signed_off = False

    @contextmanager
    def running(self, job: str) -> Iterator[None]:
        key = object()
        with self._changed:
            self._running[key] = (job, clock.now())
        try:
            yield
        finally:
            with self._changed:
                del self._running[key]
                self._changed.notify_all()

    def wait_until_idle(self, seconds: float) -> int:
        """Returns how many still run then."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)
            return len(self._running)

    def beat(self) -> None:
        with self._changed:
            running = [{"job": job, "since": since.isoformat()} for job, since in self._running.values()]
        with self._telling:
            if self._signed_off:  # a beat that was under way at the stop
                return
            self._tell(
                "no_sign_of_life",
                partial(
                    workers.beat,
                    self.id,
                    name=self.name,
                    kind=self._kind,
                    started_at=self._started_at,
                    running=running,
                ),
            )

    def sign_off(self) -> None:
        with self._telling:
            self._signed_off = True
            self._tell("not_signed_off", partial(workers.sign_off, self.id))

    def _tell(self, otherwise: str, what: Callable[[], None]) -> None:
        try:
            with self._app.app_context(), acting_for_all("a sign of life"):
                what()
                db.session.remove()
        except Exception as trouble:
            log.warning(otherwise, why=first_line(trouble))


def first_line(trouble: BaseException) -> str:
    """For the log, where a database that is away for a minute would fill pages."""
    said = str(trouble).splitlines()
    return f"{type(trouble).__name__}: {said[0] if said else ''}"
