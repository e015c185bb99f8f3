"""Tells customers with current engagements on a plan that its prices change, a month before they do.

The job looks what is due; each change is told in one transaction with its mark, so that it is told once however often the
job runs, and whoever dies in between. Gross prices only.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from app.catalog.model import Plan, PriceVersion, Product
from app.catalog.price_changes import changes_to_announce, claim_announcement, mark_announced
from app.catalog.price_list import GrossPrice, coming_prices
from app.catalog.queries import product_with_plans
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation import clock, outbox
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice
from app.foundation.tenancy import Viewer, acting_for_all
from app.foundation.text import spell

__all__ = ["announce_prices", "changes_to_announce"]


def announce_prices(version_id: uuid.UUID, *, by: Viewer) -> int | None:
    """Put the notices of one change into the outbox. How many customers are told; None: it was done already."""
    with transaction():
        claimed = claim_announcement(version_id)
        if claimed is None:
            return None
        version, plan, product = claimed
        customers = _customers_on(plan.id)
        _tell(customers, version, plan, product)
        mark_announced(version, plan, product, customers=len(customers), by=by)
    return len(customers)


def tell_newcomer(product: Product, plan: Plan, customer_id: uuid.UUID) -> None:
    """A customer's first request on a plan whose change was told the others already: they are told too, with the request.

    In the request's transaction. Whoever has another current engagement on the plan was told with the others, or will be.
    """
    coming = (
        select(PriceVersion)
        .where(
            PriceVersion.plan_id == plan.id,
            PriceVersion.announced_at.is_not(None),
            PriceVersion.effective_from > BillingMonth.at(clock.now()),
        )
        .order_by(PriceVersion.effective_from, PriceVersion.number)
    )
    with acting_for_all("what a plan's customers were told"):
        told = db.session.scalars(coming).all()
        if told and customer_id not in _customers_on(plan.id):
            for version in told:
                _tell([customer_id], version, plan, product)


def _tell(customers: Sequence[uuid.UUID], version: PriceVersion, plan: Plan, product: Product) -> None:
    coming = coming_prices(product_with_plans(product.id), version.effective_from.previous)
    change = next(change for change in coming if change.plan_id == plan.id)
    facts = {
        "product": product.name,
        "slug": product.slug,
        "plan": plan.name,
        "month": spell(version.effective_from),
        "lines": [line for price in change.prices for line in _lines(price)],
    }
    for customer_id in customers:
        outbox.post(
            Notice("organisation", str(customer_id), "prices_change", facts, "engagement:steer"),
            subject_kind="product",
            subject_id=product.id,
        )


def _customers_on(plan_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Each customer once, however many engagements it has; tests are nobody's bill."""
    return db.session.scalars(
        select(Engagement.customer_id)
        .where(
            Engagement.plan_id == plan_id,
            Engagement.state.in_(states.CURRENT),
            Engagement.is_test.is_(False),
        )
        .distinct()
        .order_by(Engagement.customer_id)
    ).all()


def _lines(price: GrossPrice) -> list[str]:
    """'Hours, up to 100 h a month: USD 160 per h', one line a band."""
    tariff, lines = price.gross_tariff, []
    per = "a month, flat" if tariff.model == "block" else f"per {price.one_unit or price.unit}"
    if tariff.model != "block" and tariff.charge_unit != 1:
        per = f"per {spell(tariff.charge_unit)} {price.unit}"
    for band in tariff.bands:
        reach = (
            ""
            if len(tariff.bands) == 1
            else ", above"
            if band.up_to is None
            else f", up to {spell(band.up_to)} {price.unit} a month"
        )
        lines.append(f"{price.metric_name}{reach}: {price.currency} {spell(band.price)} {per}")
    return lines
