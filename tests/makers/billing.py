"""Billing entries, submitted by somebody of the partner with every role, rated by the machine."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from app.billing import actions, rating
from app.billing.model import BillingEntry
from app.catalog.model import Metric
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.parties.model import Organisation
from tests.makers.engagements import moved_to
from tests.makers.parties import as_partner


def make_entry(
    engagement: Engagement,
    quantity: str | Decimal = "1",
    *,
    month: BillingMonth | None = None,
    metric: Metric | None = None,
    notes: str = "",
    by: Viewer | None = None,
    at: datetime | None = None,
    rated: bool = False,
) -> BillingEntry:
    """A submitted entry for this month and the plan's first metric. `rated`: the machine has rated it as well.

    `at`: when it was submitted and rated, for months that have closed since.
    """
    with moved_to(at):
        with acting_for_all("a test's partner and metric"):
            partner = one(Organisation, engagement.partner_id)
            metric = (
                metric
                or db.session.scalars(
                    select(Metric).where(Metric.plan_id == engagement.plan_id).order_by(Metric.position).limit(1)
                ).one()
            )
        draft = actions.Draft(metric.id, month or BillingMonth.at(clock.now()), Decimal(quantity), notes)
        with viewing(by or as_partner(partner)) as ada:
            entry = actions.submit(engagement, draft, by=ada)
        if rated:
            rate(entry)
    return entry


def rate(entry: BillingEntry) -> str:
    """What the job does with one entry; returns its state afterwards, which the row then shows as well."""
    with acting_for_all("a test's rating job") as job:
        state = rating.rate_entry(entry.id, by=job)
        db.session.refresh(entry)
    return state
