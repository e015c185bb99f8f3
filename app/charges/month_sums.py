"""What is charged a month, read without reading lines: some rows a month, kept in the transaction that books a line."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.charges.model import ChargeLine, ChargeMonth
from app.foundation import bulk
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db

_KEY = ("seller_id", "booked_month", "partner_id", "customer_id", "currency", "is_test")
_SUMS = ("gross_minor", "due_minor", "tax_minor")


def add_to_month(line: ChargeLine) -> None:
    """Add one line to its month's sums, inside the caller's transaction; one statement, whoever adds meanwhile."""
    values = {name: getattr(line, name) for name in (*_KEY, *_SUMS)} | {"lines": 1}
    insert: Any = (postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite).insert(ChargeMonth)
    added = insert.values(values)
    sums = {name: getattr(ChargeMonth, name) + added.excluded[name] for name in (*_SUMS, "lines")}
    db.session.execute(added.on_conflict_do_update(index_elements=_KEY, set_=sums))


def add_to_months(sums: Iterable[Sequence[Any]]) -> None:
    """Add what many lines come to, inside the caller's transaction: one row a key, its values and then gross, due, tax, lines.

    Always in the order of the keys, so that two batches never wait for each other in a ring.
    """
    bulk.add(ChargeMonth, _KEY, (*_SUMS, "lines"), sorted(sums, key=lambda row: tuple(row[: len(_KEY)])))


class MonthSums:
    """What very many lines come to, added up first and then written in the order of the months' keys, whoever else adds."""

    def __init__(self) -> None:
        self._key_of, self._sums = itemgetter(*_KEY), dict[tuple[Any, ...], list[int]]()

    def counted(self, line: dict[str, Any]) -> dict[str, Any]:
        """The same line, now among them."""
        of_month = self._sums.setdefault(self._key_of(line), [0, 0, 0, 0])
        of_month[0] += line["gross_minor"]
        of_month[1] += line["due_minor"]
        of_month[2] += line["tax_minor"]
        of_month[3] += 1
        return line

    def write(self) -> None:
        add_to_months((*key, *sums) for key, sums in self._sums.items())


def gross_by_month(first: BillingMonth, last: BillingMonth) -> Sequence[Row[*tuple[Any, ...]]]:
    """(booked_month, currency, minor, tax_minor) of what customers are charged, as far as the viewer may see; by month."""
    return _by_month(ChargeMonth.gross_minor, first, last)


def due_by_month(first: BillingMonth, last: BillingMonth) -> Sequence[Row[*tuple[Any, ...]]]:
    """(booked_month, currency, minor, tax_minor) of what partners are due. Not for customers: the caller sees to that."""
    return _by_month(ChargeMonth.due_minor, first, last)


def _by_month(column: Any, first: BillingMonth, last: BillingMonth) -> Sequence[Row[*tuple[Any, ...]]]:
    return db.session.execute(
        select(
            ChargeMonth.booked_month,
            ChargeMonth.currency,
            func.sum(column).label("minor"),
            func.sum(ChargeMonth.tax_minor).label("tax_minor"),
        )
        .where(ChargeMonth.booked_month >= first, ChargeMonth.booked_month <= last)
        .group_by(ChargeMonth.booked_month, ChargeMonth.currency)
        .order_by(ChargeMonth.booked_month, ChargeMonth.currency)
    ).all()
