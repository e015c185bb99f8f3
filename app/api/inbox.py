"""The inbox of the key's member: what waits, decided one by one or many with one reason, or passed to a colleague.

A key is shown and decides what its own permissions allow: each kind asks for the one that its decision takes.
"""

import base64
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.api import inbox_schemas as schemas
from app.api.entry_shapes import sees_all_billing
from app.api.operations import Operations, once, once_answered, sent_key
from app.api.schemas import Named, page_of
from app.api.shapes import money, named
from app.foundation import clock, tenancy
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.foundation.waiting import KINDS
from app.notices import decisions, delegations
from app.notices.decisions import Asked
from app.notices.delegations import Passed
from app.notices.inbox import Line, inbox_of
from app.notices.model import BulkDecision, Delegation
from app.web.submissions import new_key
from app.web.templating import translate

operations = Operations(
    "inbox", __name__, description="Every decision that waits for the key's member, and that the key may make."
)

MAY = {"partner": "inbox:view", "customer": "inbox:view"}
PATH = "/inbox/<string:kind_name>/<uuid:row_id>"


@operations.get("/inbox", query=schemas.InboxFilters, gives=page_of(schemas.InboxLine), needs=MAY)
def list_inbox(query: dict[str, Any]) -> Any:
    """What waits, oldest first; of each kind the 200 oldest."""
    viewer, now = tenancy.current(), clock.now()
    lines = [line for line in _inbox(viewer, query.get("kind")) if _fits(line, query, viewer, now)]
    if "cursor" in query:
        after = _place(query["cursor"])
        lines = [line for line in lines if (line.waiting.since, line.key) > after]
    shown = lines[: query["limit"]]
    more = len(lines) > len(shown)
    values = sees_all_billing(viewer)
    return {"items": [_line(line, now, values) for line in shown], "next_cursor": _cursor(shown[-1]) if more else None}


@operations.post("/inbox/decide", takes=schemas.Decisions, gives=schemas.Decided, needs=MAY)
def decide(body: dict[str, Any]) -> Any:
    """Approve or reject up to 200 lines, each by itself; what became of each is told one by one.

    What a yes and a no do to a line stands on it: the no to a completion request keeps the engagement active.
    """
    rows = [_asked(ticked) for ticked in body["lines"]]

    def do() -> dict[str, Any]:
        key = sent_key() or new_key()
        by = tenancy.current()
        return _decided(decisions.decide(rows, body["verb"], reason=body["reason"], key=key, by=by))

    return once_answered(body, schemas.Decided, do)


@operations.get("/inbox/decisions/<uuid:batch_id>", gives=schemas.Decided, needs=MAY)
def get_decisions(batch_id: uuid.UUID) -> Any:
    """What the key's member decided in one go, and what became of each line."""
    return _decided(decisions.decided(batch_id))


@operations.get(f"{PATH}/colleagues", gives=page_of(Named), needs=MAY)
def list_colleagues(kind_name: str, row_id: uuid.UUID) -> Any:
    """Colleagues for whom the line waits as well, by name: to whom it can be passed."""
    viewer, kind = tenancy.current(), KINDS.get(kind_name)
    delegations.own_line(kind, row_id, by=viewer)
    assert kind is not None
    colleagues = delegations.who_may_decide(kind, row_id, by=viewer)
    return {"items": [named(one.member_id, one.member_name) for one in colleagues], "next_cursor": None}


@operations.post(f"{PATH}/delegate", takes=schemas.Delegating, gives=schemas.Delegated, needs=MAY)
def delegate(body: dict[str, Any], kind_name: str, row_id: uuid.UUID) -> Any:
    """Pass a line to a colleague, who is told. It stays in both inboxes; whoever is first decides."""
    by = tenancy.current()
    made = once(body, lambda: delegations.pass_on(kind_name, row_id, body["to"], note=body["note"], by=by))
    row = one(Delegation, made)
    return {
        "kind": row.kind,
        "id": row.subject_id,
        "sender": named(row.from_member_id, row.from_name),
        "to": named(row.to_member_id, row.to_name),
        "note": row.note,
        "at": row.at,
    }


def _inbox(viewer: Viewer, kind: str | None) -> Sequence[Line]:
    return inbox_of(viewer, only=None if kind is None else {kind}).lines


def _fits(line: Line, query: dict[str, Any], viewer: Viewer, now: datetime) -> bool:
    passed = {"to-me": line.passed and line.passed.to_id, "by-me": line.passed and line.passed.from_id}
    return ("age" not in query or line.overdue(now)) and (
        "passed" not in query or passed[query["passed"]] == viewer.member_id
    )


def _line(line: Line, now: datetime, values: bool) -> dict[str, Any]:
    waiting, kind = line.waiting, line.kind
    return {
        "kind": kind.name,
        "id": waiting.id,
        "number": waiting.number,
        "about": waiting.about,
        "sender": waiting.sender,
        "since": waiting.since,
        "overdue": line.overdue(now),
        "value": money(waiting.value) if values else None,
        "approved": translate(kind.approved),
        "rejected": translate(kind.rejected),
        "decided_here": line.in_bulk,
        "passed_on": _passed(line.passed),
    }


def _passed(passed: Passed | None) -> dict[str, Any] | None:
    if passed is None:
        return None
    return {
        "sender": named(passed.from_id, passed.from_name),
        "to": named(passed.to_id, passed.to_name),
        "note": passed.note,
        "at": passed.at,
    }


def _asked(ticked: dict[str, Any]) -> Asked:
    if ticked["kind"] not in KINDS:
        raise Refused("lines", N_("There is no kind of decision called %(kind)s."), kind=ticked["kind"])
    value = ticked["value"]
    return Asked(ticked["kind"], ticked["id"], f"{value['amount']} {value['currency']}" if value else "")


def _decided(made: BulkDecision) -> dict[str, Any]:
    results = [
        {
            **{name: result[name] for name in ("kind", "id", "number", "about")},
            "result": result["outcome"],
            "message": translate(result["sentence"], result["facts"]) or None,
        }
        for result in made.results
    ]
    return {"id": made.id, "verb": made.verb, "reason": made.reason, "at": made.at, "results": results}


def _cursor(line: Line) -> str:
    place = f"{line.waiting.since.isoformat()} {line.key}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        since, _space, key = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        at = datetime.fromisoformat(since)
    except ValueError as wrong:
        raise Refused("cursor", N_("This is no cursor of this list.")) from wrong
    if at.tzinfo is None:
        raise Refused("cursor", N_("This is no cursor of this list."))
    return at, key
