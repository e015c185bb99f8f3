"""Entries that look like those of a batch, and earlier set-ups: asked about, never refused. Two statements for any batch."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from app.billing import actions, states
from app.billing.actions import Draft
from app.billing.batch import Judged
from app.billing.model import BillingEntry
from app.billing.queries import taken_back
from app.catalog.model import Metric
from app.foundation.database import db, streamed

_COLUMNS = (
    BillingEntry.id,
    BillingEntry.number,
    BillingEntry.engagement_id,
    BillingEntry.metric_id,
    BillingEntry.service_month,
    BillingEntry.quantity,
    BillingEntry.notes,
    BillingEntry.submitted_by_id,
    BillingEntry.submitted_by_name,
    BillingEntry.submitted_at,
)


@dataclass(frozen=True)
class Lookalike:
    """The newest earlier entry that says the same, or an earlier set-up; `row` has its columns."""

    row: Any
    is_set_up: bool


def lookalike_of(engagement_id: uuid.UUID, draft: Draft) -> Lookalike | None:
    """The same about one draft, whose `row` is the whole entry."""
    twin = actions.twin_of(engagement_id, draft)
    if twin:
        return Lookalike(twin, is_set_up=False)
    set_up = actions.set_up_before(engagement_id, draft.metric_id)
    return Lookalike(set_up, is_set_up=True) if set_up else None


def lookalikes(judged: Sequence[Judged]) -> list[Lookalike | None]:
    """One answer a line, for those that would be created; what actions.twin_of and set_up_before say one by one."""
    drafts = [(one.line.engagement_id, one.line.draft) for one in judged if one.priced]
    if not drafts:
        return [None] * len(judged)
    counting = _counting({engagement_id for engagement_id, _ in drafts}).where(
        # a double click: what the first one made since this one looked is no other work, submit_batch finds its key
        or_(
            BillingEntry.record_key.is_(None),
            BillingEntry.record_key.not_in({one.line.key for one in judged if one.priced}),
        )
    )
    same = counting.where(
        BillingEntry.service_month.in_({draft.month for _, draft in drafts}),
        BillingEntry.quantity.in_({draft.quantity for _, draft in drafts}),
    )
    twins = {_said(row.engagement_id, row): row for row in streamed(same)}
    set_ups = {
        (row.engagement_id, row.metric_id): row
        for row in _rows(
            counting.join(Metric, Metric.id == BillingEntry.metric_id).where(Metric.kind == "Implementation"),
            any(one.priced.metric.kind == "Implementation" for one in judged if one.priced),
        )
    }
    return [_found(one, twins, set_ups) for one in judged]


def _found(one: Judged, twins: dict[Any, Any], set_ups: dict[Any, Any]) -> Lookalike | None:
    if one.priced is None:
        return None
    draft, engagement_id = one.line.draft, one.line.engagement_id
    twin = twins.get((engagement_id, draft.metric_id, draft.month, draft.quantity, draft.notes.strip()))
    if twin:
        return Lookalike(twin, is_set_up=False)
    set_up = set_ups.get((engagement_id, draft.metric_id)) if one.priced.metric.kind == "Implementation" else None
    return Lookalike(set_up, is_set_up=True) if set_up else None


def _counting(engagement_ids: set[uuid.UUID]) -> Any:
    """Entries of these engagements that count or may still, oldest first: a later one takes an earlier one's place.

    What was taken back counts no more, nor does what took it back.
    """
    return (
        select(*_COLUMNS)
        .where(
            BillingEntry.engagement_id.in_(engagement_ids),
            BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
            BillingEntry.kind != states.REVERSAL,
            ~taken_back(),
        )
        .order_by(BillingEntry.submitted_at, BillingEntry.id)
    )


def _said(engagement_id: uuid.UUID, row: Any) -> tuple[Any, ...]:
    return engagement_id, row.metric_id, row.service_month, row.quantity, row.notes


def _rows(found: Any, wanted: bool) -> Iterable[Any]:
    return db.session.execute(found) if wanted else ()


def states_of(entry_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """How the entries stand that a batch was a repeat of."""
    wanted = set(entry_ids)
    found = select(BillingEntry.id, BillingEntry.state).where(BillingEntry.id.in_(wanted))
    return {row.id: row.state for row in _rows(found, bool(wanted))}
