"""How a job ended is said to the database until it has heard it.

Procrastinate says it once. Were that lost with its connection, the job would be held as running by a worker that lives, whose
jobs nobody puts back: it would never run again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg.errors
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from app.jobs.ticking import first_line

log = structlog.get_logger(__name__)

#: between tries. In all less than a worker may be silent (claims.STALLED_AFTER_SECONDS): later the job may be another's.
#: A database that is away for longer ends the worker, whose jobs are then put back like those of one that was killed
PAUSES_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0)


class Endings(JobManager):
    """Procrastinate's own, but for the connection that is cut while a job ends."""

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await said(lambda: JobManager.finish_job(self, job, status, delete_job), job)


async def said(say: Callable[[], Coroutine[Any, Any, None]], job: Job) -> None:
    """Raises ConnectorException when the last try fails too."""
    for pause in (*PAUSES_SECONDS, None):
        try:
            return await say()
        except ConnectorException as trouble:
            if isinstance(trouble.__cause__, psycopg.errors.RaiseException):
                return None  # no longer running there: the try before was heard, only its answer was lost
            if pause is None:
                raise
            log.warning("job_end_said_again", job=job.task_name, why=first_line(trouble.__cause__ or trouble))
            await asyncio.sleep(pause)
    return None
