"""Engagements, taken along the real actions to the state that is wanted."""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.catalog.model import Product
from app.engagements import actions, states
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, viewing
from app.parties.model import Organisation
from tests.makers.parties import as_customer, as_partner, make_organisation


def moved_to(at: datetime | None) -> AbstractContextManager[Any]:
    """The portal's clock stands at `at` inside the block; None: it runs as it does."""
    return nullcontext() if at is None else clock.pinned(at)


def make_engagement(
    product: Product,
    customer: Organisation | None = None,
    *,
    state: str = states.ACTIVE,
    name: str = "Rescue of the archive",
    at: datetime | None = None,
    **given: Any,
) -> Engagement:
    """An engagement in `state`, requested and decided by people with every role. `given`: answers to custom parameters.

    `at`: when it was requested and decided; else the first instant of last month, so that two months can be billed.
    """
    customer = customer or make_organisation(f"Customer of {product.name}", customer=True)
    with moved_to(at or BillingMonth.at(clock.now()).previous.starts_at):
        with viewing(as_customer(customer)) as dot:
            engagement = actions.request_engagement(
                product,
                plan_id=product.plans[0].id,
                name=name,
                contact_number="+1 555 010 2030",
                additional_information="",
                given=given,
                by=dot,
            )
        for step in _STEPS[state]:
            _take(engagement, step, customer)
    return engagement


#: what is done, after the request, to come to each state
_STEPS: dict[str, tuple[str, ...]] = {
    states.PENDING: (),
    states.REJECTED: ("reject",),
    states.WITHDRAWN: ("withdraw",),
    states.ACTIVE: ("approve",),
    states.COMPLETION_REQUESTED: ("approve", "request_completion"),
    states.COMPLETE: ("approve", "mark_as_complete"),
    states.DELETED: ("approve", "request_completion", "reject_completion"),
}


def _take(engagement: Engagement, step: str, customer: Organisation) -> None:
    with acting_for_all("a test's partner"):
        partner = db.session.scalars(select(Organisation).where(Organisation.id == engagement.partner_id)).one()
    facts: dict[str, Any] = {
        "reject": {"reason": "We are booked out."},
        "request_completion": {"wish": "The work is done."},
        "reject_completion": {"outcome": "delete", "reason": "It was never started."},
    }.get(step, {})
    viewer = as_customer(customer) if step in ("withdraw", "request_completion") else as_partner(partner)
    with viewing(viewer):
        getattr(actions, step)(engagement, by=viewer, **facts)
