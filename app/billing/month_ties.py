"""What is booked in a month, twice over: as it follows from the rated entries, and as the charge book holds it.

A book's programmes are those under its cut-off policy. Test rows count in no total.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, starmap
from operator import eq
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, func, literal, select, tuple_

from app.billing import states
from app.billing.model import IS_RATED, BillingEntry
from app.billing.rules import Amounts
from app.billing.standing import line_of
from app.catalog.model import Programme
from app.catalog.queries import remuneration_of
from app.charges.model import ChargeLine, ProgrammeMonth
from app.foundation.billing_month import BillingMonth
from app.foundation.database import Month, db
from app.foundation.money import Money
from app.foundation.raw_rows import fetched
from app.months.checklist import Total


def totals(book: str, month: BillingMonth) -> Sequence[Total]:
    """What the charge book holds for the month under the book's programmes."""
    programmes = db.session.execute(select(Programme.id, Programme.currency).where(Programme.cut_off == book)).all()
    asked = (
        ChargeLine.booked_month == month,
        ChargeLine.programme_id.in_([row.id for row in programmes]),
        ChargeLine.is_test.is_(False),
    )
    if len(programmes) == 1 and (found := _in_one_currency(*programmes[0], asked)) is not None:
        return found
    by = (ChargeLine.programme_id, ChargeLine.currency)
    rows = db.session.execute(select(*by, *_SUMS).where(*asked).group_by(*by)).all()
    return [_total(*row) for row in rows]


#: in the order of Total's fields
_SUMS = (
    func.count(),
    func.sum(ChargeLine.gross_minor),
    func.sum(ChargeLine.due_minor),
    func.sum(ChargeLine.tax_minor),
)


def _in_one_currency(
    programme_id: uuid.UUID, currency: str, asked: Sequence[ColumnElement[bool]]
) -> list[Total] | None:
    """The totals where all lines are one programme's, in its own currency: sorting each by its currency would cost a fifth of the
    time. None where a line is in another."""
    others = func.count().filter(ChargeLine.currency != currency)
    lines, *sums, elsewhere = db.session.execute(select(*_SUMS, others).where(*asked)).one()
    if elsewhere:
        return None
    return [_total(programme_id, currency, lines, *sums)] if lines else []


def _total(programme_id: Any, currency: str, lines: int, *sums: Any) -> Total:
    return Total(programme_id, currency, lines, *map(int, sums))


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


@dataclass
class Rated:
    """What is rated and booked in a month, as one pass over its entries gives it."""

    entries: int = 0
    #: currency -> how many, and what they put into the charge book
    by_currency: dict[str, tuple[int, Amounts]] = field(default_factory=dict)
    #: currency -> the amounts of the month's own work among them
    own_work: dict[str, int] = field(default_factory=dict)

    def add(self, currency: str, count: int, one: Amounts) -> None:
        so_far, sums = self.by_currency.get(currency, (0, _NOTHING))
        self.by_currency[currency] = (so_far + count, _added(sums, one, count))


def ties(rated: Rated, booked: Sequence[Total]) -> list[Tie]:
    """Rated entries and charge lines booked in the month, by currency. Nothing booked: no tie."""
    lines: dict[str, tuple[int, Amounts]] = {}
    for total in booked:
        count, sums = lines.get(total.currency, (0, _NOTHING))
        more = Amounts(0, total.gross_minor, total.due_minor, total.tax_minor)
        lines[total.currency] = (count + total.lines, _added(sums, more, 1))
    found = []
    for currency in sorted({*rated.by_currency, *lines}):
        entries, expected = rated.by_currency.get(currency, (0, _NOTHING))
        count, held = lines.get(currency, (0, _NOTHING))
        found.append(Tie(currency, entries, count, expected, held))
    return found


_NOTHING = Amounts(0, 0, 0, 0)


