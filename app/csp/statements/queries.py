"""Reading statements: the partner's list, one with its lines, the latest of an invoice's customers."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

from app.csp.invoices.bundles import Key
from app.csp.statements.model import (
    CspStatement,
    CspStatementCost,
    CspStatementLine,
    CspStatementLineCost,
    CspStatementShare,
)
from app.csp.statements.rules import Issued
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.tenancy import one

LIST_KEYS = (CspStatement.issued_at, CspStatement.id)
LINE_KEYS = (CspStatementLine.sequence,)


def _is_superseded(of: Any = CspStatement) -> Any:
    later = aliased(CspStatement)
    return exists(
        select(later.id)
        .where(
            later.document_id == of.document_id,
            later.csp_customer_id == of.csp_customer_id,
            later.currency == of.currency,
            later.version > of.version,
        )
        .correlate(of)
    )


LIST_COLUMNS = (
    CspStatement.id,
    CspStatement.number,
    CspStatement.version,
    CspStatement.document_id,
    CspStatement.document_number,
    CspStatement.account_id,
    CspStatement.csp_customer_id,
    CspStatement.customer_name,
    CspStatement.customer_tenant_id,
    CspStatement.partner_name,
    CspStatement.period_start,
    CspStatement.period_end,
    CspStatement.invoice_date,
    CspStatement.month,
    CspStatement.currency,
    CspStatement.tax_rate,
    CspStatement.subtotal_minor,
    CspStatement.tax_minor,
    CspStatement.total_minor,
    CspStatement.lines,
    CspStatement.issued_at,
    CspStatement.issued_by_name,
)


def statements(
    *,
    account: uuid.UUID | None = None,
    customer: uuid.UUID | None = None,
    currency: str | None = None,
    month: BillingMonth | None = None,
    status: str | None = None,
) -> Select[*tuple[Any, ...]]:
    """For page_of(LIST_KEYS), of whoever looks; `status`: in-force or superseded."""
    superseded = _is_superseded()
    found = select(*LIST_COLUMNS, superseded.label("is_superseded"))
    if account:
        found = found.where(CspStatement.account_id == account)
    if customer:
        found = found.where(CspStatement.csp_customer_id == customer)
    if currency:
        found = found.where(CspStatement.currency == currency)
    if month:
        found = found.where(CspStatement.month == month)
    if status:
        found = found.where(superseded if status == "superseded" else ~superseded)
    return found


def latest_of(document_id: uuid.UUID, customer_id: uuid.UUID | None = None) -> Mapping[Key, Any]:
    """(customer, currency) -> its statement in force."""
    found = (
        statements(customer=customer_id).where(CspStatement.document_id == document_id).order_by(CspStatement.version)
    )
    return {Key(row.csp_customer_id, row.currency): row for row in db.session.execute(found)}


def issued(row: Any) -> Issued | None:
    if row is None:
        return None
    return Issued(row.version, row.lines, Money.of_minor(row.subtotal_minor, row.currency).amount, row.tax_rate)


def versions_of(statement: Any) -> Sequence[Any]:
    """All versions of one statement, newest first."""
    found = statements().where(
        CspStatement.document_id == statement.document_id,
        CspStatement.csp_customer_id == statement.csp_customer_id,
        CspStatement.currency == statement.currency,
    )
    return db.session.execute(found.order_by(CspStatement.version.desc()).limit(200)).all()


def statement_of(statement_id: uuid.UUID) -> CspStatement:
    return one(CspStatement, statement_id)


def lines_of(statement_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """Sell side only, for page_of(LINE_KEYS, oldest_first=True) and files."""
    columns = [
        getattr(CspStatementLine, column.key)
        for column in CspStatementLine.__mapper__.columns
        if column.key not in ("partner_id", "csp_customer_id")
    ]
    found = select(*columns, CspStatement.currency).join(CspStatement, CspStatement.id == CspStatementLine.statement_id)
    return found.where(CspStatementLine.statement_id == statement_id)


def lines_with_cost(statement_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """The same with cost and mark-up: nothing for any viewer but the partner."""
    return (
        lines_of(statement_id)
        .add_columns(CspStatementLineCost.cost, CspStatementLineCost.mark_up)
        .join(
            CspStatementLineCost,
            (CspStatementLineCost.statement_id == CspStatementLine.statement_id)
            & (CspStatementLineCost.sequence == CspStatementLine.sequence),
        )
    )


def shares_of(statement_id: uuid.UUID) -> Sequence[Any]:
    """What a statement comes to by subscription, the largest first."""
    found = select(
        CspStatementShare.subscription_id,
        CspStatementShare.product_name,
        CspStatementShare.lines,
        CspStatementShare.sell_minor,
    ).where(CspStatementShare.statement_id == statement_id)
    return db.session.execute(
        found.order_by(CspStatementShare.sell_minor.desc(), CspStatementShare.subscription_id)
    ).all()


def costs_of(statement_id: uuid.UUID) -> Sequence[Any]:
    """(cost, override_reason) of each document version it was drawn from; the partner's alone."""
    found = select(CspStatementCost.cost, CspStatementCost.override_reason, CspStatementCost.lines)
    return db.session.execute(found.where(CspStatementCost.statement_id == statement_id)).all()
