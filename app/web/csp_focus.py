"""FOCUS files of invoices, at cost, and of statements, at what the customer is charged."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

from flask_babel import gettext as _
from sqlalchemy import select

from app.csp.accounts.model import CspAccount
from app.csp.invoices.bundles import Bundle
from app.csp.invoices.model import CspLine
from app.csp.invoices.rules import BILLING
from app.csp.statements import queries as statements
from app.csp.statements.model import CspStatement
from app.documents import Column, rows_of
from app.documents.focus import MICROSOFT, Bill, Charge, charge, columns, with_tax
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.tenancy import one

_LINE = (
    CspLine.product_name, CspLine.sku_name, CspLine.subscription_id, CspLine.charge_type, CspLine.charge_start,
    CspLine.charge_end, CspLine.quantity, CspLine.unit_type, CspLine.cost, CspLine.currency, CspLine.more,
)  # fmt: skip


def invoice_focus(bundle: Bundle) -> tuple[Sequence[Column], Iterator[Charge]]:
    """The partner's own: what Microsoft charged, line by line, before tax; Microsoft's tax as a row of its own."""
    root, account = bundle.root, one(CspAccount, bundle.root.account_id)
    bill = Bill(
        account_id=account.tenant_id,
        account_name=account.company_name or account.name,
        account_type="Partner",
        issuer=MICROSOFT,
        invoice_id=root.number,
        **_period(root.period_start, root.period_end, root.invoice_date),
    )
    return columns(bill), _at_cost(bundle)


def _at_cost(bundle: Bundle) -> Iterator[Charge]:
    for document in bundle.documents:
        if document.version_id is None:
            continue
        found = select(*_LINE).where(CspLine.version_id == document.version_id, CspLine.line_type == BILLING)
        corrects = document.id != bundle.root.id
        for line in rows_of(found.order_by(CspLine.sequence)):
            told = SimpleNamespace(**line._mapping, **_named(line.more))
            yield charge(told, Decimal(line.cost or 0), line.currency, corrects=corrects)
    taxes: dict[str, list[Decimal]] = {}
    for total in bundle.totals:
        taxes.setdefault(total.currency, []).append(total.microsoft_tax)
    for currency, amounts in taxes.items():
        yield from with_tax((), sum(amounts, Decimal(0)), currency, _("Microsoft's tax"), MICROSOFT)


def statement_focus(statement: CspStatement) -> tuple[Sequence[Column], Iterator[Charge]]:
    """The customer's: every cost is what it is charged."""
    bill = Bill(
        account_id=statement.customer_tenant_id,
        account_name=statement.customer_name,
        account_type="Customer",
        issuer=statement.partner_name,
        invoice_id=f"{statement.number}-{statement.version}",
        **_period(statement.period_start, statement.period_end, statement.invoice_date),
    )
    return columns(bill), _charged(statement)


def _charged(statement: CspStatement) -> Iterator[Charge]:
    currency = statement.currency
    lines = rows_of(statements.lines_of(statement.id).order_by(*statements.LINE_KEYS))
    charges = (
        charge(
            line,
            Money.of_minor(line.sell_minor, currency).amount,
            currency,
            corrects=line.document_number != statement.document_number,
        )
        for line in lines
    )
    tax = Money.of_minor(statement.tax_minor, currency).amount
    return with_tax(charges, tax, currency, _("Tax"), statement.partner_name)


def _named(text: str) -> dict[str, str]:
    """The SKU and the publisher among a line's other fields, however the wire spells them."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = {}
    plain = {
        name.lower().replace("_", ""): value
        for name, value in (found.items() if isinstance(found, dict) else ())
        if isinstance(value, str)
    }
    return {"sku_id": plain.get("skuid", ""), "publisher": plain.get("publishername", "")}


def _period(start: datetime | None, end: datetime | None, dated: datetime) -> dict[str, datetime]:
    """Start inclusive, end exclusive. Without a period, the month the document is dated in."""
    month = BillingMonth.at(dated)
    begins = start or month.starts_at
    ends = end or month.next.starts_at
    if end is not None and end.astimezone(UTC).year < 9999:
        ends = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return {"period_start": begins, "period_end": ends}
