"""What billing says on Home: how much of the closing month is billed, and what waits to be rated. Few statements, bounded."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, exists, func, select

from app.billing import states
from app.billing.model import BillingEntry
from app.billing.review import amounts_now
from app.catalog.model import Product, Programme
from app.engagements.model import Engagement
from app.engagements.states import BILLABLE
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money

#: so many waiting entries are priced for the total; more wait only when nothing is rated at all
MOST_PRICED = 100


def billed_in(month: BillingMonth, cut_off: str) -> tuple[int, int]:
    """(engagements that could be billed for the month, those of them with an entry that counts), under one cut-off policy."""
    entry = exists(
        select(BillingEntry.id).where(
            BillingEntry.engagement_id == Engagement.id,
            BillingEntry.service_month == month,
            BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
        )
    )
    row = db.session.execute(
        select(func.count(Engagement.id), func.sum(case((entry, 1), else_=0)))
        .join(Product, Product.id == Engagement.product_id)
        .join(Programme, and_(Programme.id == Product.programme_id, Programme.cut_off == cut_off))
        .where(Engagement.state.in_(BILLABLE), Engagement.active_from < month.next.starts_at)
    ).one()
    return row[0], int(row[1] or 0)


@dataclass(frozen=True)
class WaitingToBeRated:
    """`amounts`: what it comes to as things stand, one amount a currency."""

    entries: int
    oldest: datetime | None
    amounts: list[Money]


def waiting_to_be_rated() -> WaitingToBeRated:
    """Everything undecided that this viewer may see."""
    rows = db.session.execute(
        select(BillingEntry.id, BillingEntry.submitted_at)
        .where(BillingEntry.state.in_(states.UNDECIDED))
        .order_by(BillingEntry.submitted_at)
        .limit(MOST_PRICED)
    ).all()
    sums: dict[str, Money] = {}
    for amount in amounts_now(row.id for row in rows).values():
        if amount is not None:
            sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
    return WaitingToBeRated(len(rows), rows[0].submitted_at if rows else None, [sums[key] for key in sorted(sums)])
