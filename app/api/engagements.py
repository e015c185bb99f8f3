"""Engagements: lists, details, history, and the verbs of partner and customer."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from flask import Response

from app.api import schemas
from app.api.operations import Operations, once
from app.api.shapes import listed, named
from app.billing.queries import may_view_billing
from app.catalog.queries import product_with_plans, programme_of
from app.engagements import actions, menu, queries, states
from app.engagements.model import Engagement
from app.engagements.own_history import own_events
from app.engagements.queries import EngagementPage, open_completion_request
from app.foundation import tenancy
from app.foundation.history import History
from app.foundation.refusals import AlreadyDone
from app.web.engagement_header import engagement_asked_for
from app.web.engagement_history import events_found, told, told_to_customer

operations = Operations("engagements", __name__, description="A client's requests, from Pending to Complete.")

VIEW = {"partner": "engagement:view", "customer": "engagement:view-own"}
_WANTED = {"current": states.CURRENT, "past": states.PAST}
_IDS = (Engagement.product_id, Engagement.plan_id, Engagement.customer_id, Engagement.partner_id)
#: as the addresses spell them
_VERBS = {states.MARK_AS_COMPLETE: "mark-complete", states.REJECT_COMPLETION_REQUEST: "reject-completion"}


@operations.get(
    "/engagements", query=schemas.EngagementFilters, gives=schemas.page_of(schemas.Engagement), needs=VIEW
)  # fmt: skip
def list_engagements(query: dict[str, Any]) -> Any:
    """Engagements, the one requested last first."""
    status = query.get("status")
    found = queries.engagements(
        states_wanted=_WANTED.get(status, (status,)) if status else (),
        product_id=query.get("product"),
        customer_id=query.get("customer"),
        requested_in=query.get("month"),
        search=query.get("search", ""),
    ).add_columns(*_IDS)
    return listed(found, queries.LIST_KEYS, query, lambda rows: [_listed(row) for row in rows])


@operations.post(
    "/engagements", takes=schemas.EngagementRequest, gives=schemas.EngagementDetails, status=201, needs={"customer": "engagement:request"}
)  # fmt: skip
def request_engagement(body: dict[str, Any]) -> Any:
    """Request a published service on one of its plans. Its partner is mailed and decides."""
    product = product_with_plans(body["product_id"])
    asked = {name: body[name] for name in ("plan_id", "name", "contact_number", "additional_information")}
    made = once(
        body,
        lambda: actions.request_engagement(product, **asked, given=body["parameters"], by=tenancy.current()),
    )  # fmt: skip
    return details_of(made)


@operations.get("/engagements/<uuid:engagement_id>", gives=schemas.EngagementDetails, needs=VIEW)
def get_engagement(engagement_id: uuid.UUID) -> Any:
    """One engagement, with what this key may do with it."""
    return details_of(engagement_id)


@operations.get(
    "/engagements/<uuid:engagement_id>/history", query=schemas.Paging, gives=schemas.page_of(schemas.Event), needs=VIEW
)
def list_history(query: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """What happened to the engagement and its billing entries, newest first."""
    page = engagement_asked_for(engagement_id)
    viewer = tenancy.current()
    if viewer.capacity == "customer":
        return listed(own_events(engagement_id), (History.sequence,), query, _events_for_customer)
    strict = programme_of(page.engagement.product_id).viewing_takes_all_three
    amounts = may_view_billing(viewer, takes_all_three=strict)
    return listed(events_found(engagement_id), (History.sequence,), query, lambda rows: _events(rows, amounts))


@operations.post(
    "/engagements/<uuid:engagement_id>/approve", takes=schemas.Decision, gives=schemas.EngagementDetails, needs={"partner": "engagement:decide"}
)  # fmt: skip
def approve(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """The engagement becomes Active: work is billable from this instant."""
    return _decide(engagement_id, body, states.APPROVE, lambda e: actions.approve(e, by=tenancy.current()))


@operations.post(
    "/engagements/<uuid:engagement_id>/reject", takes=schemas.Rejection, gives=schemas.EngagementDetails, needs={"partner": "engagement:decide"}
)  # fmt: skip
def reject(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Refuse a request, with a reason."""
    return _decide(
        engagement_id, body, states.REJECT, lambda e: actions.reject(e, reason=body["reason"], by=tenancy.current())
    )


