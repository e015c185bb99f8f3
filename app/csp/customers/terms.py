"""The terms that customers are sold on, read for many at once; and who has to know when they change, or may say no to it.

    terms = terms_of(account.id, {line.customer_id for line in lines})
    terms[customer_id].mark_up_on(date(2026, 10, 1)), terms[customer_id].tax_on(...)

What depends on terms stands on this room, which does not know it: invoices are priced by them (`when_changed`), statements that
were issued forbid a change of what they were made with (`refuse_when`).
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import exists, select

from app.csp.accounts.model import CspAccount
from app.csp.customers.model import CspCustomer, CspMarkUp, CspSubscription, CspTaxRate
from app.csp.customers.rules import FromDay, Terms, is_managed
from app.foundation.database import db
from app.foundation.refusals import Refused
from app.foundation.tenancy import one

__all__ = [
    "Terms",
    "changed",
    "changed_for_account",
    "check_change",
    "refuse_when",
    "terms_of",
    "terms_of_account",
    "when_changed",
]

#: customers asked for in one statement: neither database likes endless lists
_AT_ONCE = 500

#: (account_id, customer_ids): runs inside the transaction that changed the terms
Changed = Callable[[uuid.UUID, Collection[uuid.UUID]], None]
#: (customer_id, valid_from) -> why nothing may change from that day on; None: it may
Refuses = Callable[[uuid.UUID, date], str | None]
_told: list[Changed] = []
_asked: list[Refuses] = []


def terms_of(account_id: uuid.UUID, customer_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Terms]:
    """The terms of these customers of one account; one that is not there, or another account's, is left out."""
    account = one(CspAccount, account_id)
    wanted, found = sorted(set(customer_ids)), dict[uuid.UUID, Terms]()
    for start in range(0, len(wanted), _AT_ONCE):
        found |= _terms(account, wanted[start : start + _AT_ONCE])
    return found


def terms_of_account(account_id: uuid.UUID) -> Callable[[uuid.UUID], Terms]:
    """The same of every customer of the account, for whoever asks for very many: only those that have something of their own are read."""
    account = one(CspAccount, account_id)
    managed = set(
        db.session.scalars(
            select(CspCustomer.id)
            .where(CspCustomer.account_id == account_id, CspCustomer.linked_organisation_id.is_not(None))
            .where(exists().where(CspSubscription.customer_id == CspCustomer.id, CspSubscription.is_monitored))
        )
    )
    mark_ups, taxes = _rows(CspMarkUp, account_id), _rows(CspTaxRate, account_id)
    default, default_managed = (_terms_by(account, is_one, (), ()) for is_one in (False, True))
    own = {
        each: _terms_by(account, each in managed, mark_ups.get(each, ()), taxes.get(each, ()))
        for each in mark_ups.keys() | taxes.keys()
    }
    return lambda customer_id: own.get(customer_id) or (default_managed if customer_id in managed else default)


def _terms_by(account: CspAccount, managed: bool, mark_ups: Sequence[FromDay], taxes: Sequence[FromDay]) -> Terms:
    return Terms(mark_ups, taxes, default_mark_up(account, managed), account.tax_rate, managed)


def _terms(account: CspAccount, some: list[uuid.UUID]) -> dict[uuid.UUID, Terms]:
    customers = db.session.execute(
        select(CspCustomer.id, CspCustomer.linked_organisation_id).where(
            CspCustomer.id.in_(some), CspCustomer.account_id == account.id
        )
    ).all()
    monitored = set(
        db.session.scalars(
            select(CspSubscription.customer_id)
            .where(CspSubscription.customer_id.in_(some), CspSubscription.is_monitored)
            .distinct()
        )
    )
    mark_ups, taxes = _rows(CspMarkUp, some), _rows(CspTaxRate, some)
    terms = {}
    for row in customers:
        managed = is_managed(linked=row.linked_organisation_id is not None, monitored=row.id in monitored)
        terms[row.id] = _terms_by(account, managed, mark_ups.get(row.id, ()), taxes.get(row.id, ()))
    return terms


def default_mark_up(account: CspAccount, managed: bool) -> Decimal | None:
    return account.managed_mark_up if managed else account.not_managed_mark_up


def _rows(
    model: type[CspMarkUp] | type[CspTaxRate], of: Collection[uuid.UUID] | uuid.UUID
) -> dict[uuid.UUID, list[FromDay]]:
    """Newest day first; of these customers, or of an account's."""
    found: dict[uuid.UUID, list[FromDay]] = {}
    rows = select(model.customer_id, model.valid_from, model.percent)
    if isinstance(of, uuid.UUID):
        rows = rows.join(CspCustomer, CspCustomer.id == model.customer_id).where(CspCustomer.account_id == of)
    else:
        rows = rows.where(model.customer_id.in_(of))
    if model is CspMarkUp:
        rows = rows.where(CspMarkUp.product_id.is_(None))
    for row in db.session.execute(rows.order_by(model.customer_id, model.valid_from.desc())):
        found.setdefault(row.customer_id, []).append(FromDay(row.valid_from, row.percent))
    return found


def when_changed(hook: Changed) -> None:
    """Have `hook(account_id, customer_ids)` run inside each transaction that changes terms."""
    if hook not in _told:  # an application that is made again says it again
        _told.append(hook)


def refuse_when(hook: Refuses) -> None:
    """Ask `hook(customer_id, valid_from)` before terms change from that day on; a sentence of it is the refusal."""
    if hook not in _asked:
        _asked.append(hook)


def changed(account_id: uuid.UUID, customer_ids: Collection[uuid.UUID]) -> None:
    """Tell everybody, inside the caller's transaction."""
    db.session.flush()
    for hook in _told:
        hook(account_id, customer_ids)


def changed_for_account(account_id: uuid.UUID) -> None:
    """The account's own percentages have changed: those of all its customers that have none of their own may have."""
    every = db.session.scalars(select(CspCustomer.id).where(CspCustomer.account_id == account_id)).all()
    if every:
        changed(account_id, every)


def check_change(customer_id: uuid.UUID, valid_from: date, *, field: str = "valid_from") -> None:
    """Refused, in the words of whoever says no: what was issued stays as it was issued."""
    for hook in _asked:
        if (sentence := hook(customer_id, valid_from)) is not None:
            raise Refused(field, sentence)
