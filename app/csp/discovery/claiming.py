"""Which worker has a run: claimed by compare-and-set, kept by signs of life, taken over when they cease.

Every page is committed together with a look at the claim, on the run's own row. So a worker that was frozen, and whose run another
has taken over meanwhile, can write nothing any more.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, CursorResult, or_, select, update

from app.csp.accounts import states as accounts
from app.csp.accounts.model import CspAccount
from app.csp.discovery.actions import LIVE
from app.csp.discovery.model import CspRun
from app.csp.discovery.rules import SILENT_AFTER
from app.foundation import clock
from app.foundation.database import db, transaction


class Lost(Exception):
    """Another worker has the run now, or it has ended: nothing of this page is kept."""


class StopAsked(Exception):
    """Somebody pressed Stop, and this page is committed."""


def _claimable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    silent = or_(CspRun.claimed_by.is_(None), CspRun.heartbeat_at.is_(None), CspRun.heartbeat_at < now - SILENT_AFTER)
    return LIVE, silent


def due_runs(limit: int) -> Sequence[uuid.UUID]:
    """Live runs that no worker has, the longest waiting first; not those of accounts that Microsoft throttles."""
    now = clock.now()
    found = (
        select(CspRun.id)
        .join(CspAccount, CspAccount.id == CspRun.account_id)
        .where(*_claimable(now), or_(CspAccount.paused_until.is_(None), CspAccount.paused_until <= now))
        .order_by(CspRun.asked_at)
        .limit(limit)
    )
    return db.session.scalars(found).all()


def claim(run_id: uuid.UUID, worker: str) -> bool:
    """Take the run, unless another worker was faster. `worker` is a name of this claim alone."""
    now = clock.now()
    with transaction():
        return _moved(run_id, *_claimable(now), claimed_by=worker, heartbeat_at=now)


def beat(run_id: uuid.UUID, worker: str) -> bool:
    """A sign of life between pages; False when the run is not this worker's any more."""
    with transaction():
        return _moved(run_id, LIVE, CspRun.claimed_by == worker, heartbeat_at=clock.now())


def hold(run_id: uuid.UUID, worker: str) -> None:
    """Inside a page's transaction: nobody else's until it ends. Lost when it is not this worker's any more."""
    if not _moved(run_id, LIVE, CspRun.claimed_by == worker, heartbeat_at=clock.now()):
        raise Lost


def release(run_id: uuid.UUID, worker: str) -> None:
    """Leave the run to whoever comes next, at once."""
    with transaction():
        _moved(run_id, LIVE, CspRun.claimed_by == worker, claimed_by=None)


def must_end(run_id: uuid.UUID) -> bool:
    """Whether somebody pressed Stop, or took the account out of use: disabled, disconnected, its consent lost."""
    found = db.session.execute(
        select(CspRun.stop_asked_at, CspAccount.state)
        .join(CspAccount, CspAccount.id == CspRun.account_id)
        .where(CspRun.id == run_id)
    ).one()
    return found.stop_asked_at is not None or found.state != accounts.CONNECTED


def _moved(run_id: uuid.UUID, *where: ColumnElement[bool], **values: object) -> bool:
    moved = db.session.execute(
        update(CspRun).where(CspRun.id == run_id, *where).values(**values).execution_options(synchronize_session=False)
    )
    assert isinstance(moved, CursorResult)
    return moved.rowcount == 1
