"""Billing entries as a partner reads them, and as a customer does: what is selected for one is not even read for the other.

An entry's amount is in the programme's own terms, net where the partner states net, so it is a partner's. A customer is given
what the charge book says: gross and tax.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select

from app.api.shapes import exact, minor, money
from app.billing import own_entries
from app.billing.explanations import explanation
from app.billing.model import BillingEntry
from app.billing.own_entries import gross_explanation
from app.billing.queries import may_view_billing
from app.billing.rules import Rated
from app.catalog.model import Metric
from app.catalog.queries import programme_of
from app.charges.queries import gross_of
from app.engagements.model import Engagement
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, one

STRICT = "billing-entry:view-with-all-three"
_FOR_BOTH = (
    BillingEntry.id,
    BillingEntry.number,
    BillingEntry.engagement_id,
    Engagement.number.label("engagement_number"),
    Engagement.name.label("engagement_name"),
    BillingEntry.metric_id,
    Metric.code.label("metric_code"),
    Metric.name.label("metric_name"),
    Metric.unit,
    BillingEntry.service_month,
    BillingEntry.quantity,
    BillingEntry.notes,
    BillingEntry.state,
    BillingEntry.submitted_at,
)
_FOR_PARTNERS = (
    BillingEntry.submitted_by_name,
    BillingEntry.amount_minor,
    BillingEntry.currency,
    BillingEntry.reason,
    BillingEntry.is_test,
)


def found_for(viewer: Viewer) -> Select[*tuple[Any, ...]]:
    """Entries for page_of(LIST_KEYS), with the columns that this capacity is given."""
    columns = _FOR_BOTH if viewer.capacity == "customer" else (*_FOR_BOTH, *_FOR_PARTNERS)
    return (
        select(*columns)
        .join(Engagement, Engagement.id == BillingEntry.engagement_id)
        .join(Metric, Metric.id == BillingEntry.metric_id)
    )


def sees_amounts(engagement: Engagement, viewer: Viewer) -> bool:
    """Whether this partner's member may view billing: a programme may ask all three roles."""
    return may_view_billing(viewer, takes_all_three=programme_of(engagement.product_id).viewing_takes_all_three)


def entries(rows: Sequence[Any], viewer: Viewer) -> list[dict[str, Any]]:
    if viewer.capacity == "customer":
        lines = gross_of([row.id for row in rows])
        return [
            {**_for_both(row), "status": _shown_as(row.state), "charge": _charge(lines.get(row.id))} for row in rows
        ]
    return [_for_partner(row) for row in rows]


def details(entry_id: uuid.UUID) -> dict[str, Any]:
    """One entry with its explanation. A key that may add entries but not view billing is given no amount."""
    viewer = tenancy.current()
    row = db.session.execute(found_for(viewer).where(BillingEntry.id == entry_id)).one_or_none()
    if row is None:
        raise NotVisible
    if viewer.capacity == "customer":
        return {**entries([row], viewer)[0], "explanation": _for_customer(entry_id)}
    engagement = one(Engagement, row.engagement_id)
    if not sees_amounts(engagement, viewer):
        told = _for_both(row)
        more = {"submitted_by": row.submitted_by_name, "reason": row.reason, "is_test": row.is_test}
        return {**told, **more, "explanation": None}
    return {**_for_partner(row), "explanation": _explained(one(BillingEntry, entry_id), engagement)}


def _for_both(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "engagement": {"id": row.engagement_id, "number": row.engagement_number, "name": row.engagement_name},
        "metric": {"id": row.metric_id, "code": row.metric_code, "name": row.metric_name, "unit": row.unit},
        "month": row.service_month,
        "quantity": row.quantity,
        "notes": row.notes,
        "status": row.state,
        "submitted_at": row.submitted_at,
    }


def _for_partner(row: Any) -> dict[str, Any]:
    more = {"submitted_by": row.submitted_by_name, "reason": row.reason, "is_test": row.is_test}
    return {**_for_both(row), **more, "amount": minor(row.amount_minor, row.currency)}


def _charge(line: Any) -> dict[str, Any] | None:
    if line is None:
        return None
    return {"gross": minor(line.gross_minor, line.currency), "tax": minor(line.tax_minor, line.currency)}


def _shown_as(state: str) -> str:
    return next(word for word, meant in own_entries.SHOWN_AS.items() if state in meant)


def _explained(entry: BillingEntry, engagement: Engagement) -> dict[str, Any] | None:
    of = explanation(entry, engagement, programme_of(engagement.product_id))
    if of is None:
        return None
    currency = of.rated.amount.currency
    return {
        **_how(of.rated),
        "provisional": of.provisional,
        "model": of.tariff.model,
        "price_from": of.version.effective_from,
        "cost_before": money(Money(of.rated.cost_before, currency)),
        "cost_after": money(Money(of.rated.cost_after, currency)),
        "amount": money(of.rated.amount),
        "gross": money(of.gross),
        "due": money(of.due),
    }


def _for_customer(entry_id: uuid.UUID) -> dict[str, Any] | None:
    of = gross_explanation(entry_id)
    if of is None:
        return None
    return {
        **_how(of.rated),
        "provisional": False,
        "model": of.gross_tariff.model,
        "price_from": of.price_from,
        "gross": money(of.gross),
        "derived": of.derived,
    }


def _how(rated: Rated) -> dict[str, Any]:
    """The tiers an amount was made of."""
    return {
        "quantity_before": rated.before,
        "quantity_after": rated.after,
        "tiers": [
            {
                "above": step.start,
                "up_to": step.end,
                "quantity": exact(step.quantity),
                "unit_price": exact(step.price),
                "amount": exact(step.amount),
            }
            for step in rated.steps
        ],
    }
