"""Asking for a run of the self-check, stopping it, and what the job that carries it out writes down."""

import uuid
from dataclasses import asdict, dataclass

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import transaction
from app.foundation.failed_rows import RETRY
from app.foundation.refusals import AlreadyDone
from app.foundation.self_check import Verdict
from app.foundation.tenancy import Viewer, one
from app.operations import events, rules, states
from app.operations.model import CheckRun


def request_run(*, by: Viewer) -> CheckRun:
    """Ask for a run; the job begins it within seconds. AlreadyDone while another one waits or runs."""
    by.must(RETRY)
    try:
        with transaction() as session:
            run = CheckRun(requested_at=clock.now(), requested_by_id=by.member_id, requested_by_name=by.label)
            session.add(run)
            session.flush()
            history.record(run, events.REQUESTED, by=by)
    except IntegrityError as second:
        raise AlreadyDone(states.RUNNING, "request") from second
    return run


def stop_run(run: CheckRun, *, by: Viewer) -> CheckRun:
    """No further claim is checked; what is noted stays. AlreadyDone for a run that has ended."""
    by.must(RETRY)
    change_state(run, states.STOP, by=by, columns={"finished_at": clock.now()})
    return run


@dataclass(frozen=True)
class Hold:
    """A run that is ours to carry out, as long as nobody has changed its version since."""

    run_id: uuid.UUID
    version: int
    #: claims that are checked already, by whoever held it before
    done: frozenset[str]


class LetGo(Exception):
    """The run is not ours any more: stopped by a person, or taken over."""


def take_run(*, claims: int, by: Viewer) -> Hold | None:
    """The run that was asked for, or one that has been left alone; None when there is nothing to carry out."""
    now = clock.now()
    left_alone = or_(CheckRun.touched_at.is_(None), CheckRun.touched_at < now - rules.STALE_AFTER)
    with transaction() as session:
        run = session.scalar(
            select(CheckRun)
            .where(or_(CheckRun.state == states.REQUESTED, (CheckRun.state == states.RUNNING) & left_alone))
            .order_by(CheckRun.requested_at, CheckRun.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if run is None:
            return None
        action = states.START if run.state == states.REQUESTED else states.TAKE_OVER
        columns = {"started_at": run.started_at or now, "touched_at": now, "claims": claims, "looked_now": 0}
        change_state(run, action, by=by, columns=columns)
        return Hold(run.id, run.version, frozenset(verdict.claim for verdict in run.told))


def note_progress(hold: Hold, claim: str, looked: int) -> None:
    """A sign of life. LetGo when the run is not ours any more."""
    with transaction():
        run = _held(hold)
        run.claim_now, run.looked_now, run.touched_at = claim, looked, clock.now()


def note_verdict(hold: Hold, verdict: Verdict) -> None:
    with transaction():
        run = _held(hold)
        run.verdicts = [*run.verdicts, {**asdict(verdict), "sentences": list(verdict.sentences)}]
        run.claim_now, run.looked_now, run.touched_at = "", 0, clock.now()


def finish_run(hold: Hold, *, by: Viewer) -> CheckRun:
    with transaction():
        run = _held(hold)
        facts = {"claims": len(run.verdicts), "looked": run.looked, "wrong": run.wrong}
        change_state(run, states.FINISH, by=by, columns={"finished_at": clock.now(), "claim_now": ""}, **facts)
    return run


def put_back(hold: Hold, *, by: Viewer) -> None:
    """The process is about to end: the next one goes on at once, instead of after the time of a run left alone."""
    with transaction():
        change_state(_held(hold), states.PUT_BACK, by=by, columns={"claim_now": "", "looked_now": 0})


def _held(hold: Hold) -> CheckRun:
    run = one(CheckRun, hold.run_id, lock=True)
    if run.version != hold.version:
        raise LetGo
    return run
