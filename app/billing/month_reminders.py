"""Month reminders: on a month's last day and on the first after it, partners hear which engagements have no entry for it.

"You cannot bill for previous months after the second day of the current month ends": what is forgotten then is not billed at
all. Once a partner, book and UTC day, however often the job looks; a partner without such an engagement hears nothing.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, exists, func, select
from sqlalchemy.exc import IntegrityError

from app.billing import states
from app.billing.events import SUBMIT
from app.billing.model import BillingEntry, MonthReminder
from app.catalog.model import Product, Programme
from app.engagements.model import Engagement
from app.engagements.states import BILLABLE
from app.foundation import clock, outbox
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice
from app.foundation.text import spell
from app.months.queries import taking_entries

#: engagements named in one mail; the list in the portal has them all
NAMED = 20


def months_to_remind_of(now: datetime) -> list[tuple[str, BillingMonth, datetime]]:
    """(book, month, when it closes) on the month's last UTC day and on the first after it, while it takes entries."""
    today = now.astimezone(UTC).date()
    here = BillingMonth.at(now)
    is_last = BillingMonth.at(now + timedelta(days=1)) != here
    month = here if is_last else here.previous if today.day == 1 else None
    if month is None:
        return []
    return [
        (book, one.month, one.closes_at)
        for book, months in taking_entries(now).items()
        for one in months
        if one.month == month and one.closes_at is not None
    ]


def partners_to_remind(book: str, month: BillingMonth, now: datetime) -> Sequence[uuid.UUID]:
    """Partners with an engagement that could be billed for the month and is not, whom nobody reminded today."""
    reminded = exists(
        select(MonthReminder.id).where(
            MonthReminder.partner_id == Engagement.partner_id,
            MonthReminder.book == book,
            MonthReminder.month == month,
            MonthReminder.day == now.astimezone(UTC).date(),
        )
    )
    found = select(Engagement.partner_id).where(*_unbilled(book, month), ~reminded).distinct()
    return db.session.scalars(found.order_by(Engagement.partner_id)).all()


def remind(partner_id: uuid.UUID, book: str, month: BillingMonth, closes_at: datetime) -> bool:
    """Tell the partner's submitters; False when somebody else did in the same moment, or all is billed by now."""
    now = clock.now()
    with transaction() as session:
        count, names = _without_entry(partner_id, book, month)
        if not count:
            return False
        try:
            with session.begin_nested():
                session.add(
                    MonthReminder(
                        partner_id=partner_id, book=book, month=month, day=now.astimezone(UTC).date(), sent_at=now
                    )
                )
        except IntegrityError:
            return False
        facts = {
            "month": spell(month),
            "closes_at": closes_at.isoformat(),
            "count": count,
            "engagements": [f"{row.number} {row.name}" for row in names],
        }
        outbox.post(Notice("organisation", str(partner_id), "month_reminder", facts, SUBMIT))
    return True


def _without_entry(
    partner_id: uuid.UUID, book: str, month: BillingMonth
) -> tuple[int, Sequence[Row[*tuple[Any, ...]]]]:
    where = (*_unbilled(book, month), Engagement.partner_id == partner_id)
    count = db.session.scalar(select(func.count(Engagement.id)).where(*where)) or 0
    names = select(Engagement.number, Engagement.name).where(*where).order_by(Engagement.number).limit(NAMED)
    return count, db.session.execute(names).all()


def _unbilled(book: str, month: BillingMonth) -> tuple[Any, ...]:
    entry = exists(
        select(BillingEntry.id).where(
            BillingEntry.engagement_id == Engagement.id,
            BillingEntry.service_month == month,
            BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
        )
    )
    in_book = select(Product.id).join(Programme, and_(Programme.id == Product.programme_id, Programme.cut_off == book))
    return (
        Engagement.state.in_(BILLABLE),
        Engagement.is_test.is_(False),
        Engagement.active_from < month.next.starts_at,
        Engagement.product_id.in_(in_book),
        ~entry,
    )
