"""On which terms a customer is sold to: the mark-up and the tax in force on a day, and who must know when they change."""

import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, select

from app.csp.accounts.model import CspAccount
from app.csp.customers.model import CspCustomer, CspMarkUp, CspSubscription, CspTaxRate
from app.foundation.database import db

Rows = Sequence[tuple[date, Decimal]]
#: called inside the transaction that changed terms
Changed = Callable[[uuid.UUID, Sequence[uuid.UUID]], None]
#: why terms may not begin on this day, in words; None: they may
Refuses = Callable[[uuid.UUID, date], str | None]

_changed: list[Changed] = []
_refuse: list[Refuses] = []


@dataclass(frozen=True)
class Terms:
    """A customer's rows by the day they begin on, and what its account says where none is in force."""

    mark_ups: Rows
    taxes: Rows
    default_mark_up: Decimal | None
    default_tax: Decimal | None

    def mark_up_on(self, day: date) -> Decimal | None:
        """Percent; None: nobody has set one, which is not 0."""
        return _in_force(self.mark_ups, day, self.default_mark_up)

    def tax_on(self, day: date) -> Decimal | None:
        return _in_force(self.taxes, day, self.default_tax)


def _in_force(rows: Rows, day: date, default: Decimal | None) -> Decimal | None:
    place = bisect_right([begins for begins, _ in rows], day)
    return rows[place - 1][1] if place else default


def terms_of(account_id: uuid.UUID, customer_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Terms]:
    wanted = list(customer_ids)
    account = db.session.execute(
        select(CspAccount.managed_mark_up, CspAccount.not_managed_mark_up, CspAccount.tax_rate).where(
            CspAccount.id == account_id
        )
    ).one()
    managed = set(
        db.session.scalars(
            select(CspCustomer.id).where(
                CspCustomer.id.in_(wanted),
                CspCustomer.linked_organisation_id.is_not(None),
                exists(
                    select(CspSubscription.id).where(
                        CspSubscription.customer_id == CspCustomer.id, CspSubscription.is_monitored
                    )
                ),
            )
        )
    )
    mark_ups, taxes = _rows(CspMarkUp, wanted), _rows(CspTaxRate, wanted)
    return {
        one: Terms(
            mark_ups.get(one, ()),
            taxes.get(one, ()),
            account.managed_mark_up if one in managed else account.not_managed_mark_up,
            account.tax_rate,
        )
        for one in wanted
    }


def _rows(model: Any, customer_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[date, Decimal]]]:
    found: dict[uuid.UUID, list[tuple[date, Decimal]]] = {}
    rows = select(model.customer_id, model.valid_from, model.percent).where(model.customer_id.in_(customer_ids))
    for row in db.session.execute(rows.order_by(model.valid_from)):
        found.setdefault(row.customer_id, []).append((row.valid_from, row.percent))
    return found


def when_changed(hook: Changed) -> None:
    if hook not in _changed:
        _changed.append(hook)


def refuse_when(hook: Refuses) -> None:
    if hook not in _refuse:
        _refuse.append(hook)