@operations.post(
    "/engagements/<uuid:engagement_id>/mark-complete", takes=schemas.Completion, gives=schemas.EngagementDetails, needs={"partner": "engagement:complete"}
)  # fmt: skip
def mark_complete(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Complete, with or without a request. Nothing can be billed after it; what was submitted is still rated."""
    return _decide(
        engagement_id,
        body,
        states.MARK_AS_COMPLETE,
        lambda e: actions.mark_as_complete(e, note=body["note"], by=tenancy.current()),
    )


@operations.post(
    "/engagements/<uuid:engagement_id>/reject-completion", takes=schemas.CompletionRejection, gives=schemas.EngagementDetails, needs={"partner": "engagement:complete"}
)  # fmt: skip
def reject_completion(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Refuse a completion request. "delete" ends the engagement for good, "keep-active" lets it go on."""
    return _decide(
        engagement_id,
        body,
        states.REJECT_COMPLETION_REQUEST,
        lambda e: actions.reject_completion(e, outcome=body["outcome"], reason=body["reason"], by=tenancy.current()),
    )


@operations.post(
    "/engagements/<uuid:engagement_id>/withdraw", takes=schemas.Decision, gives=schemas.EngagementDetails, needs={"customer": "engagement:steer"}
)  # fmt: skip
def withdraw(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Take a request back while it is Pending."""
    return _decide(engagement_id, body, states.WITHDRAW, lambda e: actions.withdraw(e, by=tenancy.current()))


@operations.post(
    "/engagements/<uuid:engagement_id>/request-completion", takes=schemas.Wish, gives=schemas.EngagementDetails, needs={"customer": "engagement:steer"}
)  # fmt: skip
def request_completion(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Ask the partner to complete an Active engagement."""
    return _decide(
        engagement_id,
        body,
        states.REQUEST_COMPLETION,
        lambda e: actions.request_completion(e, wish=body["wish"], by=tenancy.current()),
    )


@operations.post(
    "/engagements/<uuid:engagement_id>/withdraw-completion-request", takes=schemas.Decision, gives=schemas.EngagementDetails, needs={"customer": "engagement:steer"}
)  # fmt: skip
def withdraw_completion_request(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Take the completion request back: the engagement stays Active."""
    return _decide(
        engagement_id,
        body,
        states.WITHDRAW_COMPLETION_REQUEST,
        lambda e: actions.withdraw_completion_request(e, by=tenancy.current()),
    )


@operations.post(
    "/engagements/<uuid:engagement_id>/delete-instance", takes=schemas.Decision, gives=schemas.EngagementDetails, needs={"customer": "engagement:steer"}
)  # fmt: skip
def delete_instance(body: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """Delete the instance after completion; the engagement, its history and its charges stay readable."""
    return _decide(
        engagement_id, body, states.DELETE_INSTANCE, lambda e: actions.delete_instance(e, by=tenancy.current())
    )


def _decide(
    engagement_id: uuid.UUID, body: dict[str, Any], action: str, do: Callable[[Engagement], Engagement]
) -> dict[str, Any] | Response:
    engagement_asked_for(engagement_id)  # 404 before anything else is said about it

    def decided() -> Engagement:
        engagement = tenancy.one(Engagement, engagement_id, lock=True)
        if body.get("version", engagement.version) != engagement.version:
            raise AlreadyDone(engagement.state, action)
        return do(engagement)

    return details_of(once(body, decided))


def _listed(row: Any) -> dict[str, Any]:
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


def details_of(engagement_id: uuid.UUID) -> dict[str, Any]:
    """EngagementDetails."""
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
        {"sequence": row.sequence, "event": row.event, "sentence": sentence, "at": row.at, "by": row.by_label}
        for row, sentence in zip(rows, told_to_customer(rows), strict=True)
    ]
