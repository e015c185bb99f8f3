"""Corrections as their partner reads them: as asked for, as they would be booked now, as they were booked."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from app.api.shapes import minor, money
from app.billing import corrections_queries, states
from app.billing.corrections_outlook import Outlook, outlook
from app.billing.corrections_queries import booked_for, may_decide, open_to
from app.billing.model import BillingEntry, Correction
from app.billing.rules import needs_review
from app.catalog.queries import programme_of
from app.engagements.model import Engagement
from app.foundation import tenancy
from app.foundation.database import db
from app.foundation.refusals import NotVisible, Refused
from app.foundation.tenancy import one
from app.web.templating import translate


def corrections(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [_listed(row) for row in rows]


def details(correction_id: uuid.UUID) -> dict[str, Any]:
    """One correction, with what this key may do with it."""
    found = corrections_queries.corrections().where(Correction.id == correction_id)
    row = db.session.execute(found).one_or_none()
    if row is None:
        raise NotVisible
    correction, viewer = one(Correction, correction_id), tenancy.current()
    told = {**_listed(row), "actions": open_to(correction, viewer), "outlook": None, "cannot_be_booked": None}
    told["booked"] = [_row(entry) for entry in booked_for(correction)]
    why_not = may_decide(correction, viewer) if correction.state == states.REQUESTED else None
    told["cannot_approve"] = translate(why_not) or None if why_not else None
    if correction.state == states.REQUESTED:
        try:
            now = outlook(one(BillingEntry, correction.entry_id), correction.quantity, waiting=correction)
            told["outlook"] = _outlook(now, row.entry_quantity, correction.quantity)
        except Refused as no:
            told["cannot_be_booked"] = translate(no)
    return told


def preview(entry: BillingEntry, quantity: Decimal) -> dict[str, Any]:
    """What a correction to this quantity would book. Refused where it cannot be asked for."""
    found = outlook(entry, quantity)
    threshold = programme_of(one(Engagement, entry.engagement_id).product_id).review_threshold
    return {
        **_outlook(found, entry.quantity, quantity),
        "entry": {"id": entry.id, "number": entry.number, "quantity": entry.quantity},
        "month": entry.service_month,
        "operator_decides": needs_review(found.difference, threshold),
    }


def _listed(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "status": row.state,
        "engagement": {"id": row.engagement_id, "number": row.engagement_number, "name": row.engagement_name},
        "entry": {"id": row.entry_id, "number": row.entry_number, "quantity": row.entry_quantity},
        "metric": {"id": row.metric_id, "code": row.metric_code, "name": row.metric_name, "unit": row.unit},
        "quantity": row.quantity,
        "month": row.service_month,
        "booked_month": row.booked_month,
        "reason": row.reason,
        "reversal": minor(row.reversal_minor, row.currency),
        "rebill": minor(row.rebill_minor, row.currency),
        "difference": minor(row.reversal_minor + row.rebill_minor, row.currency),
        "asked_at": row.asked_at,
        "asked_by": row.asked_by_name,
        "decided_at": row.decided_at,
        "decided_by": row.decided_by_name,
        "decision_reason": row.decision_reason,
    }


def _outlook(found: Outlook, was: Decimal, right: Decimal) -> dict[str, Any]:
    lines = [(states.REVERSAL, -was, found.corrected.reversal), (states.REBILL, right, found.corrected.rebill)]
    return {
        "lines": [
            {
                "kind": kind,
                "quantity": quantity,
                "quantity_before": rated.before,
                "quantity_after": rated.after,
                "amount": money(rated.amount),
            }
            for kind, quantity, rated in lines
            if rated is not None
        ],
        "difference": money(found.difference),
        "booked_month": found.booked_month,
        "shown": found.shown,
    }


def _row(entry: BillingEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "number": entry.number,
        "kind": entry.kind,
        "quantity": entry.quantity,
        "booked_month": entry.booked_month,
        "amount": money(entry.amount),
    }
