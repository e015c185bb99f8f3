"""One run of one job: in a context and a session of its own, counted, and written down for Operations."""

import time
from contextlib import suppress
from datetime import datetime

import structlog
from flask import Flask
from prometheus_client import Counter

from app.foundation import clock, job_results
from app.foundation.database import db
from app.foundation.shares import Share
from app.foundation.tenancy import Viewer, acting_for_all
from app.jobs.schedule import Job
from app.jobs.work import Done, Stopped
from app.operations import asked_runs

log = structlog.get_logger(__name__)

RUNS = Counter("portal_job_runs", "Runs of background jobs that ended well", ["job"], registry=None)
FAILURES = Counter("portal_job_failures", "Runs of background jobs that raised", ["job"], registry=None)
ROWS = Counter("portal_job_rows", "Rows that background jobs have dealt with", ["job"], registry=None)

#: a run without work is written down this often
IDLE_NOTE_SECONDS = 60.0
_noted_at: dict[str, float] = {}


def count_in(app: Flask) -> None:
    """Show the counts at this application's /metrics."""
    for counter in (RUNS, FAILURES, ROWS):
        with suppress(ValueError):  # an engine was started on this application before
            app.extensions["metrics"].register(counter)


def run(app: Flask, job: Job, stopped: Stopped, share: int | None = None, *, asked: bool = False) -> Done | Exception:
    """Run all of the job, or the share of that number. What it raised is given back.

    `asked`: somebody may wait for it; who does is told when it begins and what it came to.
    """
    with app.app_context(), acting_for_all(f"job {job.name}") as viewer:
        run_id = asked_runs.begin(job.name, by=viewer) if asked else None
        started_at = clock.now()
        try:
            done = _done(job, viewer, stopped, share)
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


def _done(job: Job, viewer: Viewer, stopped: Stopped, share: int | None) -> Done:
    if share is None or job.in_shares is None:
        return job.run(by=viewer, stopped=stopped)
    return job.in_shares.run(by=viewer, stopped=stopped, share=Share(share, job.in_shares.of))


def _note(job: Job, started_at: datetime, *, ok: bool, message: str, rows: int) -> None:
    job_results.note(job.name, started_at=started_at, finished_at=clock.now(), ok=ok, message=message, rows=rows)
    _noted_at[job.name] = time.monotonic()
