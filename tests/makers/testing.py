"""Unpublished products, their end-to-end tests and the entries of these, made through the rooms' own actions.

draft = draft_product(northbridge)                 # hours at 150.00, neither metric nor price approved
test = make_test(draft, ada)                       # approved; state=states.PENDING: not yet
entry = make_test_entry(test, "2", ada)            # submitted; tests.makers.rate(entry): rated
"""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import delete, select, update

from app.billing import actions as billing
from app.billing.model import BillingEntry
from app.catalog.model import Metric, MetricPrice, PriceVersion, Product, Programme
from app.engagements import actions, states, testing
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer, acting_for_all, as_tester, viewing
from app.parties.model import Organisation
from tests.makers.catalog import make_product


def draft_product(
    partner: Organisation,
    programme: Programme | None = None,
    *,
    name: str = "Ransomware drill",
    bands: Sequence[tuple[str | None, str]] = ((None, "150.00"),),
    effective_from: BillingMonth | None = None,
) -> Product:
    """A product in draft, its one metric and price waiting for approval. Without `bands` it has no price at all."""
    product = make_product(
        programme,
        partner,
        name=name,
        state="draft",
        bands=bands or ((None, "1.00"),),
        approved=False,
        effective_from=effective_from,
    )
    with acting_for_all("a test's draft price"), transaction() as session:
        for version in session.scalars(select(PriceVersion).where(PriceVersion.plan_id == product.plans[0].id)).all():
            version.approved_at, version.state = None, "draft"
        if not bands:
            session.execute(delete(MetricPrice).where(MetricPrice.metric_id == product.plans[0].metrics[0].id))
            for version in product.plans[0].price_versions:
                session.expire(version, ["prices"])
    return product


def put_in(product: Product, state: str) -> None:
    """The product in `state`, without the way that leads there."""
    with acting_for_all("a test's product state"), transaction() as session:
        session.execute(update(Product).where(Product.id == product.id).values(state=state))
        if product in session:
            session.refresh(product, ["state"])


def make_test(draft: Product, by: Viewer, *, state: str = states.ACTIVE, name: str = "End to end") -> Engagement:
    """A test engagement of the draft's first plan, requested and approved by the same tester."""
    with viewing(by):
        test = testing.start_test(draft, plan_id=draft.plans[0].id, name=name, given={}, by=by)
    if state == states.ACTIVE:
        with viewing(as_tester(by)):
            actions.approve(test, by=by)
    return test


def make_test_entry(
    test: Engagement, quantity: str, by: Viewer, *, month: BillingMonth | None = None, notes: str = ""
) -> BillingEntry:
    """A submitted entry on the plan's first metric, for this month."""
    with acting_for_all("a test's metric"):
        metric = db.session.scalars(
            select(Metric).where(Metric.plan_id == test.plan_id).order_by(Metric.position).limit(1)
        ).one()
    draft = billing.Draft(metric.id, month or BillingMonth.at(clock.now()), Decimal(quantity), notes)
    with viewing(as_tester(by)):
        return billing.submit(test, draft, by=by)