def rated_in(book: str, month: BillingMonth) -> Rated:
    """The month's rated entries, in one pass. Those of one amount are worked out once; of reversals, each by itself."""
    found, takes_back = Rated(), False
    programmes = {each.id: each for each in db.session.scalars(select(Programme).where(Programme.cut_off == book))}
    for programme in programmes.values():
        parts = (chain.from_iterable(fetched(part, 2000)) for part in alike_in(programme, month))
        for row in starmap(Alike, chain.from_iterable(parts)):
            found.entries += row.alike
            if row.service_month == month.number:
                found.own_work[row.currency] = found.own_work.get(row.currency, 0) + row.amount_minor * row.alike
            if row.kind == states.REVERSAL:
                takes_back = True
            else:
                found.add(row.currency, row.alike, _line_of(row, programme))
    if takes_back:
        group = (BillingEntry.corrects_id, BillingEntry.engagement_id, BillingEntry.metric_id)
        reversals = select(BillingEntry.programme_id, *_WHAT, *group, BillingEntry.rated_sequence).where(*_rated(month))
        reversals = reversals.where(BillingEntry.kind == states.REVERSAL, BillingEntry.programme_id.in_(programmes))
        for one in db.session.execute(reversals).all():
            found.add(one.currency, 1, _line_of(one, programmes[one.programme_id]))
    return found


class Alike(NamedTuple):
    """So many rated entries of a programme that are one amount of one kind and month; as the database keeps it."""

    service_month: int
    currency: str
    kind: str
    amount_minor: int
    alike: int


#: in the order of the index of booked entries, which holds them all: of one programme nothing is sorted, and no row is read
_WHAT = tuple(getattr(BillingEntry, name) for name in Alike._fields[:-1])


def alike_in(programme: Programme, month: BillingMonth) -> Iterator[Select[*tuple[Any, ...]]]:
    """The fields of Alike, a row for each amount, in three stretches of the index.

    The second holds nearly all of a month: entries of its own work, in the programme's own currency. They are told apart by their
    amount alone, which costs a database two thirds of telling all four.
    """
    *same, amount = _WHAT
    usual = (literal(month, Month), literal(programme.currency, String), literal(states.ENTRY, String))
    rated = (*_rated(month), BillingEntry.programme_id == programme.id)
    yield select(*_WHAT, func.count()).where(*rated, tuple_(*same) < tuple_(*usual)).group_by(*_WHAT)
    yield select(*usual, amount, func.count()).where(*rated, *map(eq, same, usual)).group_by(amount)
    yield select(*_WHAT, func.count()).where(*rated, tuple_(*same) > tuple_(*usual)).group_by(*_WHAT)


def _rated(month: BillingMonth) -> tuple[Any, ...]:
    return BillingEntry.booked_month == month, IS_RATED, BillingEntry.is_test.is_(False)


def _line_of(row: Any, programme: Programme) -> Amounts:
    return line_of(row, remuneration_of(programme), programme.tax_percent)


def _added(sums: Amounts, one: Amounts, count: int) -> Amounts:
    return Amounts(
        sums.rated + one.rated * count, sums.gross + one.gross * count, sums.due + one.due * count, sums.tax + one.tax * count
    )  # fmt: skip


def of_book(model: Any, book: str) -> tuple[Any, ...]:
    programmes = select(Programme.id).where(Programme.cut_off == book)
    return model.programme_id.in_(programmes), model.is_test.is_(False)


def booked_sums(months: Sequence[BillingMonth]) -> dict[tuple[str, BillingMonth], list[Money]]:
    """(book, month) -> what is booked, gross, one amount a currency; one statement for a whole list of months.

    From the sums that are kept with the lines. What a close is checked against is counted anew: totals().
    """
    if not months:
        return {}
    rows = db.session.execute(
        select(
            Programme.cut_off,
            ProgrammeMonth.booked_month,
            ProgrammeMonth.currency,
            func.sum(ProgrammeMonth.gross_minor).label("gross"),
        )
        .join(Programme, Programme.id == ProgrammeMonth.programme_id)
        .where(ProgrammeMonth.booked_month.in_(months), ProgrammeMonth.is_test.is_(False))
        .group_by(Programme.cut_off, ProgrammeMonth.booked_month, ProgrammeMonth.currency)
        .order_by(ProgrammeMonth.currency)
    )
    found: dict[tuple[str, BillingMonth], list[Money]] = {}
    for row in rows:
        found.setdefault((row.cut_off, row.booked_month), []).append(Money.of_minor(int(row.gross), row.currency))
    return found
