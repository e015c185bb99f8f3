"""End-to-end testing of a product before its publication.

"Testers must have all the required access": the three roles that billing takes. A tester starts an engagement on a plan of
an unpublished product, the partner's own organisation standing as its client, and takes it along the same way as a real
one. Its rows are `is_test`: tenancy keeps them out of every list, total, statement and export, for every capacity.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, select

from app.catalog.model import SHOWN, Plan, Product
from app.catalog.queries import is_priced, parameters_of
from app.engagements import actions, rules
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.permissions import declare
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import Viewer, as_tester, viewing
from app.foundation.text import N_

RUN = declare("testing:run", N_("Test own products end to end before publication"))
#: a page shows so many tests of one product; nobody needs more to prove that it works
MOST_SHOWN = 100


def is_open(product_state: str) -> bool:
    """Drafts and everything before publication are tested; what clients can request, or could once, is not."""
    return product_state not in SHOWN


def check_open(product_state: str, field: str = "plan") -> None:
    if not is_open(product_state):
        raise Refused(field, N_("The product is published: end-to-end tests are run before publication."))


def start_test(product: Product, *, plan_id: uuid.UUID, name: str, given: Mapping[str, Any], by: Viewer) -> Engagement:
    """A Pending test engagement on one of the product's plans, at the prices the plan holds so far, approved or not.

    `given`: the answers to the custom parameters, by key; what a client could not send, a test cannot either. NotVisible
    for another partner's product. Refuses a published product, another product's plan, a plan without a price.
    """
    by.must(RUN)
    if by.capacity != "partner" or product.partner_id != by.organisation_id:
        raise NotVisible
    check_open(product.state)
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id, Plan.product_id == product.id))
    if plan is None:
        raise Refused("plan", N_("Choose one of the product's plans."))
    if not is_priced(plan.id, BillingMonth.at(clock.now()), drafts=True):
        raise Refused("plan", N_("This plan has no price yet: give it one, then test it."))
    if not name.strip():
        raise Refused("name", N_("Enter a name for this test."))
    kept = rules.answers(parameters_of(product.id), given)
    with viewing(as_tester(by)):
        return actions.opened(
            product,
            plan,
            is_test=True,
            by=by,
            name=name.strip(),
            contact_number="",
            additional_information="",
            custom_parameters=kept,
        )


def tests_of(product_id: uuid.UUID, *, by: Viewer) -> Sequence[Row[*tuple[Any, ...]]]:
    """Rows of tests_found(), newest first; at most MOST_SHOWN."""
    newest = tests_found(product_id).order_by(Engagement.requested_at.desc(), Engagement.id.desc()).limit(MOST_SHOWN)
    with viewing(as_tester(by)):
        return db.session.execute(newest).all()


def tests_found(product_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """(id, number, name, state, plan_id, plan_name, requested_by_name, requested_at) of the product's tests, for a tester."""
    return (
        select(
            Engagement.id,
            Engagement.number,
            Engagement.name,
            Engagement.state,
            Engagement.requested_by_name,
            Engagement.requested_at,
            Engagement.plan_id,
            Plan.name.label("plan_name"),
        )
        .join(Plan, Plan.id == Engagement.plan_id)
        .where(Engagement.product_id == product_id, Engagement.is_test)
    )
