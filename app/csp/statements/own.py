"""A customer's own view of its cloud: whether it is open, its statements, and what it spent by month and by subscription.

It opens once (1) the customer is linked, (2) its mark-up is set and (3) at least one subscription is monitored; until then it says
what is missing. Nothing here knows cost, mark-up or margin: it reads what was issued.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import aliased

from app.csp.customers.model import CspCustomer, CspSubscription
from app.csp.customers.terms import terms_of
from app.csp.statements.model import CspStatement, CspStatementShare
from app.csp.statements.queries import statements
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import Viewer, acting_for_all
from app.parties.model import Organisation

NOT_LINKED, NO_PRICE, NOT_MONITORED = "not-linked", "no-price", "not-monitored"


@dataclass(frozen=True)
class Missing:
    """What keeps one supplier's view closed."""

    partner: str
    why: str


@dataclass(frozen=True)
class Opening:
    """Whose statements may be shown; `missing`: what keeps others closed, or all."""

    customer_ids: tuple[uuid.UUID, ...]
    missing: tuple[Missing, ...]


def opening(viewer: Viewer) -> Opening:
    """Asked beside the customer's own rights: it reads no row of its supplier's, only whether three things are so."""
    with acting_for_all("whether a customer's own cloud view is open"):
        linked = db.session.execute(
            select(
                CspCustomer.id,
                CspCustomer.account_id,
                Organisation.name.label("partner"),
                exists(
                    select(CspSubscription.id)
                    .where(CspSubscription.customer_id == CspCustomer.id, CspSubscription.is_monitored)
                    .correlate(CspCustomer)
                ).label("is_monitored"),
            )
            .join(Organisation, Organisation.id == CspCustomer.partner_id)
            .where(CspCustomer.linked_organisation_id == viewer.organisation_id)
            .order_by(Organisation.name, CspCustomer.id)
            .limit(100)
        ).all()
        priced = _with_a_price(linked)
    if not linked:
        return Opening((), (Missing("", NOT_LINKED),))
    missing = [
        Missing(one.partner, NO_PRICE if one.id not in priced else NOT_MONITORED)
        for one in linked
        if one.id not in priced or not one.is_monitored
    ]
    return Opening(tuple(one.id for one in linked if one.id in priced and one.is_monitored), tuple(missing))


def _with_a_price(linked: Sequence[Any]) -> set[uuid.UUID]:
    today = clock.now().date()
    by_account: dict[uuid.UUID, list[uuid.UUID]] = {}
    for one in linked:
        by_account.setdefault(one.account_id, []).append(one.id)
    return {
        customer_id
        for account_id, ids in by_account.items()
        for customer_id, terms in terms_of(account_id, ids).items()
        if terms.mark_up_on(today) is not None
    }


def own_statements(customer_ids: Sequence[uuid.UUID]) -> Any:
    """For page_of(LIST_KEYS)."""
    return only(statements(), customer_ids)


def only(found: Any, customer_ids: Sequence[uuid.UUID]) -> Any:
    return found.where(CspStatement.csp_customer_id.in_(customer_ids))


def _in_force() -> Any:
    later = aliased(CspStatement)
    return ~exists(
        select(later.id)
        .where(
            later.document_id == CspStatement.document_id,
            later.csp_customer_id == CspStatement.csp_customer_id,
            later.currency == CspStatement.currency,
            later.version > CspStatement.version,
        )
        .correlate(CspStatement)
    )


def spent_by_month(
    customer_ids: Sequence[uuid.UUID], first: BillingMonth, last: BillingMonth
) -> Sequence[Row[*tuple[Any, ...]]]:
    """(booked_month, currency, minor) of the statements in force, before tax."""
    found = (
        select(
            CspStatement.month.label("booked_month"),
            CspStatement.currency,
            func.sum(CspStatement.subtotal_minor).label("minor"),
        )
        .where(CspStatement.csp_customer_id.in_(customer_ids), _in_force(), CspStatement.month.between(first, last))
        .group_by(CspStatement.month, CspStatement.currency)
        .order_by(CspStatement.month, CspStatement.currency)
    )
    return db.session.execute(found).all()


def spent_by_subscription(
    customer_ids: Sequence[uuid.UUID], first: BillingMonth, last: BillingMonth, currency: str
) -> list[tuple[str, int]]:
    """(name, minor), the largest first: each monitored subscription, and all others together under "", so that it foots."""
    found = (
        select(
            CspStatementShare.subscription_id,
            func.max(CspStatementShare.product_name).label("name"),
            func.sum(CspStatementShare.sell_minor).label("minor"),
        )
        .join(CspStatement, CspStatement.id == CspStatementShare.statement_id)
        .where(
            CspStatement.csp_customer_id.in_(customer_ids),
            CspStatement.currency == currency,
            CspStatement.month.between(first, last),
            _in_force(),
        )
        .group_by(CspStatementShare.subscription_id)
    )
    rows = db.session.execute(found).all()
    with acting_for_all("which subscriptions a customer may see by name"):
        shown = dict(
            db.session.execute(
                select(CspSubscription.subscription_id, CspSubscription.name).where(
                    CspSubscription.customer_id.in_(customer_ids), CspSubscription.is_monitored
                )
            ).all()
        )
    named = sorted(
        ((shown[row.subscription_id] or row.name, int(row.minor)) for row in rows if row.subscription_id in shown),
        key=lambda one: (-one[1], one[0]),
    )
    rest = sum(int(row.minor) for row in rows if row.subscription_id not in shown)
    return [*named, ("", rest)] if rest else named
