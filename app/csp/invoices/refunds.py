"""Which charge each refund gives back, found once where lines come in, so that pages and repricing only look it up.

Of the whole account: a credit note's refunds have their charges in the invoice it amends, an annual charge may be months old.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select

from app.csp.invoices import rules
from app.csp.invoices.model import CspDocument, CspLine, CspRefund
from app.csp.invoices.rules import BILLING, Charge
from app.foundation.database import db

#: customers whose earlier documents are looked through by one statement
_TOGETHER = 200
_CHARGE = (CspLine.charge_start, CspLine.charge_end, CspLine.quantity, CspLine.version_id, CspLine.sequence)
Key = tuple[str, str]


class Refund(NamedTuple):
    sequence: int
    tenant: str
    subscription: str
    start: str
    quantity: str


def match(document: Any, version_id: int, tenants: Iterable[str] | None = None) -> dict[str, int]:
    """Write down what the version's refunds give back. Returns how many of each tenant's refunds have no charge to be found.

    `document`: id, account_id, partner_id. Inside the caller's transaction; a repeat comes to the same and writes nothing.
    """
    only = None if tenants is None else sorted(tenants)
    wanted = _refunds_of(version_id, only)
    if not wanted:
        return {}
    own = _charges_of(version_id, {(one.tenant, one.subscription) for one in wanted})
    found: dict[int, Charge] = {}
    open_ones = []
    for refund in wanted:
        fitting = rules.original_of(refund.start, refund.quantity, own.get((refund.tenant, refund.subscription), ()))
        if fitting:
            found[refund.sequence] = fitting[0]
        if not fitting or not fitting[1]:
            open_ones.append(refund)
    elsewhere = _charges_elsewhere(document, {(one.tenant, one.subscription) for one in open_ones})
    for refund in open_ones:
        key = (refund.tenant, refund.subscription)
        fitting = rules.original_of(refund.start, refund.quantity, [*own.get(key, ()), *elsewhere.get(key, ())])
        if fitting:
            found[refund.sequence] = fitting[0]
    _keep(document.partner_id, version_id, wanted, found)
    lost: dict[str, int] = {}
    for refund in wanted:
        if refund.sequence not in found:
            lost[refund.tenant] = lost.get(refund.tenant, 0) + 1
    return lost


def originals_of(version_id: int, sequences: Sequence[int] | None = None, tenant: str | None = None) -> dict[int, str]:
    """sequence of a refund -> when the charge it gives back began; all of the version's, or these lines', or one customer's."""
    found = select(CspRefund.sequence, CspRefund.charge_start).where(CspRefund.version_id == version_id)
    if sequences is not None:
        found = found.where(CspRefund.sequence.in_(sequences))
    if tenant is not None:
        found = found.where(CspRefund.customer_tenant_id == tenant)
    return {row.sequence: row.charge_start for row in db.session.execute(found)}


def served_by(version_id: int, waiting: Mapping[int, Collection[str]]) -> dict[int, set[str]]:
    """Of the customers whose refunds wait, by their versions: those to whom a charge of this version may be what a refund gives back."""
    served: dict[int, set[str]] = {}
    tenants = sorted({tenant for some in waiting.values() for tenant in some})
    for begin in range(0, len(tenants), _TOGETHER):
        some = tenants[begin : begin + _TOGETHER]
        found = select(
            CspLine.version_id, CspLine.customer_tenant_id, CspLine.subscription_id, CspLine.charge_start, CspLine.quantity
        ).where(
            CspLine.version_id.in_(sorted(waiting)),
            CspLine.customer_tenant_id.in_(some),
            CspLine.subscription_id != "",
            CspLine.line_type == BILLING,
            CspLine.cost.startswith("-"),
        )  # fmt: skip
        wanted = [row for row in db.session.execute(found) if row.customer_tenant_id in waiting[row.version_id]]
        keys = {(row.customer_tenant_id, row.subscription_id) for row in wanted}
        charges = _charges_of(version_id, keys)
        for other_id, tenant, subscription, start, quantity in wanted:
            if rules.original_of(start, quantity, charges.get((tenant, subscription), ())):
                served.setdefault(other_id, set()).add(tenant)
    return served


