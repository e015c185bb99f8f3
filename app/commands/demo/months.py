"""The demo's months and corrections: closed but for the one that froze last, one correction booked, one waiting."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from app.billing import corrections, states
from app.billing.corrections import Wish
from app.billing.model import BillingEntry, Correction
from app.catalog.model import Metric
from app.commands.demo.people import Cast
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.database import db
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, one, viewing
from app.months import closing
from app.months.queries import rows_of

#: how long after its cut-off a month is closed by a person
CLOSED_AFTER = timedelta(hours=11, minutes=4)
#: what turned out wrong: engagement, months ago, how much too much, why, and whether it is decided already
WRONG = (
    ("Warehouse systems on call", 3, "2", "Travel time was counted twice; the work log says two hours less.", True),
    ("24x7 incident response", 2, "3", "Incident 5498 was closed by the day shift, three hours earlier.", False),
)


def close_earlier_month(cast: Cast, book: str, month: BillingMonth, now: datetime) -> None:
    """Olga closes it the morning after its cut-off. The month that froze last is left, ready to be closed by the visitor."""
    policy = CUT_OFF_POLICIES[book]
    if policy.closes_at(month.next) > now:
        return
    row, olga = rows_of(book, [month])[month], cast.viewers["olga"]
    with clock.pinned(policy.closes_at(month) + CLOSED_AFTER), viewing(olga):
        closing.close(row, by=olga)


def live_corrections(cast: Cast, this_month: BillingMonth, now: datetime) -> None:
    """Ada asks, Abe approves: yesterday, or within the hour where yesterday's month has just closed."""
    ada, abe = cast.viewers["ada"], cast.viewers["abe"]
    for name, months_ago, too_much, why, decided in WRONG:
        for entry in _entries(ada, name, this_month.shifted(-months_ago), Decimal(too_much))[:1]:
            for ago in (timedelta(hours=26), timedelta(minutes=40)):
                if _asked(entry, entry.quantity - Decimal(too_much), why, now - ago, ada, abe if decided else None):
                    break


def _asked(
    entry: BillingEntry, right: Decimal, why: str, at: datetime, ada: Viewer, abe: Viewer | None
) -> Correction | None:
    try:
        with clock.pinned(at), viewing(ada):
            correction = corrections.ask(entry, Wish(right, why), by=ada)
        if abe is not None:
            with clock.pinned(at + timedelta(minutes=31)), viewing(abe):
                corrections.approve(one(Correction, correction.id), by=abe)
    except Refused:
        return None  # the month of that hour has frozen since
    return correction


def _entries(ada: Viewer, name: str, month: BillingMonth, too_much: Decimal) -> Sequence[BillingEntry]:
    with viewing(ada):
        return db.session.scalars(
            select(BillingEntry)
            .join(Engagement, Engagement.id == BillingEntry.engagement_id)
            .join(Metric, Metric.id == BillingEntry.metric_id)
            .where(
                Engagement.name == name,
                Metric.kind == "Hours",
                BillingEntry.service_month == month,
                BillingEntry.state == states.RATED,
                BillingEntry.quantity > too_much,
            )
            .order_by(BillingEntry.submitted_at)
        ).all()
