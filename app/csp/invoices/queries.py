"""Reading documents and lines: lists for pages and files, and what stands beside them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select

from app.csp.accounts.model import CspAccount
from app.csp.customers.model import CspCustomer
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspLine
from app.csp.invoices.rules import BILLING
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db

LIST_KEYS = (CspDocument.invoice_date, CspDocument.id)
LINE_KEYS = (CspLine.sequence,)
RECONCILED, DIFFERENT, OVERRIDDEN, UNREAD = "reconciled", "different", "overridden", "unread"


def _is_nothing(amount: Any) -> ColumnElement[bool]:
    """An amount kept as text: '0', '0.00' or '-0' and no other digit."""
    return func.replace(func.replace(func.replace(amount, "0", ""), ".", ""), "-", "") == ""


_TIES = and_(CspDocument.version_id.is_not(None), _is_nothing(CspDocument.difference))
_OVERRIDDEN = and_(
    CspDocument.override_at.is_not(None),
    or_(
        CspDocument.override_version_id == CspDocument.version_id,
        and_(CspDocument.override_version_id.is_(None), CspDocument.version_id.is_(None)),
    ),
)
_STATUS = {
    RECONCILED: _TIES,
    DIFFERENT: and_(CspDocument.version_id.is_not(None), not_(_is_nothing(CspDocument.difference))),
    OVERRIDDEN: and_(not_(_TIES), _OVERRIDDEN),
    UNREAD: CspDocument.version_id.is_(None),
}


def documents(
    *,
    account: uuid.UUID | None = None,
    customer: uuid.UUID | None = None,
    status: str | None = None,
    currency: str | None = None,
    month: BillingMonth | None = None,
) -> Select[*tuple[Any, ...]]:
    """The partner's documents, for page_of(LIST_KEYS) and files. `month`: dated in it; `customer`: with lines of that one."""
    found = select(
        CspDocument.id,
        CspDocument.account_id,
        CspAccount.name.label("account_name"),
        CspDocument.number,
        CspDocument.document_type,
        CspDocument.invoice_type,
        CspDocument.amends,
        CspDocument.invoice_date,
        CspDocument.period_start,
        CspDocument.period_end,
        CspDocument.currency,
        CspDocument.total,
        CspDocument.paid,
        CspDocument.lines_total,
        CspDocument.difference,
        CspDocument.version_id,
        CspDocument.refusal,
        CspDocument.override_at,
        CspDocument.override_version_id,
    ).join(CspAccount, CspAccount.id == CspDocument.account_id)
    if account:
        found = found.where(CspDocument.account_id == account)
    if status:
        found = found.where(_STATUS[status])
    if currency:
        found = found.where(CspDocument.currency == currency)
    if month:
        found = found.where(
            CspDocument.invoice_date >= month.starts_at, CspDocument.invoice_date < month.next.starts_at
        )
    if customer:
        theirs = select(CspDocumentTotal.version_id).where(CspDocumentTotal.customer_id == customer)
        found = found.where(CspDocument.version_id.in_(theirs))
    return found


def status_of(row: Any) -> str:
    """The word for a document's row, as the filter has it."""
    if row.version_id is None:
        return UNREAD
    if row.difference is not None and row.difference == 0:
        return RECONCILED
    is_overridden = row.override_at is not None and row.override_version_id == row.version_id
    return OVERRIDDEN if is_overridden else DIFFERENT


def accounts() -> Sequence[Any]:
    """(id, name, model) of the partner's accounts, by name; a partner has a handful."""
    found = select(CspAccount.id, CspAccount.name, CspAccount.model).order_by(CspAccount.name, CspAccount.id).limit(200)
    return db.session.execute(found).all()


def name_of_customer(asked: str) -> dict[uuid.UUID, str]:
    """{id: name} of the CSP customer that an address names; nothing for any other text."""
    try:
        customer_id = uuid.UUID(asked) if len(asked) == 36 else None
    except ValueError:
        return {}
    if customer_id is None:
        return {}
    found = db.session.execute(select(CspCustomer.id, CspCustomer.name).where(CspCustomer.id == customer_id))
    return {row.id: row.name for row in found}


def lines_of(version_id: int, tenant_id: str) -> Select[*tuple[Any, ...]]:
    """A customer's billing lines of one version in the order they were sent, for page_of(LINE_KEYS, oldest_first=True)."""
    return select(
        CspLine.sequence,
        CspLine.customer_tenant_id,
        CspLine.customer_name,
        CspLine.subscription_id,
        CspLine.product_name,
        CspLine.sku_name,
        CspLine.charge_type,
        CspLine.charge_start,
        CspLine.charge_end,
        CspLine.quantity,
        CspLine.unit_type,
        CspLine.unit_price,
        CspLine.effective_unit_price,
        CspLine.cost,
        CspLine.tax,
        CspLine.total,
        CspLine.currency,
        CspLine.more,
    ).where(CspLine.version_id == version_id, CspLine.customer_tenant_id == tenant_id, CspLine.line_type == BILLING)


def by_number(number: str, account: uuid.UUID | None) -> Sequence[Any]:
    """The documents of that number: one an account."""
    found = documents(account=account).where(CspDocument.number == number)
    return db.session.execute(found.order_by(CspDocument.id).limit(20)).all()
