"""What became of each job's last run: written by the jobs, read by Operations, which never meet otherwise."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ColumnElement, String, Text, false, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, db, transaction
from app.foundation.tenancy import Capacity, Tenanted


class JobResult(Tenanted, Base):
    """One row a job. A run that found nothing to do is noted once a minute at most."""

    __tablename__ = "job_result"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    last_started_at: Mapped[datetime] = mapped_column(Instant)
    last_finished_at: Mapped[datetime] = mapped_column(Instant)
    last_ok: Mapped[bool] = mapped_column(Boolean)
    #: what the last run said, or why it failed
    last_message: Mapped[str] = mapped_column(Text, default="")
    #: rows that all runs together have dealt with
    rows_done: Mapped[int] = mapped_column(BigInteger, default=0)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return cls.name.is_not(None) if capacity == "operator" else false()


def note(name: str, *, started_at: datetime, finished_at: datetime, ok: bool, message: str, rows: int) -> None:
    """Write down a run that has ended, in a transaction of its own."""
    wanted = select(JobResult).where(JobResult.name == name).with_for_update().execution_options(populate_existing=True)
    with transaction() as session:
        result = session.scalar(wanted)
        if result is None:
            first = JobResult(name=name, last_started_at=started_at, last_finished_at=finished_at, last_ok=ok)
            with suppress(IntegrityError), session.begin_nested():  # another worker noted its first run in this moment
                session.add(first)
            result = session.scalars(wanted).one()
        result.last_started_at, result.last_finished_at = started_at, finished_at
        result.last_ok, result.last_message = ok, message[:2000]
        result.rows_done += rows


def results() -> list[JobResult]:
    """Every job's last result, by name."""
    return list(db.session.scalars(select(JobResult).order_by(JobResult.name)))
