"""Billing entries: one, many at once, the lists, how an amount came about, and taking one back."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, select

from app.api import schemas
from app.api.entry_shapes import STRICT, details, entries, found_for, sees_amounts
from app.api.operations import Operations, content, once, sent_key
from app.api.shapes import listed
from app.billing import actions, own_entries
from app.billing.actions import Draft
from app.billing.batch import Line, Outcome, submit_batch
from app.billing.model import BillingEntry
from app.billing.queries import LIST_KEYS
from app.catalog.model import Metric, Programme
from app.catalog.queries import metrics_of
from app.engagements.model import Engagement
from app.engagements.queries import engagement_page
from app.foundation import idempotency, tenancy
from app.foundation.database import db
from app.foundation.refusals import MissingRole
from app.foundation.tenancy import Viewer, one
from app.web.templating import translate

operations = Operations("billing entries", __name__, description="What was done in a month, and what it comes to.")

VIEW = {"partner": "billing-entry:view", "customer": "engagement:view-own"}
SUBMIT = "billing-entry:submit"
#: No metric has it.
NO_METRIC = uuid.UUID(int=0)


@operations.get("/billing-entries", query=schemas.EntryFilters, gives=schemas.page_of(schemas.BillingEntry), needs=VIEW)
def list_billing_entries(query: dict[str, Any]) -> Any:
    """Entries of every engagement, the one submitted last first."""
    viewer = tenancy.current()
    found = found_for(viewer)
    if viewer.capacity == "partner" and not viewer.may(STRICT):
        lenient = select(Programme.id).where(Programme.viewing_takes_all_three.is_(False))
        found = found.where(BillingEntry.programme_id.in_(lenient))
    return listed(_filtered(found, query, viewer), LIST_KEYS, query, lambda rows: entries(rows, viewer))


@operations.get(
    "/engagements/<uuid:engagement_id>/billing-entries", query=schemas.EntryFilters, gives=schemas.page_of(schemas.BillingEntry), needs=VIEW
)  # fmt: skip
def list_entries_of_engagement(query: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Entries of one engagement, the one submitted last first."""
    viewer = tenancy.current()
    _check_sees(engagement_page(engagement_id).engagement, viewer)
    found = found_for(viewer).where(BillingEntry.engagement_id == engagement_id)
    return listed(_filtered(found, query, viewer), LIST_KEYS, query, lambda rows: entries(rows, viewer))


@operations.post(
    "/engagements/<uuid:engagement_id>/billing-entries", takes=schemas.NewEntry, gives=schemas.BillingEntryDetails, status=201, needs={"partner": SUBMIT}
)  # fmt: skip
def add_billing_entry(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Add one entry. It is rated or rejected within seconds; ask for it again to see."""
    engagement = engagement_page(engagement_id).engagement
    metric_id = _metric(metrics_of({engagement.plan_id}).get(engagement.plan_id, ()), body["metric"])
    draft = Draft(metric_id, body["month"], body["quantity"], body["notes"])
    return details(once(body, lambda: actions.submit(engagement, draft, by=tenancy.current())))


@operations.post("/billing-entries/batch", takes=schemas.Batch, gives=schemas.BatchResult, needs={"partner": SUBMIT})
def add_many(body: dict[str, Any]) -> Any:
    """Up to 1,000 entries at once, with one result a record: created, duplicate, or refused with what is wrong.

    One refused record stops no other. A record's key counts for ever: sent again with it, the same record is a duplicate.
    """
    by, key = tenancy.current(), sent_key()
    if key is None:
        return _batch(body, by)
    kept = idempotency.claim(key, content(body), by=by)
    if kept is None:
        try:
            told = json.dumps(schemas.BatchResult().dump(_batch(body, by)))
        except Exception:
            idempotency.release(key, by=by)
            raise
        kept = idempotency.keep_answer(key, told, by=by)
    return json.loads(kept)


@operations.get("/billing-entries/<uuid:entry_id>", gives=schemas.BillingEntryDetails, needs=VIEW)
def get_billing_entry(entry_id: uuid.UUID) -> Any:
    """One entry, and how its amount came about; undecided: how it would."""
    entry = one(BillingEntry, entry_id)
    _check_sees(one(Engagement, entry.engagement_id), tenancy.current())
    return details(entry_id)


@operations.post(
    "/billing-entries/<uuid:entry_id>/withdraw", takes=schemas.Nothing, gives=schemas.BillingEntryDetails, needs={"partner": SUBMIT}
)  # fmt: skip
def withdraw_billing_entry(body: dict[str, Any], entry_id: uuid.UUID) -> Any:
    """Take an entry back while it is submitted."""
    entry = one(BillingEntry, entry_id)
    return details(once(body, lambda: actions.withdraw(entry, by=tenancy.current())))


def _batch(body: dict[str, Any], by: Viewer) -> dict[str, Any]:
    records = body["records"]
    wanted = {record["engagement_id"] for record in records}
    found = select(Engagement.id, Engagement.plan_id).where(Engagement.id.in_(wanted))
    plans = {row.id: row.plan_id for row in db.session.execute(found)}
    metrics = metrics_of(set(plans.values()))
    lines = []
    for record in records:
        metric_id = _metric(metrics.get(plans.get(record["engagement_id"], NO_METRIC), ()), record["metric"])
        draft = Draft(metric_id, record["month"], record["quantity"], record["notes"])
        lines.append(Line(record["key"], record["engagement_id"], draft))
    return {"results": [_result(outcome) for outcome in submit_batch(lines, by=by)]}


def _result(outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"key": outcome.key, "result": outcome.result, "id": None, "number": None, "errors": []}
    if outcome.result == "refused":
        field = "engagement_id" if outcome.field == "engagement" else outcome.field
        told["errors"] = [{"field": field, "message": translate(outcome.sentence, outcome.facts)}]
    else:
        told["id"], told["number"] = outcome.entry_id, outcome.number
    return told


def _metric(metrics: Iterable[Metric], said: str) -> uuid.UUID:
    """The plan's metric of this id or code; an id that none has, which the rules then refuse by name."""
    return next((metric.id for metric in metrics if said in (metric.code, str(metric.id))), NO_METRIC)


def _check_sees(engagement: Engagement, viewer: Viewer) -> None:
    if viewer.capacity == "partner" and not sees_amounts(engagement, viewer):
        raise MissingRole(STRICT)


def _filtered(found: Select[*tuple[Any, ...]], query: dict[str, Any], viewer: Viewer) -> Select[*tuple[Any, ...]]:
    if "month" in query:
        found = found.where(BillingEntry.service_month == query["month"])
    status = query.get("status")
    if status is None:
        return found
    if viewer.capacity == "customer":
        return found.where(BillingEntry.state.in_(own_entries.SHOWN_AS.get(status, ())))
    return found.where(BillingEntry.state == status)
