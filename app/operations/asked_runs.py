"""Run now: a person asks for a run of a job out of turn, and whoever runs the timetable carries it out.

It is the job's own next tick, moved forward. So it never runs beside a run that is under way in the same process: it waits
for that one's end; and a run that is asked for twice while it waits is asked for once, says the database. Which of several
processes takes it is decided by the row.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.failed_rows import RETRY
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, one
from app.foundation.timetable import PlannedJob
from app.operations import events, states
from app.operations.model import AskedRun


def ask(job: str, *, by: Viewer) -> AskedRun:
    """Ask for a run, or join the one that waits already. NotVisible for a job that is not on the timetable."""
    by.must(RETRY)
    with transaction() as session:
        if session.scalar(select(PlannedJob.name).where(PlannedJob.name == job)) is None:
            raise NotVisible
        waits = _waiting(job)
        if waits is not None:
            return waits
        run = AskedRun(job=job, asked_at=clock.now(), asked_by_id=by.member_id, asked_by_name=by.label)
        try:
            with session.begin_nested():
                session.add(run)
        except IntegrityError:  # a colleague asked in the same moment
            meanwhile = _waiting(job)
            if meanwhile is None:
                raise
            return meanwhile
        history.record(run, events.JOB_ASKED, by=by, to_state=states.ASKED, job=job)
    return run


def asked_for() -> Sequence[str]:
    """The jobs for which a run waits to be begun."""
    return db.session.scalars(select(AskedRun.job).where(AskedRun.state == states.ASKED)).all()


def begin(job: str, *, by: Viewer) -> uuid.UUID | None:
    """The run that waits is ours to carry out; None when nobody asks for one, or another process has it."""
    with transaction():
        run = _waiting(job, skip_locked=True)
        if run is None:
            return None
        change_state(run, states.BEGIN, by=by, columns={"begun_at": clock.now()}, job=job)
        return run.id


def end(run_id: uuid.UUID, *, ok: bool, message: str, rows: int, by: Viewer) -> None:
    with transaction():
        run = one(AskedRun, run_id, lock=True)
        columns = {"ended_at": clock.now(), "message": message[:2000]}
        change_state(run, states.PASS if ok else states.FAIL, by=by, columns=columns, job=run.job, rows=rows)


def last_asked() -> dict[str, AskedRun]:
    """Job -> the run of it that was asked for last."""
    other = aliased(AskedRun)
    newest = select(func.max(other.asked_at)).where(other.job == AskedRun.job).correlate(AskedRun).scalar_subquery()
    return {run.job: run for run in db.session.scalars(select(AskedRun).where(AskedRun.asked_at == newest))}


def _waiting(job: str, *, skip_locked: bool = False) -> AskedRun | None:
    return db.session.scalar(
        select(AskedRun)
        .where(AskedRun.job == job, AskedRun.state == states.ASKED)
        .with_for_update(skip_locked=skip_locked)
        .execution_options(populate_existing=True)
    )
