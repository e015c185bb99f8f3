"""What must hold of closed months: the charge book still comes to what their close stored."""

import uuid
from collections.abc import Iterable

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from app.catalog.model import Programme
from app.charges.model import ChargeLine
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.self_check import Check, Verdicts
from app.months import states
from app.months.model import Month, MonthClose, MonthCloseTotal


def checks() -> list[Check]:
    return [Check("a closed month's charge lines come to what its close stored", _closed)]


def _closed() -> Verdicts:
    """One verdict a closed month: its last close, and the charge book under the programmes it named and all others of its book."""
    later = aliased(MonthClose)
    last = select(func.max(later.sequence)).where(later.month_id == Month.id).correlate(Month).scalar_subquery()
    closed = db.session.execute(
        select(Month.book, Month.month, MonthClose.id)
        .join(MonthClose, and_(MonthClose.month_id == Month.id, MonthClose.sequence == last))
        .where(Month.state == states.CLOSED)
        .order_by(Month.month)
    ).all()
    for row in closed:
        stored = {
            (one.programme_id, one.currency): (one.lines, one.gross_minor, one.due_minor, one.tax_minor)
            for one in db.session.scalars(select(MonthCloseTotal).where(MonthCloseTotal.close_id == row.id))
        }
        found = _now_in(row.month, {programme for programme, _ in stored}, row.book)
        off = {key for key in {*stored, *found} if stored.get(key) != found.get(key)}
        yield "; ".join(
            f"{row.month} of {row.book}, programme {key[0]}: stored lines, gross, due, tax {stored.get(key)}, the charge book has {found.get(key)}"
            for key in sorted(off, key=str)
        )


def _now_in(month: BillingMonth, named: Iterable[uuid.UUID], book: str) -> dict[tuple[uuid.UUID, str], tuple[int, ...]]:
    """By programmes that were in the book when it closed, or have never been in another close of the month."""
    elsewhere = (
        select(MonthCloseTotal.programme_id)
        .join(MonthClose, MonthClose.id == MonthCloseTotal.close_id)
        .join(Month, Month.id == MonthClose.month_id)
        .where(Month.month == month, Month.book != book)
    )
    here = ChargeLine.programme_id.in_(list(named)) | (
        ChargeLine.programme_id.in_(select(Programme.id).where(Programme.cut_off == book))
        & ChargeLine.programme_id.not_in(elsewhere)
    )
    rows = db.session.execute(
        select(
            ChargeLine.programme_id, ChargeLine.currency, func.count(), func.sum(ChargeLine.gross_minor),
            func.sum(ChargeLine.due_minor), func.sum(ChargeLine.tax_minor),
        )
        .where(ChargeLine.booked_month == month, ChargeLine.is_test.is_(False), here)
        .group_by(ChargeLine.programme_id, ChargeLine.currency)
    )  # fmt: skip
    return {(row[0], row[1]): tuple(int(part) for part in row[2:]) for row in rows if row[0]}
