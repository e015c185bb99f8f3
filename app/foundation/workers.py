"""Who runs the jobs: one row a process that does, with its last sign of life and what it runs at that moment.

Written by the engine of either database, read by Operations. A process that stops takes its row away; one that was killed
falls silent, and its row goes after a while. What waits in the queues of many machines stands in the tables of the engine,
which are PostgreSQL's alone; they are counted here, up to a bound.
"""

import os
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ColumnElement, String, delete, false, func, select, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation import clock
from app.foundation.database import Base, Instant, Row, db, transaction
from app.foundation.tenancy import Capacity, Tenanted

#: a sign of life this often
BEAT_EVERY = timedelta(seconds=5)
#: no sign of life for so long: killed, cut off, or too busy to be trusted
SILENT_AFTER = timedelta(seconds=20)
#: a silent process is shown this long
SHOWN_FOR = timedelta(minutes=10)
#: how many processes are shown
SHOWN = 100
#: counting stops here
COUNTED = 1000


class Worker(Row, Tenanted, Base):
    """One process that runs jobs."""

    __tablename__ = "worker"

    #: machine and process: 'app-2:4711'
    name: Mapped[str] = mapped_column(String(120))
    #: 'worker', or 'portal' where the jobs run beside the pages
    kind: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime] = mapped_column(Instant)
    #: the last sign of life
    seen_at: Mapped[datetime] = mapped_column(Instant)
    #: what it ran at that moment: [{"job": name, "since": ISO instant}]
    running: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return true() if capacity == "operator" else false()

    def is_silent(self, now: datetime) -> bool:
        return now - self.seen_at > SILENT_AFTER


def this_process() -> str:
    """As a row names it: machine and process, 'app-2:4711'."""
    return f"{socket.gethostname()[:100]}:{os.getpid()}"


def beat(worker_id: uuid.UUID, *, name: str, kind: str, started_at: datetime, running: list[dict[str, str]]) -> None:
    """A sign of life, in a transaction of its own; the first one writes the row. Rows long silent go."""
    now = clock.now()
    with transaction() as session:
        row = session.scalar(select(Worker).where(Worker.id == worker_id))
        if row is None:
            session.add(Worker(id=worker_id, name=name, kind=kind, started_at=started_at, seen_at=now, running=running))
        else:
            row.seen_at, row.running = now, running
        session.execute(delete(Worker).where(Worker.seen_at < now - SHOWN_FOR, Worker.id != worker_id))


def sign_off(worker_id: uuid.UUID) -> None:
    """The process has stopped its jobs."""
    with transaction() as session:
        session.execute(delete(Worker).where(Worker.id == worker_id))


def workers() -> Sequence[Worker]:
    """Processes that run jobs or fell silent lately, the longest running first."""
    return db.session.scalars(select(Worker).order_by(Worker.started_at, Worker.id).limit(SHOWN)).all()


@dataclass(frozen=True)
class Queued:
    """One job in the queues of many machines; each count stops at COUNTED."""

    job: str
    waiting: int
    doing: int
    failed: int


_QUEUED = text("""
SELECT task_name, status::text AS status, count(*) AS number FROM (
  (SELECT task_name, status FROM procrastinate_jobs WHERE status = 'todo' LIMIT :most) UNION ALL
  (SELECT task_name, status FROM procrastinate_jobs WHERE status = 'doing' LIMIT :most) UNION ALL
  (SELECT task_name, status FROM procrastinate_jobs WHERE status = 'failed' LIMIT :most)
) AS counted GROUP BY task_name, status ORDER BY task_name
""")


def queued() -> list[Queued] | None:
    """What waits, is done and has failed since yesterday, by job; None where jobs are not queued: on SQLite."""
    if not _has_queues():
        return None
    counts: dict[str, dict[str, int]] = {}
    for task_name, status, number in db.session.execute(_QUEUED, {"most": COUNTED}):
        counts.setdefault(task_name, {})[status] = number
    return [
        Queued(job, by_status.get("todo", 0), by_status.get("doing", 0), by_status.get("failed", 0))
        for job, by_status in counts.items()
    ]


def _has_queues() -> bool:
    return db.session.get_bind().dialect.name == "postgresql"


def alive() -> int:
    """Processes with a sign of life lately."""
    since = clock.now() - SILENT_AFTER
    return db.session.scalar(select(func.count(Worker.id)).where(Worker.seen_at >= since)) or 0


def _number(status: str) -> Callable[[], float]:
    def number() -> float:
        return sum(getattr(one, status) for one in queued() or ())

    return number


#: for /metrics: (name, help, function giving the figure)
GAUGES: tuple[tuple[str, str, Callable[[], Any]], ...] = (
    ("portal_workers_alive", "Processes that run jobs and show signs of life", alive),
    ("portal_jobs_waiting", f"Jobs waiting for a worker, counted up to {COUNTED}", _number("waiting")),
    ("portal_jobs_failed", f"Runs of jobs that failed since yesterday, counted up to {COUNTED}", _number("failed")),
)
