"""Billing entries as a partner reads them, and as a customer does: what is selected for one is not even read for the other.

An entry's amount is in the programme's own terms, net where the partner states net, so it is a partner's. A customer is given
what the charge book says: gross and tax.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from app.api.shapes import exact, minor, money
from app.billing import events, own_entries, states
from app.billing.corrections_outlook import is_correctable
from app.billing.corrections_queries import Link, correction_about
from app.billing.explanations import Explanation, explanation
from app.billing.model import BillingEntry
from app.billing.own_entries import gross_explanation
from app.billing.queries import may_view_billing
from app.billing.rules import Rated
from app.billing.standing import LINES_OF_ENTRIES
from app.catalog.model import Metric, Programme
from app.catalog.queries import policies_in_use, programme_of
from app.charges.queries import gross_of
from app.engagements.model import Engagement
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.refusals import MissingRole, NotVisible
from app.foundation.tenancy import Viewer, one

STRICT = "billing-entry:view-with-all-three"
_Corrected = aliased(BillingEntry, name="corrected")
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
    BillingEntry.booked_month,
    BillingEntry.kind,
    BillingEntry.corrects_id,
    _Corrected.number.label("corrects_number"),
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
        .outerjoin(_Corrected, _Corrected.id == BillingEntry.corrects_id)
    )


def in_sight(found: Select[*tuple[Any, ...]], programme_id: Any, viewer: Viewer) -> Select[*tuple[Any, ...]]:
    """Of a partner's rows those whose amounts its member may view: a programme may ask all three roles."""
    if viewer.capacity != "partner" or viewer.may(STRICT):
        return found
    lenient = select(Programme.id).where(Programme.viewing_takes_all_three.is_(False))
    return found.where(programme_id.in_(lenient))


def check_sees(engagement: Engagement, viewer: Viewer) -> None:
    """MissingRole for a partner's member who may not view what the engagement is billed."""
    if viewer.capacity == "partner" and not sees_amounts(engagement, viewer):
        strict = programme_of(engagement.product_id).viewing_takes_all_three
        raise MissingRole(STRICT if strict else "billing-entry:view")


def sees_amounts(engagement: Engagement, viewer: Viewer) -> bool:
    """Whether this partner's member may view billing: a programme may ask all three roles."""
    return may_view_billing(viewer, takes_all_three=programme_of(engagement.product_id).viewing_takes_all_three)


def sees_all_billing(viewer: Viewer) -> bool:
    """Whether this partner's member may view amounts under every programme it sells under; sums are of all together."""
    strict = any(row.takes_all_three for row in policies_in_use(viewer))
    return may_view_billing(viewer, takes_all_three=strict)


def entries(rows: Sequence[Any], viewer: Viewer) -> list[dict[str, Any]]:
    if viewer.capacity == "customer":
        lines = gross_of(LINES_OF_ENTRIES, [row.id for row in rows])
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
        return {**entries([row], viewer)[0], "explanation": _for_customer(entry_id), "actions": []}
    engagement, entry = one(Engagement, row.engagement_id), one(BillingEntry, entry_id)
    told = {**_for_partner(row), "actions": _actions(entry, viewer)}
    if not sees_amounts(engagement, viewer):
        del told["amount"]
        return {**told, "explanation": None}
    of, about = explanation(entry, engagement, programme_of(engagement.product_id)), correction_about(entry)
    correction = about and {"id": about.id, "number": about.number, "status": about.state}
    return {**told, "explanation": of and explained(of), "correction": correction}


def _actions(entry: BillingEntry, viewer: Viewer) -> list[str]:
    offered = {
        "withdraw": entry.state == states.SUBMITTED and viewer.may(events.SUBMIT),
        "correct": viewer.may("correction:request") and not entry.is_test and is_correctable(entry),
    }
    return [name for name, fits in offered.items() if fits]


def _for_both(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "engagement": {"id": row.engagement_id, "number": row.engagement_number, "name": row.engagement_name},
        "metric": {"id": row.metric_id, "code": row.metric_code, "name": row.metric_name, "unit": row.unit},
        "month": row.service_month,
        "booked_month": row.booked_month,
        "kind": row.kind,
        "corrects": row.corrects_id and {"id": row.corrects_id, "number": row.corrects_number},
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


def explained(of: Explanation) -> dict[str, Any]:
    """How an amount came about, as its partner reads it."""
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
        "links": _links(of.links),
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
        "links": _links(of.links),
    }


def _links(links: Sequence[Link]) -> list[dict[str, Any]]:
    return [
        {
            "relation": link.relation,
            "id": link.id,
            "number": link.number,
            "quantity": link.quantity,
            "booked_month": link.booked_month,
        }
        for link in links
    ]


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