def _charges_of(version_id: int, keys: set[Key]) -> dict[Key, list[Charge]]:
    """Of this one version. By names and not by a select of them: of a table nobody has looked at yet, PostgreSQL thinks it is empty."""
    charges: dict[Key, list[Charge]] = {}
    for tenants, subscriptions in _some_at_a_time(keys):
        found = select(CspLine.customer_tenant_id, CspLine.subscription_id, *_CHARGE).where(
            CspLine.version_id == version_id,
            CspLine.customer_tenant_id.in_(tenants),
            CspLine.line_type == BILLING,
            CspLine.subscription_id.in_(subscriptions),
            CspLine.cost.not_like("-%"),
        )
        charges |= _by_subscription(db.session.execute(found), keys)
    return charges


def _some_at_a_time(keys: set[Key]) -> Iterator[tuple[list[str], list[str]]]:
    """Customers, as many as one statement asks for, and their subscriptions."""
    subscriptions: dict[str, set[str]] = {}
    for tenant, subscription in keys:
        subscriptions.setdefault(tenant, set()).add(subscription)
    tenants = sorted(subscriptions)
    for begin in range(0, len(tenants), _TOGETHER):
        some = tenants[begin : begin + _TOGETHER]
        yield some, sorted(set().union(*(subscriptions[tenant] for tenant in some)))


def _refunds_of(version_id: int, tenants: Sequence[str] | None) -> list[Refund]:
    found = select(
        CspLine.sequence, CspLine.customer_tenant_id, CspLine.subscription_id, CspLine.charge_start, CspLine.quantity,
        CspLine.charge_type,
    ).where(CspLine.version_id == version_id, CspLine.line_type == BILLING, CspLine.cost.startswith("-"))  # fmt: skip
    if tenants is not None:
        found = found.where(CspLine.customer_tenant_id.in_(tenants))
    return [
        Refund(*row[:5])
        for row in db.session.execute(found)
        if row.subscription_id and row.customer_tenant_id and not rules.is_credit(row.charge_type)
    ]


def _charges_elsewhere(document: Any, keys: set[Key]) -> dict[Key, list[Charge]]:
    """Of the account's other documents, as they are in force: each customer's lines along their index."""
    charges: dict[Key, list[Charge]] = {}
    for tenants, subscriptions in _some_at_a_time(keys):
        found = (
            select(CspLine.customer_tenant_id, CspLine.subscription_id, *_CHARGE)
            .join(CspDocument, CspDocument.version_id == CspLine.version_id)
            .where(
                CspDocument.account_id == document.account_id,
                CspDocument.id != document.id,
                CspLine.customer_tenant_id.in_(tenants),
                CspLine.line_type == BILLING,
                CspLine.subscription_id.in_(subscriptions),
                CspLine.cost.not_like("-%"),
            )
        )
        charges |= _by_subscription(db.session.execute(found), keys)
    return charges


def _by_subscription(rows: Iterable[Any], keys: set[Key]) -> dict[Key, list[Charge]]:
    found: dict[Key, list[Charge]] = {}
    for tenant, subscription, start, end, quantity, version_id, sequence in rows:
        if (tenant, subscription) in keys:
            found.setdefault((tenant, subscription), []).append(Charge(start, end, quantity, (version_id, sequence)))
    return found


def _keep(partner_id: uuid.UUID, version_id: int, wanted: Sequence[Refund], found: dict[int, Charge]) -> None:
    kept = originals_of(version_id)
    tenant_of = {refund.sequence: refund.tenant for refund in wanted}
    moved = [sequence for sequence, charge in found.items() if kept.get(sequence, charge.start) != charge.start]
    gone = [sequence for sequence in tenant_of if sequence in kept and sequence not in found]
    for begin in range(0, len(moved + gone), 500):
        db.session.execute(
            delete(CspRefund)
            .where(CspRefund.version_id == version_id, CspRefund.sequence.in_((moved + gone)[begin : begin + 500]))
            .execution_options(synchronize_session=False)
        )
    fresh = [
        {
            "version_id": version_id,
            "sequence": sequence,
            "partner_id": partner_id,
            "customer_tenant_id": tenant_of[sequence],
            "charge_start": charge.start,
        }
        for sequence, charge in found.items()
        if kept.get(sequence) != charge.start
    ]
    if fresh:
        db.session.execute(insert(CspRefund), fresh)
