"""What is charged a month, read without reading lines: some rows a month, kept in the transaction that books a line."""

from collections.abc import Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.charges.model import NO_PROGRAMME, ChargeLine, ChargeMonth, ProgrammeMonth
from app.foundation import bulk
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import current

_KEY = ("seller_id", "booked_month", "partner_id", "customer_id", "currency", "is_test")
_PROGRAMME_KEY = ("booked_month", "programme_id", "partner_id", "seller_id", "currency", "is_test")
#: what says whose sums a line goes into
WHOSE = (*_KEY, "programme_id")
_KEPT: tuple[tuple[Any, tuple[str, ...]], ...] = ((ChargeMonth, _KEY), (ProgrammeMonth, _PROGRAMME_KEY))
_SUMS = ("gross_minor", "due_minor", "tax_minor")


def add_to_month(line: ChargeLine) -> None:
    """Add one line to its month's sums, inside the caller's transaction; a statement each, whoever adds meanwhile."""
    values: dict[str, Any] = {name: getattr(line, name) for name in (*WHOSE, *_SUMS)}
    values |= {"programme_id": line.programme_id or NO_PROGRAMME, "lines": 1}
    for model, key in _KEPT:
        _add_one(model, key, {name: values[name] for name in (*key, *_SUMS, "lines")})


def _add_one(model: Any, key: tuple[str, ...], values: dict[str, Any]) -> None:
    insert: Any = (postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite).insert(model)
    added = insert.values(values)
    sums = {name: getattr(model, name) + added.excluded[name] for name in (*_SUMS, "lines")}
    db.session.execute(added.on_conflict_do_update(index_elements=key, set_=sums))


def add_to_months(sums: Iterable[Sequence[Any]]) -> None:
    """Add what many lines come to, inside the caller's transaction: one row a key and programme, the values of WHOSE and then
    gross, due, tax, lines.

    Always in the order of the keys, so that two batches never wait for each other in a ring.
    """
    rows = [(*row[: len(_KEY)], row[len(_KEY)] or NO_PROGRAMME, *row[len(WHOSE) :]) for row in sums]
    for model, key in _KEPT:
        places = itemgetter(*(WHOSE.index(name) for name in key))
        together: dict[tuple[Any, ...], list[int]] = {}
        for row in rows:
            held = together.setdefault(places(row), [0, 0, 0, 0])
            for nr, more in enumerate(row[len(WHOSE) :]):
                held[nr] += more
        bulk.add(model, key, (*_SUMS, "lines"), [(*one, *together[one]) for one in sorted(together)])


class MonthSums:
    """What very many lines come to, added up first and then written in the order of the months' keys, whoever else adds."""

    def __init__(self) -> None:
        self._key_of, self._sums = itemgetter(*WHOSE), dict[tuple[Any, ...], list[int]]()

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
    return _by_month("gross_minor", first, last)


def due_by_month(first: BillingMonth, last: BillingMonth) -> Sequence[Row[*tuple[Any, ...]]]:
    """(booked_month, currency, minor, tax_minor) of what partners are due. Not for customers: the caller sees to that."""
    return _by_month("due_minor", first, last)


def _by_month(name: str, first: BillingMonth, last: BillingMonth) -> Sequence[Row[*tuple[Any, ...]]]:
    """A customer's are among its own partners; whoever has customers reads the sums over them all."""
    found = _sums_of(ChargeMonth if current().capacity == "customer" else ProgrammeMonth, name)
    return columns_of(found, {"first": first, "last": last})


@cache
def _sums_of(kept: Any, name: str) -> Select[*tuple[Any, ...]]:
    first, last = (bindparam(end, type_=kept.booked_month.type) for end in ("first", "last"))
    return (
        select(
            kept.booked_month,
            kept.currency,
            func.sum(getattr(kept, name)).label("minor"),
            func.sum(kept.tax_minor).label("tax_minor"),
        )
        .where(kept.booked_month >= first, kept.booked_month <= last)
        .group_by(kept.booked_month, kept.currency)
        .order_by(kept.booked_month, kept.currency)
    )
