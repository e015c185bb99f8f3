"""Setting and removing what a customer pays on top of cost: mark-up and tax, each from a day on.

A day that lies in or before something issued is refused by whoever issued it (terms.refuse_when). Setting a day's percentage again
replaces it: the row says what counts, History says what did.
"""

import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.csp.customers import events, terms
from app.csp.customers.model import CspCustomer, CspMarkUp, CspTaxRate
from app.csp.customers.rules import check_day, check_percent
from app.csp.permissions import MANAGE_CUSTOMERS
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_

Rate = CspMarkUp | CspTaxRate
Rates = type[CspMarkUp] | type[CspTaxRate]
#: a customer keeps no more rows of either; a page shows them all
MOST_ROWS = 200


def set_mark_up(customer_id: uuid.UUID, *, percent: Decimal, valid_from: date, by: Viewer) -> CspCustomer:
    """From that day on, until the next row's day. 0 is a choice like any other."""
    return _set(CspMarkUp, events.MARK_UP_SET, customer_id, percent, valid_from, by)


def set_tax_rate(customer_id: uuid.UUID, *, percent: Decimal, valid_from: date, by: Viewer) -> CspCustomer:
    """The same for the tax this customer pays, where it differs from the account's."""
    return _set(CspTaxRate, events.TAX_SET, customer_id, percent, valid_from, by)


def remove_mark_up(customer_id: uuid.UUID, *, valid_from: date, by: Viewer) -> CspCustomer:
    """The row before it counts on, or the account's default. AlreadyDone where no row begins on that day."""
    return _remove(CspMarkUp, events.MARK_UP_REMOVED, customer_id, valid_from, by)


def remove_tax_rate(customer_id: uuid.UUID, *, valid_from: date, by: Viewer) -> CspCustomer:
    return _remove(CspTaxRate, events.TAX_REMOVED, customer_id, valid_from, by)


def rates_of(model: Rates, customer_id: uuid.UUID) -> Sequence[Rate]:
    """The customer's rows, newest day first."""
    found = select(model).where(model.customer_id == customer_id).order_by(model.valid_from.desc())
    return cast(Sequence[Rate], db.session.scalars(found.limit(MOST_ROWS)).all())


def _set(
    model: Rates, event: str, customer_id: uuid.UUID, percent: Decimal, valid_from: date, by: Viewer
) -> CspCustomer:
    by.must(MANAGE_CUSTOMERS)
    check_percent(percent)
    check_day(valid_from)
    with transaction() as session:
        customer = one(CspCustomer, customer_id, lock=True)
        terms.check_change(customer_id, valid_from)
        row = _row(model, customer_id, valid_from)
        if row is not None and row.percent == percent:
            return customer
        if row is None:
            _check_room(model, customer_id)
            row = model(customer_id=customer_id, partner_id=customer.partner_id, valid_from=valid_from)
        row.percent, row.set_at, row.set_by_name = percent, clock.now(), by.label
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError as meanwhile:  # a database that does not lock what is read
            raise AlreadyDone("changed", "set") from meanwhile
        _tell(customer, event, row, by)
    return customer


def _remove(model: Rates, event: str, customer_id: uuid.UUID, valid_from: date, by: Viewer) -> CspCustomer:
    by.must(MANAGE_CUSTOMERS)
    with transaction() as session:
        customer = one(CspCustomer, customer_id, lock=True)
        row = _row(model, customer_id, valid_from)
        if row is None:
            raise AlreadyDone("removed", "remove")
        terms.check_change(customer_id, valid_from)
        session.delete(row)
        _tell(customer, event, row, by)
    return customer


def _row(model: Rates, customer_id: uuid.UUID, valid_from: date) -> Rate | None:
    found = select(model).where(model.customer_id == customer_id, model.valid_from == valid_from)
    return cast(Rate | None, db.session.scalar(found))


def _check_room(model: Rates, customer_id: uuid.UUID) -> None:
    if len(rates_of(model, customer_id)) >= MOST_ROWS:
        raise Refused("valid_from", N_("A customer keeps at most %(most)s rows. Remove some first."), most=MOST_ROWS)


def _tell(customer: CspCustomer, event: str, row: Rate, by: Viewer) -> None:
    customer.version += 1
    facts: dict[str, Any] = {"percent": f"{row.percent:.2f}", "valid_from": row.valid_from.isoformat()}
    history.record(customer, event, by=by, **facts)
    terms.changed(customer.account_id, [customer.id])
