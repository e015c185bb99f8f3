"""Which months are frozen, and since when."""

from collections.abc import Iterable

from sqlalchemy import select

from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.months.model import Month


def rows_of(book: str, months: Iterable[BillingMonth]) -> dict[BillingMonth, Month]:
    """The months' rows in one book. A month that nothing was sent for yet has none: it is open until its cut-off."""
    wanted = list(months)
    if not wanted:
        return {}
    return {
        row.month: row for row in db.session.scalars(select(Month).where(Month.book == book, Month.month.in_(wanted)))
    }
