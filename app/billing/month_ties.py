"""What is booked in a month, twice over: as it follows from the rated entries, and as the charge book holds it.

A book's programmes are those under its cut-off policy. Test rows count in no total.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, select

from app.billing import states
from app.billing.model import BillingEntry
from app.billing.rules import Amounts
from app.billing.standing import line_of
from app.catalog.model import Programme
from app.catalog.rules import Remuneration
from app.charges.model import ChargeLine
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, streamed
from app.foundation.money import Money
from app.months.checklist import Total


def totals(book: str, month: BillingMonth) -> Sequence[Total]:
    """What the charge book holds for the month under the book's programmes."""
    rows = db.session.execute(_booked(book, month).group_by(ChargeLine.programme_id, ChargeLine.currency)).all()
    return [
        Total(row.programme_id, row.currency, row.lines, int(row.gross), int(row.due), int(row.tax)) for row in rows
    ]


@dataclass(frozen=True)
class Tie:
    """One currency's figures twice over: as they follow from the rated entries, and as the charge book holds them."""

    currency: str
    entries: int
    lines: int
    from_entries: Amounts
    in_lines: Amounts

    @property
    def holds(self) -> bool:
        """`rated` is the entries' own; the charge book holds the three others."""
        return self.entries == self.lines and all(
            getattr(self.from_entries, name) == getattr(self.in_lines, name) for name in ("gross", "due", "tax")
        )


def ties(book: str, month: BillingMonth) -> list[Tie]:
    """Rated entries and charge lines booked in the month, by currency. Nothing booked: no tie."""
    expected: dict[str, tuple[int, Amounts]] = {}
    for currency, count, one in _from_entries(book, month):
        so_far, sums = expected.get(currency, (0, _NOTHING))
        expected[currency] = (so_far + count, _added(sums, one, count))
    booked = {
        row.currency: row
        for row in db.session.execute(_booked(book, month, by_programme=False).group_by(ChargeLine.currency))
    }
    found = []
    for currency in sorted({*expected, *booked}):
        count, sums = expected.get(currency, (0, _NOTHING))
        row = booked.get(currency)
        held = Amounts(sums.rated, int(row.gross), int(row.due), int(row.tax)) if row else _NOTHING
        found.append(Tie(currency, count, row.lines if row else 0, sums, held))
    return found


_NOTHING = Amounts(0, 0, 0, 0)


def _from_entries(book: str, month: BillingMonth) -> Iterator[tuple[str, int, Amounts]]:
    """(currency, how many, what each puts into the charge book). Entries of one amount are worked out once."""
    what = (BillingEntry.kind, BillingEntry.currency, BillingEntry.amount_minor)
    terms = (Programme.remuneration, Programme.remuneration_percent, Programme.tax_percent)
    rated = and_(BillingEntry.state == states.RATED, BillingEntry.booked_month == month, *of_book(BillingEntry, book))
    joined = select(*what, *terms, func.count().label("alike")).join(
        Programme, Programme.id == BillingEntry.programme_id
    )
    alike = joined.where(rated, BillingEntry.kind != states.REVERSAL).group_by(*what, *terms)
    for row in streamed(alike):
        yield (
            row.currency,
            row.alike,
            line_of(row, Remuneration(row.remuneration, row.remuneration_percent), row.tax_percent),
        )
    group = (
        BillingEntry.corrects_id,
        BillingEntry.engagement_id,
        BillingEntry.metric_id,
        BillingEntry.service_month,
        BillingEntry.rated_sequence,
    )
    reversals = select(*what, *terms, *group).join(Programme, Programme.id == BillingEntry.programme_id)
    for row in db.session.execute(reversals.where(rated, BillingEntry.kind == states.REVERSAL)).all():
        yield row.currency, 1, line_of(row, Remuneration(row.remuneration, row.remuneration_percent), row.tax_percent)


def _added(sums: Amounts, one: Amounts, count: int) -> Amounts:
    return Amounts(
        sums.rated + one.rated * count, sums.gross + one.gross * count, sums.due + one.due * count, sums.tax + one.tax * count
    )  # fmt: skip


def _booked(book: str, month: BillingMonth, *, by_programme: bool = True) -> Select[*tuple[Any, ...]]:
    named = (ChargeLine.programme_id,) if by_programme else ()
    return select(
        *named,
        ChargeLine.currency,
        func.count().label("lines"),
        func.sum(ChargeLine.gross_minor).label("gross"),
        func.sum(ChargeLine.due_minor).label("due"),
        func.sum(ChargeLine.tax_minor).label("tax"),
    ).where(ChargeLine.booked_month == month, *of_book(ChargeLine, book))


def of_book(model: Any, book: str) -> tuple[Any, ...]:
    programmes = select(Programme.id).where(Programme.cut_off == book)
    return model.programme_id.in_(programmes), model.is_test.is_(False)


def booked_sums(months: Sequence[BillingMonth]) -> dict[tuple[str, BillingMonth], list[Money]]:
    """(book, month) -> what is booked, gross, one amount a currency; one statement for a whole list of months."""
    if not months:
        return {}
    rows = db.session.execute(
        select(
            Programme.cut_off,
            ChargeLine.booked_month,
            ChargeLine.currency,
            func.sum(ChargeLine.gross_minor).label("gross"),
        )
        .join(Programme, Programme.id == ChargeLine.programme_id)
        .where(ChargeLine.booked_month.in_(months), ChargeLine.is_test.is_(False))
        .group_by(Programme.cut_off, ChargeLine.booked_month, ChargeLine.currency)
        .order_by(ChargeLine.currency)
    )
    found: dict[tuple[str, BillingMonth], list[Money]] = {}
    for row in rows:
        found.setdefault((row.cut_off, row.booked_month), []).append(Money.of_minor(int(row.gross), row.currency))
    return found
