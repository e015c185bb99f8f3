"""What must hold of history, whatever the room: chains verify, and the database still refuses to change them."""

from app.foundation import append_only, history, history_reading
from app.foundation.database import db
from app.foundation.self_check import Check, Verdicts


def checks() -> list[Check]:
    return [
        history_check(),
        Check("history holds the events that were sealed, stretch by stretch", history_reading.unlike_seals),
        Check("tables that only grow are protected by the database", _protected),
    ]


def history_check() -> Check:
    return Check("history chains verify, from first event to last", _chains)


def _chains() -> Verdicts:
    for chain in history.chains():
        yield "; ".join(f"{b.subject_kind} {b.subject_id}, event {b.sequence}: {b.why}" for b in chain.broken)


def _protected() -> Verdicts:
    unprotected = append_only.unprotected(db.session.connection())
    for table in append_only.APPEND_ONLY:
        yield f"{table}: the trigger that refuses changes is missing" if table in unprotected else ""
