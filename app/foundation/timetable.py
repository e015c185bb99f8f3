"""The timetable as rows: what the machine is to do by itself, how often, and since when that is planned.

The engine writes it down at its start; Operations reads it, wherever the jobs run. A job that has never run shows too. Where
many machines tick on one PostgreSQL, a job's row also says whose turn it was last, so that each turn is given out once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, String, Text, bindparam, delete, false, select, text, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import clock
from app.foundation.database import Base, Instant, db, transaction
from app.foundation.job_results import JobResult
from app.foundation.tenancy import Capacity, Tenanted

#: a job is noted once a minute while it has nothing to do, and a slow machine is no fault
GRACE = timedelta(minutes=3)


class PlannedJob(Tenanted, Base):
    """One job of the timetable."""

    __tablename__ = "planned_job"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    #: what it does, one sentence
    does: Mapped[str] = mapped_column(Text, default="")
    every_seconds: Mapped[int] = mapped_column(Integer)
    #: how long after a start it runs first
    first_after_seconds: Mapped[int] = mapped_column(Integer)
    #: since when it stands on the timetable
    planned_at: Mapped[datetime] = mapped_column(Instant)
    #: the last turn that a machine took, by the database's clock; where one process ticks alone it stays empty
    turn_at: Mapped[datetime | None] = mapped_column(Instant)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return true() if capacity == "operator" else false()


@dataclass(frozen=True)
class Plan:
    """What the engine says of one job."""

    name: str
    does: str
    every_seconds: int
    first_after_seconds: int


def write_down(plans: Iterable[Plan]) -> None:
    """The timetable from now on; what is not in it any more is crossed out. Since when a job is planned stays."""
    wanted = {plan.name: plan for plan in plans}
    try:
        _write_down(wanted)
    except IntegrityError:  # another process wrote its first line in this moment
        _write_down(wanted)


def _write_down(wanted: dict[str, Plan]) -> None:
    now = clock.now()
    with transaction() as session:
        session.execute(delete(PlannedJob).where(PlannedJob.name.not_in(wanted)))
        rows = select(PlannedJob).order_by(PlannedJob.name).with_for_update().execution_options(populate_existing=True)
        known = {job.name: job for job in session.scalars(rows)}
        for name, plan in wanted.items():
            job = known.get(name)
            if job is None:
                job = PlannedJob(name=name, planned_at=now)
                session.add(job)
            job.does, job.every_seconds, job.first_after_seconds = (
                plan.does,
                plan.every_seconds,
                plan.first_after_seconds,
            )


#: A turn is over `every` seconds after the last one; who is late by a whole turn more begins a new rhythm. A row that another
#: machine looks at in this moment is passed over.
_TAKE_TURNS = text("""
UPDATE planned_job SET turn_at = CASE
    WHEN turn_at + 2 * every_seconds * interval '1 second' > now() THEN turn_at + every_seconds * interval '1 second'
    ELSE now() END
WHERE name IN (
    SELECT name FROM planned_job
    WHERE name IN :names AND turn_at + every_seconds * interval '1 second' <= now()
    FOR UPDATE SKIP LOCKED)
RETURNING name
""").bindparams(bindparam("names", expanding=True))

_FIRST_TURNS = text("""
UPDATE planned_job SET turn_at = now() + (first_after_seconds - every_seconds) * interval '1 second'
WHERE turn_at IS NULL
""")


def begin_turns() -> None:
    """Jobs without a turn so far have their first one as long after now as the timetable says. PostgreSQL only."""
    with transaction() as session:
        session.execute(_FIRST_TURNS)


def take_turns(names: Collection[str]) -> list[str]:
    """Jobs whose turn it is and which nobody has taken; they are the caller's with its transaction. PostgreSQL only."""
    with transaction() as session:
        return sorted(session.scalars(_TAKE_TURNS, {"names": list(names)}))


@dataclass(frozen=True)
class Planned:
    """One job with what became of its last run; `result` None: it has never run."""

    job: PlannedJob
    result: JobResult | None

    def is_overdue(self, now: datetime) -> bool:
        last = self.result.last_finished_at if self.result else None
        return is_overdue(now, self.job.planned_at, last, self.job.every_seconds, self.job.first_after_seconds)


def is_overdue(now: datetime, planned_at: datetime, last: datetime | None, every: int, first_after: int) -> bool:
    """Not run for twice its time and three minutes; one that never ran: not since that long after its first run was due.

    A job of every hour that ended at 12:00:00: at 14:03:00 no, a second later yes.
    """
    due_since = (last or planned_at + timedelta(seconds=first_after)) + timedelta(seconds=every)
    return now > due_since + timedelta(seconds=every) + GRACE


def planned() -> list[Planned]:
    """Every job of the timetable with its last result, the most frequent first. One statement."""
    found = (
        select(PlannedJob, JobResult)
        .outerjoin(JobResult, JobResult.name == PlannedJob.name)
        .order_by(PlannedJob.every_seconds, PlannedJob.name)
    )
    return [Planned(job, result) for job, result in db.session.execute(found)]
