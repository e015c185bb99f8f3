"""Engagements as the API writes them: a list's row, the details, and their history in the words of whoever asks."""

import uuid
from collections.abc import Sequence
from typing import Any

from app.api.shapes import listed, named
from app.billing.queries import may_view_billing
from app.catalog.queries import programme_of
from app.engagements import menu, states
from app.engagements.model import Engagement
from app.engagements.own_history import own_events
from app.engagements.queries import EngagementPage, open_completion_request
from app.foundation import tenancy
from app.foundation.history import History
from app.web.engagement_header import engagement_asked_for
from app.web.engagement_history import events_found, told, told_to_customer

#: as the addresses spell them
_VERBS = {states.MARK_AS_COMPLETE: "mark-complete", states.REJECT_COMPLETION_REQUEST: "reject-completion"}


def shape(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "name": row.name,
        "status": row.state,
        "instance_status": row.instance_state,
        "product": named(row.product_id, row.product_name),
        "plan": named(row.plan_id, row.plan_name),
        "customer": named(row.customer_id, row.customer_name),
        "partner": named(row.partner_id, row.partner_name),
        "requested_at": row.requested_at,
        "active_from": row.active_from,
        "ended_at": row.ended_at,
    }


def details(engagement_id: uuid.UUID) -> dict[str, Any]:
    page: EngagementPage = engagement_asked_for(engagement_id)
    e, viewer = page.engagement, tenancy.current()
    asked = open_completion_request(e.id) if e.state == states.COMPLETION_REQUESTED else None
    lines = menu.lines_for(e.state, viewer, instance_state=e.instance_state)
    return {
        "id": e.id,
        "number": e.number,
        "name": e.name,
        "status": e.state,
        "instance_status": e.instance_state,
        "product": named(e.product_id, page.product_name),
        "plan": named(e.plan_id, page.plan_name),
        "customer": named(e.customer_id, page.customer_name),
        "partner": named(e.partner_id, page.partner_name),
        "requested_at": e.requested_at,
        "active_from": e.active_from,
        "ended_at": e.ended_at,
        "version": e.version,
        "is_test": e.is_test,
        "contact_number": e.contact_number,
        "additional_information": e.additional_information,
        "custom_parameters": e.custom_parameters,
        "requested_by": e.requested_by_name,
        "reason": e.reason,
        "completion_request": None
        if asked is None
        else {"asked_at": asked.asked_at, "asked_by": asked.asked_by_name, "wish": asked.wish},
        "actions": [
            _VERBS.get(line.action, line.action.replace("_", "-"))
            for line in lines
            if line.action != states.DECLINE_KEEP_ACTIVE  # an outcome of reject-completion
        ],
    }


def history_of(engagement: Engagement, query: dict[str, Any], *, about_id: uuid.UUID | None = None) -> dict[str, Any]:
    """A page of the engagement's events, `about_id`: of those about that row, in the words of whoever asks."""
    viewer = tenancy.current()
    own = viewer.capacity == "customer"
    found = own_events(engagement.id) if own else events_found(engagement.id)
    if about_id is not None:
        found = found.where(History.about_id == about_id)
    if own:
        return listed(found, (History.sequence,), query, _events_for_customer)
    strict = programme_of(engagement.product_id).viewing_takes_all_three
    amounts = may_view_billing(viewer, takes_all_three=strict)
    return listed(found, (History.sequence,), query, lambda rows: _events(rows, amounts))


def _events(rows: Sequence[Any], amounts: bool) -> list[dict[str, Any]]:
    return [
        {
            "sequence": event.sequence,
            "event": row.event,
            "sentence": event.sentence,
            "at": event.at,
            "by": event.by,
            "from_status": event.from_state,
            "to_status": event.to_state,
            "billing_entry_id": row.about_id,
        }
        for row, event in zip(rows, told(rows, amounts=amounts), strict=True)
    ]


def _events_for_customer(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"sequence": row.sequence, "event": row.event, "sentence": event.text, "at": event.at, "by": event.by}
        for row, event in zip(rows, told_to_customer(rows), strict=True)
    ]
