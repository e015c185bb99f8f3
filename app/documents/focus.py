"""FOCUS 1.2: cost and usage in the FinOps Foundation's columns, whoever's cost it is.

All mandatory columns, and of the others those that Microsoft's lines say something for. For a customer every cost column holds what
it is charged; for a partner, what Microsoft charged it. Nothing known is nothing written, never a guess.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.documents.columns import Column

MICROSOFT = "Microsoft"
PURCHASE, CREDIT, TAX = "Purchase", "Credit", "Tax"
CORRECTION = "Correction"
RECURRING, ONCE = "Recurring", "One-Time"


@dataclass(frozen=True)
class Charge:
    """One row of the file. Instants are ISO 8601 in UTC; None is null."""

    cost: Decimal
    currency: str
    category: str
    description: str
    period_start: str | None
    period_end: str | None
    quantity: Decimal | None = None
    unit: str | None = None
    charge_class: str | None = None
    frequency: str | None = None
    publisher: str = MICROSOFT
    service: str = "Microsoft cloud services"
    sku_id: str | None = None
    subscription_id: str | None = None
    subscription_name: str | None = None


@dataclass(frozen=True)
class Bill:
    """What all rows of one file share."""

    account_id: str
    account_name: str
    account_type: str
    issuer: str
    invoice_id: str
    period_start: datetime
    #: exclusive
    period_end: datetime


def columns(bill: Bill) -> tuple[Column, ...]:
    """Named as FOCUS spells them, so never translated."""

    def always(value: Any) -> Any:
        return lambda _row: value

    return (
        Column("BilledCost", "cost"),
        Column("BillingAccountId", always(bill.account_id)),
        Column("BillingAccountName", always(bill.account_name)),
        Column("BillingAccountType", always(bill.account_type)),
        Column("BillingCurrency", "currency"),
        Column("BillingPeriodEnd", always(bill.period_end)),
        Column("BillingPeriodStart", always(bill.period_start)),
        Column("ChargeCategory", "category"),
        Column("ChargeClass", "charge_class"),
        Column("ChargeDescription", "description"),
        Column("ChargeFrequency", "frequency"),
        Column("ChargePeriodEnd", lambda row: row.period_end or bill.period_end),
        Column("ChargePeriodStart", lambda row: row.period_start or bill.period_start),
        Column("ContractedCost", "cost"),
        Column("EffectiveCost", "cost"),
        Column("InvoiceId", always(bill.invoice_id)),
        Column("InvoiceIssuerName", always(bill.issuer)),
        Column("ListCost", "cost"),
        Column("PricingQuantity", "quantity"),
        Column("PricingUnit", "unit"),
        Column("ProviderName", always(MICROSOFT)),
        Column("PublisherName", "publisher"),
        Column("ServiceCategory", always("Other")),
        Column("ServiceName", "service"),
        Column("ServiceSubcategory", always("Other (Other)")),
        Column("SkuId", "sku_id"),
        Column("SubAccountId", "subscription_id"),
        Column("SubAccountName", "subscription_name"),
        Column("SubAccountType", lambda row: "Subscription" if row.subscription_id else None),
    )


def category_of(charge_type: str) -> str:
    return CREDIT if charge_type.lower().replace("_", "") == "customercredit" else PURCHASE


def frequency_of(charge_type: str) -> str:
    return RECURRING if charge_type.lower() in ("cyclecharge", "cycle fee", "renew", "renewal") else ONCE


def charge(line: Any, cost: Decimal, currency: str, *, corrects: bool) -> Charge:
    """`line`: product_name, sku_name, sku_id, publisher, subscription_id, charge_type, charge_start, charge_end, quantity,
    unit_type, as sent. `corrects`: it stands in a document that amends another."""
    name = line.product_name or line.sku_name
    category = category_of(line.charge_type)
    return Charge(
        cost=cost,
        currency=currency,
        category=category,
        description=" ".join(filter(None, (name, line.charge_type))),
        period_start=line.charge_start or None,
        period_end=line.charge_end or None,
        quantity=None if category == CREDIT else _number(line.quantity),
        unit=None if category == CREDIT else line.unit_type or None,
        charge_class=CORRECTION if corrects else None,
        frequency=frequency_of(line.charge_type),
        publisher=line.publisher or MICROSOFT,
        service=name or Charge.service,
        sku_id=line.sku_id or None,
        subscription_id=line.subscription_id or None,
        subscription_name=name if line.subscription_id else None,
    )


def with_tax(charges: Iterable[Charge], tax: Decimal, currency: str, description: str, issuer: str) -> Iterator[Charge]:
    """The charges, and behind them the tax on their sum as a row of its own, so that the file comes to the total."""
    yield from charges
    if tax:
        yield Charge(
            tax, currency, TAX, description, None, None, publisher=issuer, frequency=ONCE, service=Charge.service
        )


def _number(digits: str) -> Decimal | None:
    try:
        value = Decimal(digits)
    except ArithmeticError:
        return None
    return value if value.is_finite() else None
