"""Deciding several lines of the inbox in one go: each decision its own transaction, each result told by itself.

The same form sent twice acts once, row by row: a row's submission key is spent with its decision. Dead in the middle, what
was decided stays decided, and the form sent again goes on with the rest.
"""

import hashlib
import inspect
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from app.foundation import clock, idempotency, outbox
from app.foundation.database import canonical_json, db, transaction
from app.foundation.refusals import AlreadyDone, KeyReused, MissingRole, NotVisible, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_, spell
from app.foundation.waiting import KINDS
from app.notices.inbox import Line, inbox_of
from app.notices.model import BulkDecision

log = structlog.get_logger(__name__)

APPROVE, REJECT = "approve", "reject"
VERBS = (APPROVE, REJECT)
#: in one go
MOST = 200
DONE, REFUSED, GONE, FAILED = "done", "refused", "gone", "failed"

AMOUNT_CHANGED = N_("It comes to another amount by now. Look at it again.")
WAITS_NO_MORE = N_("It waits for you no more: somebody decided it, or took it back.")
OUR_FAULT = N_("This one failed for a reason of ours; nothing was changed. Open it and try again.")


@dataclass(frozen=True)
class Asked:
    """One ticked row: its kind, its id, and the amount the person saw, '' where it has none."""

    kind: str
    id: uuid.UUID
    shown: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


def batch_of(key: str, *, by: Viewer) -> uuid.UUID:
    """The id of what a form with this submission key decides for this organisation."""
    assert by.organisation_id is not None
    return uuid.uuid5(by.organisation_id, f"bulk decision {by.member_id} {key}")


def decide(rows: Sequence[Asked], verb: str, *, reason: str, key: str, by: Viewer) -> BulkDecision:
    """Approve or reject each row on its own. Refuses a rejection without a reason, and more than MOST rows at once.

    KeyReused when this form was sent before with other rows or another reason. Returns what became of each row.
    """
    reason = reason.strip()
    if verb not in VERBS or not rows:
        raise Refused("rows", N_("Tick at least one line first."))
    if len(rows) > MOST:
        raise Refused("rows", N_("Decide at most %(most)s lines in one go."), most=MOST)
    if verb == REJECT and not reason:
        raise Refused("reason", N_("Give a reason; the other side reads it."))
    batch = batch_of(key, by=by)
    digest = hashlib.sha256(
        canonical_json([verb, reason, sorted(f"{row.key} {row.shown}" for row in rows)]).encode()
    ).hexdigest()
    if (first := _decided(batch)) is not None:
        return _same(first, digest)
    known = {line.key: line for line in inbox_of(by, only={row.kind for row in rows}).lines}
    with outbox.one_batch(batch):
        results = [
            _result(row, known.get(row.key), verb, reason, batch, by) for row in {row.key: row for row in rows}.values()
        ]
    decided = BulkDecision(
        id=batch,
        organisation_id=by.organisation_id,
        member_id=by.member_id,
        verb=verb,
        reason=reason,
        digest=digest,
        results=results,
        at=clock.now(),
    )
    try:
        with transaction() as session:
            session.add(decided)
    except IntegrityError:  # the other half of a double click was here first
        return _same(one(BulkDecision, batch), digest)
    return decided


def _decided(batch: uuid.UUID) -> BulkDecision | None:
    try:
        return one(BulkDecision, batch)
    except NotVisible:
        return None


def _same(first: BulkDecision, digest: str) -> BulkDecision:
    if first.digest != digest:
        raise KeyReused
    return first


def _result(row: Asked, line: Line | None, verb: str, reason: str, batch: uuid.UUID, by: Viewer) -> dict[str, Any]:
    """Decide one row and say what became of it; whatever happens, the others go on."""
    about = {
        "kind": row.kind,
        "id": str(row.id),
        "label": KINDS[row.kind].label,
        "number": line.waiting.number if line else "",
        "about": line.waiting.about if line else "",
        "sender": line.waiting.sender if line else "",
        "path": line.waiting.path if line else "",
    }
    try:
        _decide_once(row, line, verb, reason, batch, by)
    except Refused as no:
        facts = {name: spell(value) for name, value in no.facts.items()}
        return {**about, "outcome": REFUSED, "sentence": no.sentence, "facts": facts}
    except (AlreadyDone, NotVisible, MissingRole, KeyReused):
        return {**about, "outcome": GONE, "sentence": WAITS_NO_MORE, "facts": {}}
    except Exception:
        log.exception("bulk_decision_failed", kind=row.kind, row_id=str(row.id))
        db.session.rollback()
        return {**about, "outcome": FAILED, "sentence": OUR_FAULT, "facts": {}}
    return {**about, "outcome": DONE, "sentence": "", "facts": {}}


def _decide_once(row: Asked, line: Line | None, verb: str, reason: str, batch: uuid.UUID, by: Viewer) -> None:
    def do() -> Any:
        if line is None or not line.in_bulk:
            raise NotVisible
        if verb == REJECT:
            assert line.kind.reject is not None
            line.kind.reject(row.id, reason=reason, by=by)
        else:
            _approve(row, line, by)
        return line.waiting

    row_key = uuid.uuid5(batch, row.key).hex
    idempotency.once(row_key, {"action": verb, "row": row.key, "reason": reason}, do, by=by)


def _approve(row: Asked, line: Line, by: Viewer) -> None:
    """A yes is to the amount that was seen: the action checks it under its own lock where it takes one."""
    assert line.kind.approve is not None
    if "shown" in inspect.signature(line.kind.approve).parameters:
        line.kind.approve(row.id, shown=row.shown, by=by)
        return
    now = "" if line.waiting.value is None else str(line.waiting.value)
    if row.shown != now:
        raise Refused("rows", AMOUNT_CHANGED)
    line.kind.approve(row.id, by=by)


def decided(batch: uuid.UUID) -> BulkDecision:
    """What one form decided, for the member who sent it; NotVisible for everybody else."""
    return one(BulkDecision, batch)
