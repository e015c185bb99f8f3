"""Reading runs of the self-check, and how many things want the operator's eye."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from app.foundation.database import db
from app.operations import states
from app.operations.model import CheckRun

#: how many earlier runs are shown
RECENT = 10


def recent_runs() -> Sequence[CheckRun]:
    """The newest runs, the newest first."""
    newest = select(CheckRun).order_by(CheckRun.requested_at.desc(), CheckRun.id.desc()).limit(RECENT)
    return db.session.scalars(newest.execution_options(populate_existing=True)).all()


def last_done(runs: Sequence[CheckRun]) -> CheckRun | None:
    """The newest of them that came to its end: its verdicts count until the next one's do."""
    return next((run for run in runs if run.state == states.DONE), None)


def open_run() -> uuid.UUID | None:
    """The run that waits or is under way."""
    return db.session.scalar(select(CheckRun.id).where(CheckRun.state.in_(states.OPEN)).limit(1))
