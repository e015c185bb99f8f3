"""What waits for a partner's member: requests to approve or reject, completion requests to answer. Oldest first."""

import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, select

from app.engagements import actions, events, states
from app.engagements.model import CompletionRequest, Engagement
from app.engagements.queries import Customer
from app.foundation.database import at_most, one_of
from app.foundation.kept_statements import columns_of
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.foundation.unseen import PLANNED_ONCE
from app.foundation.waiting import Kind, Waiting

_COLUMNS = (Engagement.id, Engagement.number, Engagement.name, Customer.name.label("customer_name"))


def requests(viewer: Viewer, limit: int) -> Sequence[Waiting]:
    """Pending engagements, since they were requested."""
    return [_waiting(row) for row in columns_of(_pending(limit))] if viewer.may(events.DECIDE) else []


def completion_requests(viewer: Viewer, limit: int) -> Sequence[Waiting]:
    """Engagements whose client asks for completion, since it asked."""
    return [_waiting(row) for row in columns_of(_asked(limit))] if viewer.may(events.COMPLETE) else []


@lru_cache(maxsize=8)
def _pending(limit: int) -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS, Engagement.requested_at.label("since"))
        .join(Customer, Customer.id == Engagement.customer_id)
        .where(one_of(Engagement.state, (states.PENDING,)))
        .order_by(Engagement.requested_at, Engagement.id)
        .limit(at_most(limit))
        .execution_options(**{PLANNED_ONCE: True})
    )


@lru_cache(maxsize=8)
def _asked(limit: int) -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS, CompletionRequest.asked_at.label("since"))
        .select_from(CompletionRequest)
        # outer, though there always is one: the open requests lead, not the viewer's engagements, however many there are
        .outerjoin(Engagement, Engagement.id == CompletionRequest.engagement_id)
        .join(Customer, Customer.id == CompletionRequest.customer_id)
        .where(one_of(CompletionRequest.state, (states.OPEN,)))
        .order_by(CompletionRequest.asked_at, CompletionRequest.id)
        .limit(at_most(limit))
    )


def approve_request(engagement_id: uuid.UUID, *, by: Viewer) -> Engagement:
    return actions.approve(one(Engagement, engagement_id, lock=True), by=by)


def reject_request(engagement_id: uuid.UUID, *, reason: str, by: Viewer) -> Engagement:
    return actions.reject(one(Engagement, engagement_id, lock=True), reason=reason, by=by)


def complete(engagement_id: uuid.UUID, *, by: Viewer) -> Engagement:
    """The yes to a completion request. Where there is none any more it raises AlreadyDone: nobody completes by accident."""
    engagement = one(Engagement, engagement_id, lock=True)
    if engagement.state != states.COMPLETION_REQUESTED:
        raise AlreadyDone(engagement.state, states.MARK_AS_COMPLETE)
    return actions.mark_as_complete(engagement, by=by)


def keep_active(engagement_id: uuid.UUID, *, reason: str, by: Viewer) -> Engagement:
    """The no that harms nobody, whatever the programme suggests: deleting takes the engagement's own page and its tick."""
    return actions.reject_completion(
        one(Engagement, engagement_id, lock=True), outcome="keep-active", reason=reason, by=by
    )


def _waiting(row: Any) -> Waiting:
    return Waiting(row.id, row.since, row.name, row.customer_name, f"/engagements/{row.id}", number=row.number)


KINDS = (
    Kind(
        "engagement-request",
        N_("Approve engagement"),
        "task",
        requests,
        approve_request,
        reject_request,
        approved=N_("becomes Active, is billable from that instant, and the client is told"),
        rejected=N_("moves to Past engagements, and the client reads your reason"),
    ),
    Kind(
        "completion-request",
        N_("Completion requested"),
        "checkmark",
        completion_requests,
        complete,
        keep_active,
        approved=N_("is marked as complete and takes no more billing entries"),
        rejected=N_("stays active, and the client reads your reason"),
    ),
)
