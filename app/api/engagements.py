"""Engagements: lists, details, history, and the verbs of partner and customer."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response

from app.api import schemas
from app.api.engagement_shapes import details, history_of, shape
from app.api.operations import Operations, once
from app.api.shapes import listed
from app.catalog.queries import product_with_plans
from app.engagements import actions, queries, states
from app.engagements.model import Engagement
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone
from app.web.engagement_header import engagement_asked_for

operations = Operations("engagements", __name__, description="A client's requests, from Pending to Complete.")

VIEW = {"partner": "engagement:view", "customer": "engagement:view-own"}
_WANTED = {"current": states.CURRENT, "past": states.PAST}
_IDS = (Engagement.product_id, Engagement.plan_id, Engagement.customer_id, Engagement.partner_id)


@operations.get(
    "/engagements", query=schemas.EngagementFilters, gives=schemas.page_of(schemas.Engagement), needs=VIEW
)  # fmt: skip
def list_engagements(query: dict[str, Any]) -> Any:
    """Engagements, the one requested last first."""
    status = query.get("status")
    found = queries.engagements(
        states_wanted=_WANTED.get(status, (status,)) if status else (),
        product_id=query.get("product"),
        plan_id=query.get("plan"),
        customer_id=query.get("customer"),
        requested_in=query.get("month"),
        search=query.get("search", ""),
    ).add_columns(*_IDS)
    return listed(found, queries.LIST_KEYS, query, lambda rows: [shape(row) for row in rows])


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
    return details(made)


@operations.get("/engagements/<uuid:engagement_id>", gives=schemas.EngagementDetails, needs=VIEW)
def get_engagement(engagement_id: uuid.UUID) -> Any:
    """One engagement, with what this key may do with it."""
    return details(engagement_id)


@operations.get(
    "/engagements/<uuid:engagement_id>/history", query=schemas.Paging, gives=schemas.page_of(schemas.Event), needs=VIEW
)
def list_history(query: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """What happened to the engagement and its billing entries, newest first."""
    return history_of(engagement_asked_for(engagement_id).engagement, query)


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

    return details(once(body, decided))
