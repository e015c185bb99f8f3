"""What the dashboard shows, each figure from kept rows: customers by month, spend, budgets, runs."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Row, Select, and_, case, cast, func, or_, select

from app.csp.accounts.model import CspAccount
from app.csp.accounts.states import CONNECTED, DISCONNECTED
from app.csp.customers import rules as customers
from app.csp.customers.model import CspBudget, CspCustomer
from app.csp.customers.queries import MOST_ACCOUNTS
from app.csp.discovery.model import CspRun
from app.csp.discovery.states import COMPLETED
from app.csp.invoices.model import CspDocument, CspDocumentTotal
from app.foundation import clock
from app.foundation.as_sent_sum import sum_as_sent
from app.foundation.billing_month import BillingMonth
from app.foundation.bounded import Bounded, bounded
from app.foundation.database import db, month_of, one_of
from app.foundation.kept_statements import columns_of

#: (account_id, now) -> when the timetable starts its next run; discovery says it
NextRun = Callable[[uuid.UUID, datetime], datetime]
_next_run: list[NextRun] = []
#: rows of the dashboard's lists; the customers' list has the rest
SHOWN = 10


@dataclass(frozen=True)
class Churn:
    """Customers now, and who came and left by month since the first month asked for (see rules)."""

    now: int
    joined: dict[BillingMonth, int]
    gained: dict[BillingMonth, int]
    lost: dict[BillingMonth, int]


def churn(account: uuid.UUID | None, since: BillingMonth) -> Churn:
    """Until today, so that totals can be told backwards from what there is."""
    mine, c = _of_account(CspCustomer.account_id, account), CspCustomer
    now = db.session.scalar(select(func.count(c.id)).where(mine, c.gone_at.is_(None))) or 0
    at_first = or_(_first_completed().is_(None), c.first_seen_at <= _first_completed())
    came = db.session.execute(
        select(month_of(c.first_seen_at).label("month"), case((at_first, 1), else_=0).label("first"), func.count(c.id))
        .where(mine, c.first_seen_at >= since.starts_at)
        .group_by("month", "first")
    ).all()
    left = db.session.execute(
        select(month_of(c.gone_at).label("month"), func.count(c.id))
        .where(mine, c.gone_at >= since.starts_at)
        .group_by("month")
    ).all()
    by_month: dict[int, dict[BillingMonth, int]] = {0: {}, 1: {}}
    for month, first, count in came:
        by_month[first][BillingMonth.of_number(month)] = count
    return Churn(now, by_month[1], by_month[0], {BillingMonth.of_number(month): count for month, count in left})


def spend(account: uuid.UUID | None, first: BillingMonth, last: BillingMonth) -> Sequence[Row[*tuple[Any, ...]]]:
    """(account_id, currency, month, cost) of documents dated in these months: cost before tax, credit notes taken off."""
    return db.session.execute(
        _totals(account, first, last)
        .with_only_columns(
            CspDocument.account_id,
            CspDocumentTotal.currency,
            month_of(CspDocument.invoice_date).label("month"),
            sum_as_sent(CspDocumentTotal.cost).label("cost"),
        )
        .group_by(CspDocument.account_id, CspDocumentTotal.currency, "month")
    ).all()


def top_customers(account: uuid.UUID | None, month: BillingMonth, currency: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """(customer_id, name, cost) of who cost most by documents dated in that month, the most first. Lines that name nobody are
    nobody's here; a customer that was never listed has no id."""
    cost = sum_as_sent(CspDocumentTotal.cost)
    return db.session.execute(
        _totals(account, month, month)
        .where(CspDocumentTotal.currency == currency, CspDocumentTotal.customer_tenant_id != "")
        .with_only_columns(
            CspDocumentTotal.customer_id,
            func.max(CspDocumentTotal.customer_name).label("name"),
            cost.label("cost"),
        )
        .group_by(CspDocumentTotal.customer_tenant_id, CspDocumentTotal.customer_id)
        # for the order alone: one database has no exact number to sort by
        .order_by(cast(cost, Numeric).desc(), func.max(CspDocumentTotal.customer_name))
        .limit(SHOWN)
    ).all()


@dataclass(frozen=True)
class Budgets:
    """Customers over budget, and those that will be at this pace: how many, and the worst of them."""

    over: Bounded
    trending: Bounded
    worst: Sequence[Row[*tuple[Any, ...]]]


