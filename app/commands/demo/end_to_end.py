"""The demo's product before publication, and the test engagement its partner runs on it: through the real actions."""

from datetime import datetime, timedelta
from decimal import Decimal

from app.billing import actions as billing
from app.billing import rating
from app.billing.actions import Draft
from app.catalog.listing_events import CREATED
from app.catalog.model import CustomParameter, Metric, MetricPrice, Plan, PriceVersion, Product
from app.commands.demo.catalog import Shelf
from app.commands.demo.people import NORTHBRIDGE, OPERATOR, Cast
from app.engagements import actions as engagements
from app.engagements import testing
from app.engagements.model import Engagement
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, as_tester, current, viewing


def run_a_test(cast: Cast, shelf: Shelf, now: datetime) -> None:
    """Started three days ago, approved, one entry rated and one above the threshold, which waits for the operator."""
    ada = cast.viewers["ada"]
    with clock.pinned(now - timedelta(days=20)):
        product, metric = _draft(cast, shelf, BillingMonth.at(now))
    with clock.pinned(now - timedelta(hours=74)), viewing(ada):
        answers = {"seats": "40 seats", "scope": "Mail and file servers"}
        test = testing.start_test(product, plan_id=metric.plan_id, name="Drill over two tiers", given=answers, by=ada)
    with clock.pinned(now - timedelta(hours=73)), viewing(as_tester(ada)):
        engagements.approve(test, by=ada)
    for hours, quantity in ((50, "24.5"), (26, "110")):
        _bill(test, metric, quantity, now - timedelta(hours=hours), cast)


def _draft(cast: Cast, shelf: Shelf, month: BillingMonth) -> tuple[Product, Metric]:
    """A product whose metric and price still wait for their approval."""
    metric = Metric(
        code="hours", kind="Hours", name="Hours", unit="h", step=Decimal("0.25"), approved=False, position=1
    )
    plan = Plan(name="Drill", code="drill", description="Two days, your team and ours.", position=1, metrics=[metric])
    product = Product(
        programme_id=shelf.programmes["Managed professional services"].id,
        seller_id=cast.organisations[OPERATOR].id,
        partner_id=cast.organisations[NORTHBRIDGE].id,
        name="Ransomware drill",
        slug="ransomware-drill",
        category="Security",
        summary="An attack that is not one: your team practises, ours writes down what it saw.",
        description="Two days on a copy of your systems, with a written report and a list of what to mend first.",
        request_email="requests@northbridge.example",
        state="draft",
        created_at=clock.now(),
        plans=[plan],
        parameters=[
            CustomParameter(
                key="scope",
                label="Systems to practise on",
                kind="selection",
                position=1,
                required=True,
                options=["Mail and file servers", "Everything but production", "One site"],
            ),
            CustomParameter(key="seats", label="Seats that take part", kind="short_text", position=2, options=[]),
            CustomParameter(key="weekend", label="May run at a weekend", kind="checkbox", position=3, options=[]),
        ],
    )
    db.session.add(product)
    db.session.flush()
    programme = shelf.programmes["Managed professional services"].name
    history.record(product, CREATED, by=cast.viewers["ada"], to_state="draft", programme=programme)
    bands = [{"up_to": "40", "price": "190"}, {"up_to": None, "price": "172.50"}]
    version = PriceVersion(plan_id=plan.id, number=1, effective_from=month.previous, currency="USD", approved_at=None)
    version.prices = [MetricPrice(metric_id=metric.id, model="graduated", charge_unit=Decimal(1), bands=bands)]
    db.session.add(version)
    db.session.flush()
    return product, metric


def _bill(test: Engagement, metric: Metric, quantity: str, at: datetime, cast: Cast) -> None:
    ada = cast.viewers["ada"]
    draft = Draft(metric.id, BillingMonth.at(at), Decimal(quantity), "As agreed for the test")
    with clock.pinned(at), viewing(as_tester(ada)):
        entry = billing.submit(test, draft, by=ada)
    with clock.pinned(at + timedelta(seconds=2)), acting_for_all("the demo's ratings"):
        rating.rate_entry(entry.id, by=current())
