"""Billing entries: one, many at once, the lists, how an amount came about, and taking one back."""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, or_, select

from app.api import entry_schemas, schemas
from app.api.engagement_shapes import history_of
from app.api.entry_shapes import check_sees, details, entries, found_for, in_sight
from app.api.operations import Operations, once, once_answered
from app.api.shapes import listed
from app.billing import actions, own_entries
from app.billing.actions import Draft
from app.billing.batch import Line, Outcome, submit_batch
from app.billing.model import BillingEntry
from app.billing.queries import LIST_KEYS
from app.catalog.model import Metric
from app.catalog.queries import metrics_of
from app.engagements.model import Engagement
from app.foundation import tenancy
from app.foundation.collecting import without_collecting
from app.foundation.database import db
from app.foundation.tenancy import Viewer, one
from app.web.engagement_header import also_a_test, engagement_asked_for
from app.web.templating import translate

operations = Operations("billing entries", __name__, description="What was done in a month, and what it comes to.")

VIEW = {"partner": "billing-entry:view", "customer": "engagement:view-own"}
SUBMIT = "billing-entry:submit"
#: No metric has it.
NO_METRIC = uuid.UUID(int=0)


@operations.get(
    "/billing-entries", query=entry_schemas.EntryFilters, gives=schemas.page_of(entry_schemas.BillingEntry), needs=VIEW
)
def list_billing_entries(query: dict[str, Any]) -> Any:
    """Entries of every engagement, the one submitted last first."""
    viewer = tenancy.current()
    found = in_sight(found_for(viewer), BillingEntry.programme_id, viewer)
    return listed(_filtered(found, query, viewer), LIST_KEYS, query, lambda rows: entries(rows, viewer))