def budgets(account: uuid.UUID | None, today: date) -> Budgets:
    over = and_(CspBudget.level == customers.OVER, CspBudget.measured_until >= today)
    trending = and_(CspBudget.is_trending_over, CspBudget.measured_until >= today)
    mine = _of_account(CspBudget.account_id, account)
    worst = (
        select(
            CspCustomer.id, CspCustomer.name, CspBudget.used_percent, CspBudget.amount_minor, CspBudget.currency,
            CspBudget.level, CspBudget.is_trending_over,
        )
        .join(CspCustomer, CspCustomer.id == CspBudget.customer_id)
        .where(mine, or_(over, trending))
        .order_by(CspBudget.used_percent.desc(), CspCustomer.id)
        .limit(SHOWN)
    )  # fmt: skip
    return Budgets(_count(over, mine), _count(trending, mine), db.session.execute(worst).all())


def _count(which: ColumnElement[bool], mine: ColumnElement[bool]) -> Bounded:
    few = bounded(select(CspBudget.id).where(mine, which))
    return Bounded(db.session.scalar(select(func.count()).select_from(few)) or 0)


@dataclass(frozen=True)
class Standing:
    """An account and its newest run; `run` None: never one. `finished_before`: some run has ended well, so that its figures are
    of all there is."""

    account_id: uuid.UUID
    name: str
    state: str
    trouble: str | None
    run: Any
    finished_before: bool
    #: when the timetable starts the next one; None: none is planned
    next_at: datetime | None = None

    @property
    def is_partial(self) -> bool:
        return not self.finished_before or (self.run.state == COMPLETED and self.run.is_partial)


def standings(account: uuid.UUID | None = None, limit: int = MOST_ACCOUNTS) -> list[Standing]:
    """The partner's accounts by name, without those that were disconnected."""
    return [
        Standing(
            row.id,
            row.name,
            row.account_state,
            row.trouble,
            row if row.state else None,
            row.first_completed is not None,
            _planned(row.id, row.account_state),
        )
        for row in columns_of(_standings(account, limit))
    ]


@lru_cache(maxsize=256)
def _standings(account: uuid.UUID | None, limit: int) -> Select[*tuple[Any, ...]]:
    newest = (
        select(func.max(CspRun.number))
        .where(CspRun.account_id == CspAccount.id)
        .correlate(CspAccount)
        .scalar_subquery()
    )
    a, r = CspAccount, CspRun
    return (
        select(
            a.id, a.name, a.state.label("account_state"), a.trouble, r.state, r.number, r.trigger, r.asked_at,
            r.started_at, r.ended_at, r.is_partial, r.error, _first_completed(CspAccount.id).label("first_completed"),
        )
        .outerjoin(r, and_(r.account_id == a.id, r.number == newest))
        .where(_of_account(a.id, account), ~one_of(a.state, (DISCONNECTED,)))
        .order_by(a.name, a.id)
        .limit(limit)
    )  # fmt: skip


def next_run_by(says: NextRun) -> None:
    """Have it say when an account's next run is."""
    _next_run[:] = [says]


def _planned(account_id: uuid.UUID, state: str) -> datetime | None:
    return _next_run[0](account_id, clock.now()) if _next_run and state == CONNECTED else None


def spending_of(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """Document by document, newest first, what one customer cost and sells for: the rows of its spending report."""
    d, t = CspDocument, CspDocumentTotal
    return (
        select(
            d.number, d.document_type, d.invoice_type, d.amends, d.invoice_date, d.period_start, d.period_end, t.currency,
            t.lines, t.cost, t.least_mark_up, t.most_mark_up, t.sell, t.unpriced,
        )
        .join(d, and_(d.id == t.document_id, d.version_id == t.version_id))
        .where(t.customer_id == customer_id)
        .order_by(d.invoice_date.desc(), d.number, t.currency)
    )  # fmt: skip


def _first_completed(account_id: Any = CspCustomer.account_id) -> Any:
    """When the account's first run that ended well did: what was found until then was there before."""
    return (
        select(CspRun.ended_at)
        .where(CspRun.account_id == account_id, one_of(CspRun.state, (COMPLETED,)))
        .order_by(CspRun.number)
        .limit(1)
        .correlate(account_id.class_)
        .scalar_subquery()
    )


def _totals(account: uuid.UUID | None, first: BillingMonth, last: BillingMonth) -> Select[*tuple[Any, ...]]:
    """The kept totals of the versions in force."""
    return (
        select(CspDocumentTotal.version_id)
        .join(
            CspDocument,
            and_(CspDocument.version_id == CspDocumentTotal.version_id, CspDocument.id == CspDocumentTotal.document_id),
        )
        .where(
            _of_account(CspDocument.account_id, account),
            CspDocument.invoice_date >= first.starts_at,
            CspDocument.invoice_date < last.next.starts_at,
        )
    )


def _of_account(column: Any, account: uuid.UUID | None) -> ColumnElement[bool]:
    return column == account if account is not None else column.is_not(None)
