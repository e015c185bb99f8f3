"""Trigger Discovery, Stop, and how a run begins and ends."""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.csp.accounts.model import CspAccount
from app.csp.discovery import events, rules, states
from app.csp.discovery.model import CspRefusal, CspRun, CspRunKind
from app.csp.permissions import RUN_DISCOVERY
from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import db, one_of, transaction
from app.foundation.identity import new_id
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, one

LIVE = one_of(CspRun.state, states.LIVE)


def trigger(account_id: uuid.UUID, *, by: Viewer) -> CspRun:
    """A run of the account, or the one that is live: there is never a second.

    Refuses an account that is not connected. The run begins within seconds, where a worker is free.
    """
    by.must(RUN_DISCOVERY)
    return _asked(account_id, states.MANUAL, by.member_name, by=by)


def trigger_by_schedule(account_id: uuid.UUID, *, by: Viewer) -> CspRun | None:
    """The system's own run of these twelve hours; None where it was made already, or the account has none now."""
    with transaction():
        account = one(CspAccount, account_id, lock=True)
        last = db.session.scalar(select(func.max(CspRun.asked_at)).where(CspRun.account_id == account_id))
        now = clock.now()
        due = rules.is_due(account_id, now, connected_at=account.consented_at, asked_at=last)
        if not due or rules.why_no_run(account.state) or live_run(account_id) is not None:
            return None
        return _asked(account_id, states.SCHEDULE, by.label, by=by)


def live_run(account_id: uuid.UUID) -> CspRun | None:
    return db.session.scalar(select(CspRun).where(CspRun.account_id == account_id, LIVE))


def _asked(account_id: uuid.UUID, trigger: str, asked_by: str, *, by: Viewer) -> CspRun:
    with transaction() as session:
        account = one(CspAccount, account_id, lock=True)
        if (live := live_run(account_id)) is not None:
            return live
        if (why := rules.why_no_run(account.state)) is not None:
            raise Refused("account", why)
        last = session.scalar(select(func.max(CspRun.number)).where(CspRun.account_id == account_id))
        run = CspRun(
            id=new_id(),
            partner_id=account.partner_id,
            account_id=account_id,
            number=(last or 0) + 1,
            state=states.QUEUED,
            trigger=trigger,
            asked_at=clock.now(),
            asked_by_name=asked_by[:200],
            version=1,
        )
        kinds = [CspRunKind(run_id=run.id, partner_id=run.partner_id, kind=kind) for kind in states.KINDS]
        try:
            with session.begin_nested():
                session.add(run)
                session.flush()
                session.add_all(kinds)
        except IntegrityError:  # the database refuses the second
            live = live_run(account_id)
            if live is None:
                raise
            return live
        return run


def ask_to_stop(account_id: uuid.UUID, *, by: Viewer) -> CspRun:
    """The live run ends at its next page; one that no worker has ends at once. AlreadyDone when none is live."""
    by.must(RUN_DISCOVERY)
    with transaction():
        one(CspAccount, account_id)
        wanted = select(CspRun).where(CspRun.account_id == account_id, LIVE).with_for_update()
        run = db.session.scalar(wanted.execution_options(populate_existing=True))
        if run is None:
            raise AlreadyDone(states.NOT_STARTED, states.STOP)
        if run.stop_asked_at is None:
            run.stop_asked_at, run.stop_asked_by_name = clock.now(), by.member_name
            db.session.flush()
            history.record(run, events.STOP_ASKED, by=by, number=run.number)
        if run.claimed_by is None:
            stop(run, by=by)
        return run


# What the worker that has the run does with it. Each inside the transaction of its last page, or in one of its own.


def begin(run: CspRun, *, by: Viewer) -> None:
    change_state(run, states.BEGIN, by=by, columns={"started_at": clock.now()})


def complete(run: CspRun, *, by: Viewer) -> None:
    """Whether anything new was found decides whether the account's history hears of it."""
    kinds = kinds_of(run.id)
    refused = db.session.scalar(select(CspRefusal.id).where(CspRefusal.run_id == run.id).limit(1)) is not None
    columns = {"ended_at": clock.now(), "claimed_by": None, "is_partial": refused}
    if any(kind.new or kind.changed for kind in kinds):
        change_state(run, states.COMPLETE, by=by, columns=columns, number=run.number, found=found_in_words(kinds))
    else:
        change_state(run, states.COMPLETE_WITHOUT_NEWS, by=by, columns=columns)


def stop(run: CspRun, *, by: Viewer) -> None:
    columns = {"ended_at": clock.now(), "claimed_by": None}
    change_state(run, states.STOP, by=by, columns=columns, number=run.number, found=read_in_words(kinds_of(run.id)))


def fail(run: CspRun, cause: str, *, by: Viewer) -> None:
    """`cause` in the user's words; who may start the next run is told."""
    refused = db.session.scalar(select(CspRefusal.id).where(CspRefusal.run_id == run.id).limit(1)) is not None
    columns = {"ended_at": clock.now(), "claimed_by": None, "error": cause, "is_partial": refused}
    change_state(run, states.FAIL, by=by, columns=columns, number=run.number, cause=cause)


def kinds_of(run_id: uuid.UUID) -> list[CspRunKind]:
    """In the order they are read."""
    found = db.session.scalars(
        select(CspRunKind).where(CspRunKind.run_id == run_id).execution_options(populate_existing=True)
    )
    return sorted(found, key=lambda kind: states.KINDS.index(kind.kind))


def found_in_words(kinds: Iterable[Any]) -> str:
    """'customers: 2 new, 1 changed; lines: 1288 new' as History keeps it."""
    told = []
    for kind in kinds:
        counts = [f"{count} {word}" for word, count in (("new", kind.new), ("changed", kind.changed)) if count]
        if counts:
            told.append(f"{kind.kind}: {', '.join(counts)}")
    return "; ".join(told) or "nothing new"


def read_in_words(kinds: Iterable[Any]) -> str:
    return "; ".join(f"{kind.done} {kind.kind}" for kind in kinds if kind.done) or "nothing read"
