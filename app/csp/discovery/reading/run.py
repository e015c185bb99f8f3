"""One worker with one run: from the claim to the end, the kinds in their order, and what each trouble means.

refused or unreachable, one customer or document      noted there; the run goes on and ends partial
refused or unreachable, a whole kind                  that kind failed; the others are read; the run ends in an error
sign-in needed                                        the account waits for a new consent; the run ends in an error
throttled for longer than a worker waits              the run is left; it goes on once the pause is over
Stop, the account disabled                            the run is stopped
the process ends, the database is away                the run is left to another worker
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError, OperationalError

from app.csp.accounts import actions as accounts
from app.csp.accounts.model import CspAccount
from app.csp.customers.arrivals import Owner
from app.csp.discovery import actions, claiming, rules, states
from app.csp.discovery.model import CspListed, CspRun, CspRunKind
from app.csp.discovery.reading import customers, documents, lines, subscriptions, usage
from app.csp.discovery.reading.fetching import Fetchers, Within
from app.csp.discovery.reading.work import Counting, Leaving, Work, sentence_of
from app.csp.microsoft.records import ApplicationRefused, Paused, Refused, SignInNeeded, Unreachable
from app.foundation import clock
from app.foundation.database import db, end_reading, transaction
from app.foundation.identity import new_id
from app.foundation.tenancy import Viewer
from app.foundation.text import N_

log = structlog.get_logger(__name__)

READERS = {
    states.CUSTOMERS: customers.read,
    states.SUBSCRIPTIONS: subscriptions.read,
    states.USAGE: usage.read,
    states.INVOICES: documents.read,
    states.LINES: lines.read,
}
#: what a person calls each, at the beginning of a sentence
WORDS = {
    states.CUSTOMERS: N_("Customers"),
    states.SUBSCRIPTIONS: N_("Subscriptions"),
    states.USAGE: N_("Usage summaries"),
    states.INVOICES: N_("Invoices"),
    states.LINES: N_("Invoice lines"),
}
BEATS_EVERY_SECONDS = 3.0
#: makes the client of an account; told the account's id and what counts its requests
Connect = Callable[[uuid.UUID, Counting], Any]


def worker_name(process: str) -> str:
    """Of one claim: the same process that takes its own run over again is another one."""
    return f"{process[:80]}:{new_id().hex[-12:]}"


def read_run(
    run_id: uuid.UUID, worker: str, connect: Connect, *, within: Within, by: Viewer, stopped: Callable[[], bool]
) -> str:
    """Work on a claimed run until it ends or is left. Returns its state, or "left" or "lost".

    `within`: what threads of the run enter before they do anything: an application context and the system as the viewer.
    """
    lost, over = threading.Event(), threading.Event()
    beating = threading.Thread(target=_beat, args=(run_id, worker, within, lost, over), daemon=True)
    beating.start()
    try:
        return _read(run_id, worker, connect, within, lost, by=by, stopped=stopped)
    except claiming.Lost:
        return "lost"
    except (Leaving, Paused):
        claiming.release(run_id, worker)
        return "left"
    except DBAPIError as trouble:
        if not _is_away(trouble):
            raise
        log.exception("discovery_left", run=str(run_id))  # after its silence another worker goes on
        db.session.remove()
        return "left"
    finally:
        over.set()
        db.session.remove()
        beating.join(BEATS_EVERY_SECONDS)


def _read(
    run_id: uuid.UUID,
    worker: str,
    connect: Connect,
    within: Within,
    lost: threading.Event,
    *,
    by: Viewer,
    stopped: Callable[[], bool],
) -> str:
    work = _begin(run_id, worker, lost, by=by, stopped=stopped)
    try:
        work.client = connect(work.owner.account_id, work.counting)
        work.fetchers = Fetchers(within)
        try:
            for kind, read in READERS.items():
                _read_kind(work, kind, read)
        finally:
            work.fetchers.close()
            with suppress(Exception):
                work.client.close()
        return _ended(work)
    except claiming.StopAsked:
        with _last_page(work) as run:
            actions.stop(run, by=by)
        return states.STOPPED
    except SignInNeeded as need:
        with _last_page(work) as run:
            if not isinstance(need, ApplicationRefused):
                accounts.lose_consent(work.owner.account_id, need.cause, by=by)
            actions.fail(run, need.cause, by=by)
        return states.ERROR
    except (claiming.Lost, Leaving, Paused):
        raise
    except Exception as trouble:
        if isinstance(trouble, DBAPIError) and _is_away(trouble):
            raise
        log.exception("discovery_failed", run=str(run_id))
        with _last_page(work) as run:
            actions.fail(run, sentence_of(trouble), by=by)
        return states.ERROR


def _is_away(trouble: DBAPIError) -> bool:
    """The database, and nothing that was written: another try may find it there."""
    return trouble.connection_invalidated or isinstance(trouble, OperationalError)


def _begin(run_id: uuid.UUID, worker: str, lost: threading.Event, *, by: Viewer, stopped: Callable[[], bool]) -> Work:
    with transaction() as session:
        claiming.hold(run_id, worker)
        run = session.scalars(select(CspRun).where(CspRun.id == run_id).execution_options(populate_existing=True)).one()
        if run.state == states.QUEUED:
            actions.begin(run, by=by)
        assert run.started_at is not None
        model = session.scalars(select(CspAccount.model).where(CspAccount.id == run.account_id)).one()
        since, left_at = _cut_short(run)
        work = Work(
            run_id=run_id,
            number=run.number,
            begun_at=run.started_at,
            owner=Owner(run.partner_id, run.account_id),
            model=model,
            worker=worker,
            client=None,
            fetchers=None,  # type: ignore[arg-type]
            counting=Counting(),
            by=by,
            stopped=stopped,
            lost=lost,
            goes_on_from=since,
            left_at=left_at,
        )
    work.look()
    return work


def _cut_short(run: CspRun) -> tuple[datetime | None, dict[str, dict[str, Any]]]:
    """Since when the run before has read, and where it was with each kind, if it was cut short lately."""
    before = db.session.scalar(
        select(CspRun)
        .where(CspRun.account_id == run.account_id, CspRun.number < run.number)
        .order_by(CspRun.number.desc())
        .limit(1)
    )
    last = rules.LastRun(before.state, before.started_at, before.ended_at) if before else None
    since = rules.goes_on_from(last, run.started_at or clock.now())
    if before is None or since is None:
        return None, {}
    kinds = db.session.execute(
        select(CspRunKind.kind, CspRunKind.cursor).where(
            CspRunKind.run_id == before.id, CspRunKind.progress != states.DONE
        )
    )
    return since, {row.kind: row.cursor for row in kinds}


def _read_kind(work: Work, kind: str, read: Callable[[Work], None]) -> None:
    """Read it, or give it up with its reason; the others are none the worse for it."""
    if work.progress_of(kind).progress in (states.DONE, states.FAILED):
        return
    end_reading()
    try:
        read(work)
    except (claiming.StopAsked, claiming.Lost, Leaving, SignInNeeded, Paused):
        raise
    except Exception as trouble:
        if isinstance(trouble, DBAPIError) and _is_away(trouble):
            raise
        expected = isinstance(
            trouble, (Refused, Unreachable)
        )  # Microsoft's word says it all; a traceback is for our own faults
        log.warning(
            "discovery_kind_failed", run=str(work.run_id), kind=kind, why=repr(trouble)[:300], exc_info=not expected
        )
        db.session.remove()
        progress = work.progress_of(kind)
        with work.page(progress):
            progress.progress, progress.ended_at = states.FAILED, clock.now()
            progress.error = sentence_of(trouble)


def _ended(work: Work) -> str:
    failed = [kind for kind in actions.kinds_of(work.run_id) if kind.progress == states.FAILED]
    with _last_page(work) as run:
        if failed:
            actions.fail(run, " ".join(f"{WORDS[kind.kind]}: {kind.error}" for kind in failed), by=work.by)
        else:
            actions.complete(run, by=work.by)
    return run.state


@contextmanager
def _last_page(work: Work) -> Iterator[CspRun]:
    """The run's own row, to be ended, by the worker that has it and no other."""
    db.session.remove()
    with transaction() as session:
        claiming.hold(work.run_id, work.worker)
        wanted = select(CspRun).where(CspRun.id == work.run_id)
        run = session.scalars(wanted.execution_options(populate_existing=True)).one()
        session.execute(delete(CspListed).where(CspListed.run_id == run.id))
        yield run


def _beat(run_id: uuid.UUID, worker: str, within: Within, lost: threading.Event, over: threading.Event) -> None:
    """A sign of life every few seconds, however long one answer takes."""
    while not over.wait(BEATS_EVERY_SECONDS):
        try:
            with within():
                if not claiming.beat(run_id, worker) and not over.is_set():
                    lost.set()
                    return
        except Exception:
            log.warning("no_sign_of_life", run=str(run_id), exc_info=True)
