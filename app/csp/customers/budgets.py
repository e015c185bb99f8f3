"""Budgets: what a partner expects a customer to cost in a month, and who is told as the estimate nears it.

Microsoft's usage is an estimate, typically a day late, without tax and credits: everything here says so, and nothing is billed by
it. It is compared at cost, for the partner. Each level is told once a month: 80 % reached, 100 % reached, above 100 %; of
several that are reached at once the highest is told and the others are noted.
"""

import calendar
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from app.csp.customers import events, rules
from app.csp.customers.model import CspBudget, CspBudgetAlert, CspCustomer, CspUsage
from app.csp.permissions import MANAGE_CUSTOMERS, VIEW_CUSTOMERS
from app.foundation import clock, history, outbox
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.money import Money, exponent
from app.foundation.outbox import Notice
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_


@dataclass(frozen=True)
class Estimate:
    """A customer's newest usage period as Microsoft estimates it. `as_of`: when Microsoft did, or we read it."""

    cost: Decimal
    currency: str
    begins: date
    ends: date
    as_of: datetime
    read_at: datetime

    @property
    def month(self) -> BillingMonth:
        return BillingMonth(self.begins.year, self.begins.month)


def set_budget(
    customer_id: uuid.UUID, *, amount: Decimal, currency: str, recipients: Sequence[str], by: Viewer
) -> CspCustomer:
    """A monthly budget in place of the one before. `recipients`: ids of the partner's own members; none: all who may set budgets."""
    by.must(MANAGE_CUSTOMERS)
    minor = _checked(amount, currency)
    if len(recipients) > rules.MOST_RECIPIENTS:
        raise Refused("recipients", N_("Choose at most %(most)s people."), most=rules.MOST_RECIPIENTS)
    with transaction() as session:
        customer = one(CspCustomer, customer_id, lock=True)
        budget = budget_of(customer_id)
        wanted = (minor, currency, sorted(set(recipients)))
        if budget is not None and (budget.amount_minor, budget.currency, budget.recipients) == wanted:
            return customer
        if budget is None:
            budget = CspBudget(partner_id=customer.partner_id, account_id=customer.account_id, customer_id=customer_id)
            session.add(budget)
        budget.amount_minor, budget.currency, budget.recipients = wanted
        budget.set_at, budget.set_by_name = clock.now(), by.label
        customer.version += 1
        history.record(customer, events.BUDGET_SET, by=by, **_said(budget))
        _measure(customer, budget, by)
    return customer


def remove_budget(customer_id: uuid.UUID, *, by: Viewer) -> CspCustomer:
    """None from now on. Safe to say again. What was told stays told."""
    by.must(MANAGE_CUSTOMERS)
    with transaction() as session:
        customer = one(CspCustomer, customer_id, lock=True)
        budget = budget_of(customer_id)
        if budget is not None:
            session.delete(budget)
            customer.version += 1
            history.record(customer, events.BUDGET_REMOVED, by=by, **_said(budget))
    return customer


def budget_of(customer_id: uuid.UUID) -> CspBudget | None:
    return db.session.scalar(select(CspBudget).where(CspBudget.customer_id == customer_id))


def estimates_of(customer_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Estimate]:
    """The newest usage period that has begun, of each of them that has any."""
    today, later = clock.now().astimezone(UTC).date(), aliased(CspUsage)
    newest = (
        select(later.period_start)
        .where(later.customer_id == CspUsage.customer_id, later.period_start <= today)
        .order_by(later.period_start.desc())
        .limit(1)
        .correlate(CspUsage)
        .scalar_subquery()
    )
    found = db.session.execute(
        select(
            CspUsage.customer_id, CspUsage.cost, CspUsage.currency, CspUsage.period_start, CspUsage.period_end,
            CspUsage.as_of, CspUsage.read_at,
        ).where(CspUsage.customer_id.in_(customer_ids), CspUsage.period_start == newest)
    )  # fmt: skip
    return {
        row.customer_id: Estimate(
            row.cost,
            row.currency,
            row.period_start,
            row.period_end or _month_end(row.period_start),
            row.as_of or row.read_at,
            row.read_at,
        )
        for row in found
    }


def budgets_to_measure(limit: int = 1000) -> Sequence[uuid.UUID]:
    """Customers whose usage was read since their budget was measured, or whose pace another day may have changed."""
    today = clock.now().astimezone(UTC).date()
    read_since = (
        select(CspUsage.id)
        .where(CspUsage.customer_id == CspBudget.customer_id)
        .where(or_(CspBudget.measured_usage.is_(None), CspUsage.read_at > CspBudget.measured_usage))
        .exists()
    )
    found = select(CspBudget.customer_id).where(
        or_(
            read_since,
            (CspBudget.measured_until >= today) & (CspBudget.measured_on < today),
        )
    )
    return db.session.scalars(found.order_by(CspBudget.customer_id).limit(limit)).all()


