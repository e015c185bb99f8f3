"""What the installation's owner watches about rating: (name, help, function giving the figure), for /metrics."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select

from app.billing import states
from app.billing.model import IS_UNDECIDED, BillingEntry
from app.billing.rules import OVERDUE_AFTER_HOURS
from app.foundation import clock
from app.foundation.database import db


def awaiting_rating() -> int:
    """Submitted, and neither rated, rejected nor put before a person yet. Stays near zero while the job runs."""
    return (
        db.session.scalar(
            select(func.count(BillingEntry.id)).where(IS_UNDECIDED, BillingEntry.state == states.SUBMITTED)
        )
        or 0
    )


def overdue() -> int:
    """Undecided for more than a day: people are late, or the machine is. Tests may wait."""
    since = clock.now() - timedelta(hours=OVERDUE_AFTER_HOURS)
    late = select(func.count(BillingEntry.id)).where(
        IS_UNDECIDED, BillingEntry.submitted_at < since, BillingEntry.is_test.is_(False)
    )
    return db.session.scalar(late) or 0


GAUGES: tuple[tuple[str, str, Callable[[], float]], ...] = (
    ("portal_billing_entries_awaiting_rating", "Billing entries submitted and not yet rated", awaiting_rating),
    ("portal_reviews_overdue", "Billing entries undecided for more than 24 hours", overdue),
)
