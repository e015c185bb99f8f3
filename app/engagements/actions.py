"""What people do with engagements: the menu's verbs, in full."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.catalog.model import Plan, Product
from app.catalog.queries import is_priced, parameters_of, programme_of
from app.engagements import events, rules, states
from app.engagements.model import CompletionRequest, Engagement
from app.engagements.price_notices import tell_newcomer
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.numbers import next_number
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.parties.relations import relate


def request_engagement(
    product: Product,
    *,
    plan_id: uuid.UUID,
    name: str,
    contact_number: str,
    additional_information: str,
    given: Mapping[str, Any],
    by: Viewer,
) -> Engagement:
    """The client's Create: a Pending engagement, an instance, and a mail to the product's request address."""
    by.must(events.REQUEST)
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id, Plan.product_id == product.id))
    if plan is None or product.state != "published":
        raise Refused("plan", N_("Choose one of the service's plans."))
    if not is_priced(plan.id, BillingMonth.at(clock.now())):
        raise Refused("plan", N_("This plan has no price in force."))
    if not name.strip():
        raise Refused("name", N_("Enter a name for this instance."))
    kept = rules.answers(parameters_of(product.id), given)
    with transaction():
        assert by.organisation_id is not None
        relate(product.partner_id, by.organisation_id)
        tell_newcomer(product, plan, by.organisation_id)
        return opened(
            product,
            plan,
            by=by,
            name=name.strip(),
            contact_number=contact_number.strip(),
            additional_information=additional_information.strip(),
            custom_parameters=kept,
        )


def opened(product: Product, plan: Plan, *, is_test: bool = False, by: Viewer, **entered: Any) -> Engagement:
    """The Pending engagement of a request that was checked, with `by`'s organisation as the client, and its first event."""
    with transaction() as session:
        engagement = Engagement(
            # tests are numbered apart: whatever names one says that it is one, and real numbers keep following each other
            number=next_number("TEST-ENG" if is_test else "ENG"),
            seller_id=product.seller_id,
            partner_id=product.partner_id,
            customer_id=by.organisation_id,
            is_test=is_test,
            product_id=product.id,
            plan_id=plan.id,
            catalog_edition=product.edition,
            requested_by_id=by.member_id,
            requested_by_name=by.member_name,
            requested_at=clock.now(),
            state=states.PENDING,
            version=1,
            **entered,
        )
        session.add(engagement)
        session.flush()
        history.record(
            engagement,
            events.CREATED,
            by=by,
            to_state=states.PENDING,
            plan=plan.name,
            product=product.name,
            client=by.organisation_name,
            mailed_to=product.request_email,
        )
    return engagement


def approve(engagement: Engagement, *, by: Viewer) -> Engagement:
    """Active from this instant; work is billable from here on, never before."""
    by.must(events.DECIDE)
    with transaction():
        now = clock.now()
        change_state(engagement, states.APPROVE, by=by, columns={"active_from": now}, product=_product_name(engagement))
    return engagement


def reject(engagement: Engagement, *, reason: str, by: Viewer) -> Engagement:
    by.must(events.DECIDE)
    reason = rules.required_reason(reason)
    with transaction():
        change_state(
            engagement,
            states.REJECT,
            by=by,
            columns={"reason": reason},
            product=_product_name(engagement),
            reason=reason,
        )
    return engagement


def withdraw(engagement: Engagement, *, by: Viewer) -> Engagement:
    """The client takes the request back while it is Pending."""
    by.must(events.STEER)
    change_state(engagement, states.WITHDRAW, by=by, client=by.organisation_name)
    return engagement


def request_completion(engagement: Engagement, *, wish: str, by: Viewer) -> Engagement:
    """The client asks for completion while Active. One request is open at a time: the database refuses a second."""
    by.must(events.STEER)
    wish = wish.strip()
    if len(wish) > 1000:
        raise Refused("wish", N_("Keep it below 1,000 characters."))
    with transaction() as session:
        change_state(engagement, states.REQUEST_COMPLETION, by=by, client=by.organisation_name, wish=wish or "—")
        session.add(
            CompletionRequest(
                seller_id=engagement.seller_id,
                partner_id=engagement.partner_id,
                customer_id=engagement.customer_id,
                is_test=engagement.is_test,
                engagement_id=engagement.id,
                wish=wish,
                asked_by_id=by.member_id,
                asked_by_name=by.member_name,
                asked_at=clock.now(),
            )
        )
    return engagement


def withdraw_completion_request(engagement: Engagement, *, by: Viewer) -> Engagement:
    by.must(events.STEER)
    with transaction():
        change_state(engagement, states.WITHDRAW_COMPLETION_REQUEST, by=by, client=by.organisation_name)
        _decide_request(engagement, states.REQUEST_WITHDRAWN, outcome=None, reason=None, by=by)
    return engagement


def mark_as_complete(engagement: Engagement, *, note: str = "", by: Viewer) -> Engagement:
    """Complete, with or without a request. Nothing can be billed after it; what was submitted is still rated."""
    by.must(events.COMPLETE)
    asked = engagement.state == states.COMPLETION_REQUESTED
    with transaction():
        change_state(
            engagement,
            states.MARK_AS_COMPLETE,
            by=by,
            columns={"ended_at": clock.now()},
            product=_product_name(engagement),
            how="as requested" if asked else "without a request",
            note=note.strip()[:1000],
        )
        if asked:
            _decide_request(engagement, states.ACCEPTED, outcome="complete", reason=note.strip() or None, by=by)
    return engagement


def reject_completion(engagement: Engagement, *, outcome: str, reason: str, by: Viewer) -> Engagement:
    """Reject completion request: 'delete' (the guide's word) ends the engagement, 'keep-active' lets it go on."""
    by.must(events.COMPLETE)
    action = rules.action_for_outcome(outcome)
    reason = rules.required_reason(reason)
    columns = {"ended_at": clock.now(), "reason": reason} if action == states.REJECT_COMPLETION_REQUEST else {}
    with transaction():
        change_state(engagement, action, by=by, columns=columns, product=_product_name(engagement), reason=reason)
        _decide_request(engagement, states.REQUEST_REJECTED, outcome=outcome, reason=reason, by=by)
    return engagement


def delete_instance(engagement: Engagement, *, by: Viewer) -> Engagement:
    """The client deletes the instance after completion; the engagement stays Complete and keeps everything."""
    by.must(events.STEER)
    if engagement.instance_state == states.INSTANCE_REMOVED:
        raise AlreadyDone(engagement.state, states.DELETE_INSTANCE)
    change_state(engagement, states.DELETE_INSTANCE, by=by, columns={"instance_state": states.INSTANCE_REMOVED})
    return engagement


def default_outcome(engagement: Engagement) -> str:
    """What the programme suggests when a completion request is rejected."""
    return programme_of(engagement.product_id).completion_outcome


def _decide_request(engagement: Engagement, state: str, *, outcome: str | None, reason: str | None, by: Viewer) -> None:
    open_one = db.session.scalars(
        select(CompletionRequest).where(
            CompletionRequest.engagement_id == engagement.id, CompletionRequest.state == states.OPEN
        )
    ).one()
    open_one.state, open_one.outcome, open_one.reason = state, outcome, reason
    open_one.decided_by_name, open_one.decided_at = by.member_name, clock.now()
    db.session.flush()


def _product_name(engagement: Engagement) -> str:
    return one(Product, engagement.product_id).name
