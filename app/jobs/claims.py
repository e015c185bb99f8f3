"""Many machines on one PostgreSQL: each ticks, one of them puts a job into the queue, one of them claims it.

A tick takes the turns that are due, each once over all machines, and defers their jobs in the same transaction. Procrastinate
hands each waiting job to one worker. A job has a lock of its own name, so that one runner at a time looks for what is due; of a
job in shares, each share has. Nothing stands in the messages that does not stand in the rows: what is lost or comes twice does
no harm.

A worker that was killed gives no heartbeat; `rescue`, which any other one runs every few seconds, puts its jobs back. A database
that went away is tried again until it is there.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from flask import Flask
from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector, builtin_tasks
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.foundation import clock, timetable, workers
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.jobs import runs, ticking
from app.jobs.endings import Endings
from app.jobs.schedule import Job
from app.jobs.ticking import Presence, first_line
from app.jobs.work import SHARES_AT_ONCE, Done
from app.operations import asked_runs

log = structlog.get_logger(__name__)
T = TypeVar("T")

#: jobs that one runner does whole, and shares of jobs: a long one of the first kind never takes a place of the second
WHOLE_JOBS, SHARES = "whole", "shares"
#: a worker looks for waiting jobs this often. LISTEN would save half a second and cost a connection each, and PgBouncer
LOOK_EVERY_SECONDS = 0.5
HEARTBEAT_SECONDS = 2
#: no heartbeat for so long: dead, and its jobs are put back
STALLED_AFTER_SECONDS = 6
#: "at once" by the clock of any machine
ANY_SKEW = timedelta(days=1)
#: failed runs are counted on Operations this long
FAILED_KEPT_HOURS = 24


def lock_of(job: Job, share: int | None) -> str:
    return job.name if share is None else f"{job.name}:{share}"


class Claims:
    """This process among the workers: it ticks, claims and runs until stop()."""

    def __init__(self, app: Flask, jobs: dict[str, Job], kind: str) -> None:
        self._app, self._jobs = app, jobs
        self._stopping = threading.Event()
        self._presence = Presence(app, kind)
        self.name = self._presence.name
        with app.app_context(), acting_for_all("the timetable"):
            timetable.begin_turns()
            url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
            db.session.remove()
        #: never opened: it defers on the connection of the tick's own transaction
        self._post = App(connector=SyncPsycopgConnector())
        self._queues = self._make_queues(url)
        self._places = {WHOLE_JOBS: len(jobs) + 2, SHARES: SHARES_AT_ONCE}
        self._loop = asyncio.new_event_loop()
        self._claiming: asyncio.Task[None] | None = None
        self._thread = ticking.thread(self._claim, "claims")
        self._scheduler = ticking.scheduler()
        for name, what, seconds in (
            ("tick", self._tick, 1.0),
            ("sign of life", self._presence.beat, workers.BEAT_EVERY.total_seconds()),
        ):
            self._scheduler.add_job(what, "interval", seconds=seconds, next_run_time=clock.of_the_machine(), id=name)
        self._scheduler.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._end_claiming)
        self._thread.join(ticking.STOP_WAITS_SECONDS + 3)
        if still := self._presence.wait_until_idle(0):
            log.warning("jobs_cut_off", running=still)
        self._presence.sign_off()

    def _end_claiming(self) -> None:
        if self._claiming:
            self._claiming.cancel()

    # the tick

    def _tick(self) -> None:
        if self._stopping.is_set():
            return
        try:
            with self._app.app_context(), acting_for_all("the timetable"):
                self._give_out_turns()
                db.session.remove()
        except Exception as trouble:
            log.warning("tick_failed", why=first_line(trouble))

    def _give_out_turns(self) -> None:
        """Runs that a person asked for first: whole, out of turn, and told to whom."""
        with transaction() as session:
            asked = [self._jobs[name] for name in asked_runs.asked_for() if name in self._jobs]
            turns = [self._jobs[name] for name in timetable.take_turns(self._jobs)]
            if not (asked or turns):
                return
            waiting = set(session.scalars(text("SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo'")))
            wanted: list[tuple[Job, int | None, bool]] = [(job, None, True) for job in asked]
            wanted += [(job, share, False) for job in turns for share in shares_of(job)]
            for job, share, is_asked in wanted:
                if lock_of(job, share) not in waiting:
                    waiting.add(lock_of(job, share))
                    self._defer(session, job, share, is_asked)

    def _defer(self, session: Session, job: Job, share: int | None, asked: bool) -> None:
        driver = session.connection().connection.driver_connection
        with suppress(AlreadyEnqueued), session.begin_nested():  # rescued in this moment: one is enough
            deferred(self._post, job, share, connection=driver).defer(**arguments(share, asked))

    # the claims

    def _make_queues(self, url: str) -> App:
        queues = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4))
        queues.job_manager = Endings(queues.connector)
        for job in self._jobs.values():
            queues.task(name=job.name)(partial_coroutine(self._run_claimed, job))
        queues.periodic(cron="* * * * * */5")(  # the sixth field is seconds
            # no lock: a rescue that was killed must not keep the others from working
            queues.task(name="rescue", queue=WHOLE_JOBS, queueing_lock="rescue", pass_context=True)(rescue)
        )
        queues.periodic(cron="23 * * * *")(
            queues.task(name="tidy_queues", queue=WHOLE_JOBS, queueing_lock="tidy_queues", pass_context=True)(tidy)
        )
        return queues

    def _claim(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._claiming = self._loop.create_task(self._claim_until_stopped())
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._claiming)
        finally:
            self._loop.close()

    async def _claim_until_stopped(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._queues.open_async()
                await self._work()
            except Exception as trouble:
                log.warning("claims_interrupted", why=first_line(trouble))
            finally:
                await self._queues.close_async()  # also what was cancelled, or gave up, while it was being opened
            await asyncio.sleep(1)

    async def _work(self) -> None:
        """Works until one of the two workers ends, which it does only when the database fails it, or until cancelled."""
        working = [
            asyncio.ensure_future(
                self._queues.run_worker_async(
                    name=self.name,
                    queues=[queue],
                    concurrency=places,
                    listen_notify=False,
                    fetch_job_polling_interval=LOOK_EVERY_SECONDS,
                    abort_job_polling_interval=60,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_AFTER_SECONDS,
                    shutdown_graceful_timeout=ticking.STOP_WAITS_SECONDS,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                )
            )
            for queue, places in self._places.items()
        ]
        try:
            await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in working:
                one.cancel()
            for outcome in await asyncio.gather(*working, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.warning("claims_interrupted", why=first_line(outcome))

    async def _run_claimed(self, job: Job, share: int | None, asked: bool) -> None:
        """A claimed job, in a thread of its own. What the end of this process cut short is put back into the queue."""

        def work() -> Done | Exception:
            with self._presence.running(job.name):
                return runs.run(self._app, job, self._stopping.is_set, share, asked=asked)

        try:
            done = await in_thread(work, f"job {job.name}")
        finally:
            if self._stopping.is_set():
                with suppress(AlreadyEnqueued, ConnectorException):
                    await deferred(self._queues, job, share).defer_async(**arguments(share))
        if isinstance(done, Exception):
            raise done


def shares_of(job: Job) -> Iterable[int | None]:
    """What to put into the queue for one turn; at least one, so that the job is seen to run."""
    if job.in_shares is None:
        return [None]
    return sorted(job.in_shares.due()) or [0]


def deferred(queues: App, job: Job, share: int | None, *, connection: Any = None) -> Any:
    queue = WHOLE_JOBS if job.in_shares is None else SHARES
    lock = lock_of(job, share)
    return queues.configure_task(job.name, lock=lock, queueing_lock=lock, queue=queue, connection=connection)


def arguments(share: int | None, asked: bool = False) -> dict[str, int | bool]:
    return ({} if share is None else {"share": share}) | ({"asked": True} if asked else {})


def partial_coroutine(run: Callable[..., Coroutine[Any, Any, None]], job: Job) -> Callable[..., Any]:
    async def claimed(share: int | None = None, asked: bool = False) -> None:
        await run(job, share, asked)

    return claimed


async def in_thread(work: Callable[[], T], name: str) -> T:
    """Like asyncio.to_thread, in a thread that ends with the process; cancelled, it is left behind."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[], None]) -> None:
        if not outcome.done():
            set_it()

    def run() -> None:
        try:
            answer = partial(outcome.set_result, work())
        except BaseException as trouble:
            answer = partial(outcome.set_exception, trouble)
        with suppress(RuntimeError):  # the loop did not wait for us
            loop.call_soon_threadsafe(settle, answer)

    ticking.thread(run, name)
    return await outcome


async def rescue(context: JobContext, timestamp: int) -> None:
    """Puts back the jobs of workers that give no heartbeat, and forgets those workers."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        log.warning("job_taken_over", job=job.task_name, lock=job.lock)
        try:
            await manager.retry_job(job, retry_at=clock.of_the_machine() - ANY_SKEW)
        except UniqueViolation:  # its successor waits already
            await manager.finish_job(job, status=Status.ABORTED, delete_job=True)
        except ConnectorException as trouble:  # another rescue was faster
            log.info("job_taken_over_already", job=job.task_name, why=first_line(trouble))
    await manager.prune_stalled_workers(timedelta(minutes=1).total_seconds())


async def tidy(context: JobContext, timestamp: int) -> None:
    """Forgets what failed yesterday; what went well is never kept."""
    await builtin_tasks.remove_old_jobs(
        context, max_hours=FAILED_KEPT_HOURS, remove_failed=True, remove_cancelled=True, remove_aborted=True
    )