@operations.get(
    "/engagements/<uuid:engagement_id>/billing-entries", query=entry_schemas.EntryFilters, gives=schemas.page_of(entry_schemas.BillingEntry), needs=VIEW
)  # fmt: skip
def list_entries_of_engagement(query: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Entries of one engagement, the one submitted last first."""
    viewer = tenancy.current()
    check_sees(engagement_asked_for(engagement_id).engagement, viewer)
    found = found_for(viewer).where(BillingEntry.engagement_id == engagement_id)
    return listed(_filtered(found, query, viewer), LIST_KEYS, query, lambda rows: entries(rows, viewer))


@operations.post(
    "/engagements/<uuid:engagement_id>/billing-entries", takes=entry_schemas.NewEntry, gives=entry_schemas.BillingEntryDetails, status=201, needs={"partner": SUBMIT}
)  # fmt: skip
def add_billing_entry(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Add one entry. It is rated or rejected within seconds; ask for it again to see."""
    engagement = engagement_asked_for(engagement_id).engagement
    draft = draft_of(engagement, body)
    return details(once(body, lambda: actions.submit(engagement, draft, by=tenancy.current())))


@operations.post(
    "/billing-entries/batch", takes=entry_schemas.Batch, gives=entry_schemas.BatchResult, needs={"partner": SUBMIT}
)
def add_many(body: dict[str, Any]) -> Any:
    """Up to 1,000 entries at once, with one result a record: created, duplicate, or refused with what is wrong.

    One refused record stops no other. A record's key counts for ever: sent again with it, the same record is a duplicate.
    """
    by = tenancy.current()
    with without_collecting():
        return once_answered(body, entry_schemas.BatchResult, lambda: _batch(body, by), whole=True)


@operations.get("/billing-entries/<uuid:entry_id>", gives=entry_schemas.BillingEntryDetails, needs=VIEW)
def get_billing_entry(entry_id: uuid.UUID) -> Any:
    """One entry, and how its amount came about; undecided: how it would."""
    entry = also_a_test(lambda: one(BillingEntry, entry_id))
    check_sees(one(Engagement, entry.engagement_id), tenancy.current())
    return details(entry_id)


@operations.get(
    "/billing-entries/<uuid:entry_id>/history", query=schemas.Paging, gives=schemas.page_of(schemas.Event), needs={"partner": "engagement:view", "customer": "engagement:view-own"}
)  # fmt: skip
def list_history_of_entry(query: dict[str, Any], entry_id: uuid.UUID) -> Any:
    """What happened to the entry, newest first."""
    entry = also_a_test(lambda: one(BillingEntry, entry_id))
    return history_of(one(Engagement, entry.engagement_id), query, about_id=entry_id)


@operations.post(
    "/billing-entries/<uuid:entry_id>/withdraw", takes=schemas.Nothing, gives=entry_schemas.BillingEntryDetails, needs={"partner": SUBMIT}
)  # fmt: skip
def withdraw_billing_entry(body: dict[str, Any], entry_id: uuid.UUID) -> Any:
    """Take an entry back while it is submitted."""
    entry = also_a_test(lambda: one(BillingEntry, entry_id))
    return details(once(body, lambda: actions.withdraw(entry, by=tenancy.current())))


def _batch(body: dict[str, Any], by: Viewer) -> dict[str, Any]:
    return {"results": [result(outcome) for outcome in submit_batch(lines_of(body), by=by)]}


def lines_of(body: dict[str, Any]) -> list[Line]:
    """The records as billing takes them, their metrics found by code or id in two statements."""
    records = body["records"]
    wanted = {record["engagement_id"] for record in records}
    found = select(Engagement.id, Engagement.plan_id).where(Engagement.id.in_(wanted))
    plans = {row.id: row.plan_id for row in db.session.execute(found)}
    metrics = metrics_of(set(plans.values()))
    named: dict[tuple[uuid.UUID, str], uuid.UUID] = {}
    lines = []
    for record in records:
        asked = plans.get(record["engagement_id"], NO_METRIC), record["metric"]
        if asked not in named:
            named[asked] = metric_named(metrics.get(asked[0], ()), asked[1])
        draft = Draft(named[asked], record["month"], record["quantity"], record["notes"])
        lines.append(Line(record["key"], record["engagement_id"], draft))
    return lines


def draft_of(engagement: Engagement, said: dict[str, Any]) -> Draft:
    """NewEntry as billing takes it."""
    metric_id = metric_named(metrics_of({engagement.plan_id}).get(engagement.plan_id, ()), said["metric"])
    return Draft(metric_id, said["month"], said["quantity"], said["notes"])


def result(outcome: Outcome) -> dict[str, Any]:
    """RecordResult."""
    told: dict[str, Any] = {"key": outcome.key, "result": outcome.result, "id": None, "number": None, "errors": []}
    if outcome.result == "refused":
        field = "engagement_id" if outcome.field == "engagement" else outcome.field
        told["errors"] = [{"field": field, "message": translate(outcome.sentence, outcome.facts)}]
    else:
        told["id"], told["number"] = outcome.entry_id, outcome.number
    return told


def metric_named(metrics: Iterable[Metric], said: str) -> uuid.UUID:
    """The plan's metric of this id or code; an id that none has, which the rules then refuse by name."""
    return next((metric.id for metric in metrics if said in (metric.code, str(metric.id))), NO_METRIC)


def _filtered(found: Select[*tuple[Any, ...]], query: dict[str, Any], viewer: Viewer) -> Select[*tuple[Any, ...]]:
    if "month" in query:
        found = found.where(BillingEntry.service_month == query["month"])
    if "metric" in query:
        found = found.where(BillingEntry.metric_id == query["metric"])
    if "search" in query:
        words = query["search"]
        found = found.where(
            or_(
                BillingEntry.notes.icontains(words, autoescape=True),
                BillingEntry.number.icontains(words, autoescape=True),
            )
        )
    status = query.get("status")
    if status is None:
        return found
    if viewer.capacity == "customer":
        return found.where(BillingEntry.state.in_(own_entries.SHOWN_AS.get(status, ())))
    return found.where(BillingEntry.state == status)
