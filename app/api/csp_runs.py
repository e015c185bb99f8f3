"""Discovery of a CSP account by program: trigger it, stop it, and what the last run came to."""

import uuid
from typing import Any

from marshmallow import Schema, fields

from app.api.fields import Id, Instant
from app.api.operations import Operations, once
from app.api.schemas import Nothing, note
from app.csp.discovery import actions, queries, states
from app.csp.permissions import RUN_DISCOVERY
from app.foundation import tenancy

operations = Operations(
    "CSP discovery", __name__, description="The standing import of each CSP account, and its task-runs."
)

RUN = {"partner": RUN_DISCOVERY}
STATES = (states.NOT_STARTED, states.IN_PROGRESS, states.STOPPED, states.ERROR, states.COMPLETED)
#: listed of one run; who is refused beyond it is told on the customers
MOST_REFUSED = 1000


class StartedRun(Schema):
    id = Id(required=True)


class KindCounts(Schema):
    done = fields.Integer(required=True, **note("Records read."))
    known = fields.Integer(required=True, allow_none=True, **note("Null: paged, not known before the last page."))
    new = fields.Integer(required=True)
    changed = fields.Integer(required=True)
    requests = fields.Integer(required=True)
    throttled_seconds = fields.Integer(required=True)
    error = fields.String(required=True, allow_none=True, **note("Why this kind could not be read at all."))


class DiscoveryCounts(Schema):
    customers = fields.Nested(KindCounts, required=True)
    subscriptions = fields.Nested(KindCounts, required=True)
    usage = fields.Nested(KindCounts, required=True)
    invoices = fields.Nested(KindCounts, required=True)
    lines = fields.Nested(KindCounts, required=True)


class DiscoveryRefusal(Schema):
    kind = fields.String(required=True, **note("customers, subscriptions, usage or lines."))
    subject = fields.String(required=True, **note("A customer's tenant id, or a document's number."))
    name = fields.String(required=True)
    status = fields.Integer(required=True, **note("HTTP status; 0: no answer came."))
    code = fields.String(required=True, **note("Microsoft's, as text."))
    sentence = fields.String(required=True)


class DiscoveryRun(Schema):
    """`last_run` of a CSP account."""

    id = Id(required=True, allow_none=True, **note("Null where discovery has never been started."))
    number = fields.Integer(required=True, allow_none=True)
    state = fields.String(required=True, **note(f"One of {', '.join(STATES)}."))
    trigger = fields.String(required=True, allow_none=True, **note("manual or schedule"))
    asked_at = Instant(required=True, allow_none=True)
    started_at = Instant(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)
    counts = fields.Nested(DiscoveryCounts, required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)
    partial = fields.Boolean(  # type: ignore[assignment]  # a word of ours that marshmallow has too
        required=True, **note("Microsoft refused some customer or document; the rest was read.")
    )
    refused = fields.List(fields.Nested(DiscoveryRefusal), required=True)


@operations.post("/csp/accounts/<uuid:account_id>/discovery", takes=Nothing, gives=StartedRun, status=202, needs=RUN)
def trigger_discovery(body: dict[str, Any], account_id: uuid.UUID) -> Any:
    """Begin a run within seconds; while one is live, that one is answered and nothing is begun."""
    return {"id": once(body, lambda: actions.trigger(account_id, by=tenancy.current()))}


@operations.delete("/csp/accounts/<uuid:account_id>/discovery", gives=StartedRun, status=202, needs=RUN)
def stop_discovery(account_id: uuid.UUID) -> Any:
    """Let the live run end at its next page; 409 while none is live."""
    return {"id": once({}, lambda: actions.ask_to_stop(account_id, by=tenancy.current()))}


def last_run_of(account_id: uuid.UUID) -> dict[str, Any]:
    """For the account's own answer."""
    run = queries.last_run(account_id)
    if run is None:
        nothing = dict.fromkeys(("id", "number", "trigger", "asked_at", "started_at", "ended_at", "counts", "error"))
        return {**nothing, "state": states.NOT_STARTED, "partial": False, "refused": []}
    refused = queries.refusals_of(run.id, MOST_REFUSED)
    return {
        "id": run.id,
        "number": run.number,
        "state": queries.shown_state(run.state),
        "trigger": run.trigger,
        "asked_at": run.asked_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "counts": {kind.kind: kind for kind in queries.kinds_of(run.id)},
        "error": run.error,
        "partial": run.is_partial or bool(refused),
        "refused": refused,
    }