def measure_budget(customer_id: uuid.UUID, *, by: Viewer) -> bool:
    """Measure it from the newest usage and tell of what it reached; whether there was a budget to measure. Safe to say again."""
    with transaction():
        customer = one(CspCustomer, customer_id, lock=True)
        budget = budget_of(customer_id)
        if budget is None:
            return False
        _measure(customer, budget, by)
    return True


def _measure(customer: CspCustomer, budget: CspBudget, by: Viewer) -> None:
    today = clock.now().astimezone(UTC).date()
    budget.measured_on = today
    # of whatever period: one read again after it had passed is looked at once
    budget.measured_usage = db.session.scalar(
        select(func.max(CspUsage.read_at)).where(CspUsage.customer_id == customer.id)
    )
    found = estimates_of([customer.id]).get(customer.id)
    if found is None or found.currency != budget.currency:
        budget.used_percent, budget.level, budget.is_trending_over, budget.measured_until = None, "", False, None
        return
    amount = Money.of_minor(budget.amount_minor, budget.currency).amount
    reached = rules.levels_reached(found.cost, amount)
    budget.measured_until = found.ends
    budget.used_percent = rules.used_percent(found.cost, amount)
    budget.level = reached[-1] if reached else ""
    budget.is_trending_over = rules.is_trending_over(found.cost, amount, found.begins, found.ends, today)
    _tell(customer, budget, found, reached, by)


def _tell(customer: CspCustomer, budget: CspBudget, found: Estimate, reached: Sequence[str], by: Viewer) -> None:
    known = select(CspBudgetAlert.level).where(
        CspBudgetAlert.customer_id == customer.id, CspBudgetAlert.month == found.month
    )
    told = set(db.session.scalars(known))
    new = [level for level in reached if level not in told]
    for level in new:
        db.session.add(
            CspBudgetAlert(
                partner_id=customer.partner_id, customer_id=customer.id, month=found.month, level=level, cost=found.cost,
                amount_minor=budget.amount_minor, currency=budget.currency, was_told=level == new[-1], at=clock.now(),
            )
        )  # fmt: skip
    if new:
        _post(customer, budget, found, new[-1])
        said = {**_said(budget), "estimate": _plain(found.cost), "level": new[-1], "month": str(found.month)}
        history.record(customer, events.BUDGET_TOLD, by=by, **said)


def _post(customer: CspCustomer, budget: CspBudget, found: Estimate, level: str) -> None:
    facts = {
        "customer": customer.name,
        "customer_id": str(customer.id),
        "level": level,
        "month": f"{found.month.year}-{found.month.month:02}",
        "estimate": f"{found.currency} {_plain(found.cost)}",
        "budget": f"{budget.currency} {Money.of_minor(budget.amount_minor, budget.currency).amount:f}",
        "percent": f"{rules.used_percent(found.cost, Money.of_minor(budget.amount_minor, budget.currency).amount):.1f}",
        "as_of": found.as_of.isoformat(),
    }
    subject: dict[str, Any] = {"subject_kind": "csp_customer", "subject_id": customer.id}
    if not budget.recipients:
        outbox.post(
            Notice("organisation", str(customer.partner_id), "budget_reached", facts, MANAGE_CUSTOMERS), **subject
        )
    for member_id in budget.recipients:
        outbox.post(
            Notice("member", member_id, "budget_reached", facts, VIEW_CUSTOMERS, organisation_id=customer.partner_id),
            **subject,
        )


def _said(budget: CspBudget) -> dict[str, Any]:
    return {
        "amount": f"{Money.of_minor(budget.amount_minor, budget.currency).amount:f}",
        "currency": budget.currency,
    }


def _plain(cost: Decimal) -> str:
    """An estimate to two decimals: more would say more than is known."""
    return f"{cost:.2f}"


def _checked(amount: Decimal, currency: str) -> int:
    try:
        places = exponent(currency)
    except ValueError as unknown:
        raise Refused("currency", N_("Choose a currency that is in use.")) from unknown
    return Money(rules.check_budget(amount, places), currency).minor


def _month_end(begins: date) -> date:
    return begins.replace(day=calendar.monthrange(begins.year, begins.month)[1])
