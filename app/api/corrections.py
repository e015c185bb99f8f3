"""Corrections after close: seen before they are asked for, asked for, decided by a second person."""

import uuid
from collections.abc import Callable
from typing import Any

from app.api import correction_schemas as schemas
from app.api.correction_shapes import corrections as shaped
from app.api.correction_shapes import details, preview
from app.api.entry_shapes import check_sees, in_sight
from app.api.operations import Operations, once
from app.api.schemas import Nothing, page_of
from app.api.shapes import listed
from app.billing import corrections, corrections_queries
from app.billing.corrections import Wish
from app.billing.corrections_queries import LIST_KEYS
from app.billing.model import BillingEntry, Correction
from app.engagements.model import Engagement
from app.foundation import tenancy
from app.foundation.tenancy import one

operations = Operations(
    "corrections",
    __name__,
    description="A rated entry of a closed month is taken back and billed anew, in an open month. "
    "Each takes billing-entry:view besides: nobody asks for or approves amounts that they may not see.",
)

VIEW = {"partner": "billing-entry:view"}
REQUEST = {"partner": "correction:request"}
DECIDE = {"partner": "correction:decide"}


@operations.get("/corrections", query=schemas.CorrectionFilters, gives=page_of(schemas.Correction), needs=VIEW)
def list_corrections(query: dict[str, Any]) -> Any:
    """Corrections of every engagement, the one asked for last first."""
    found = corrections_queries.corrections(
        engagement_id=query.get("engagement"),
        entry_id=query.get("entry"),
        state=query.get("status"),
        service_month=query.get("month"),
    )
    found = in_sight(found, Correction.programme_id, tenancy.current())
    return listed(found, LIST_KEYS, query, shaped)


@operations.get(
    "/billing-entries/<uuid:entry_id>/correction-preview", query=schemas.RightQuantity, gives=schemas.CorrectionPreview, needs=REQUEST
)  # fmt: skip
def preview_correction(query: dict[str, Any], entry_id: uuid.UUID) -> Any:
    """Both lines of a correction before anything is asked for. Refused as asking for it would be."""
    return preview(_entry(entry_id), query["quantity"])


@operations.post(
    "/billing-entries/<uuid:entry_id>/corrections", takes=schemas.NewCorrection, gives=schemas.CorrectionDetails, status=201, needs=REQUEST
)  # fmt: skip
def ask_for_correction(body: dict[str, Any], entry_id: uuid.UUID) -> Any:
    """Ask for a rated entry of a closed month to be billed otherwise. Books nothing: somebody else approves it."""
    entry, wish = _entry(entry_id), Wish(body["quantity"], body["reason"])
    return details(once(body, lambda: corrections.ask(entry, wish, shown=body["shown"], by=tenancy.current())))


@operations.get("/corrections/<uuid:correction_id>", gives=schemas.CorrectionDetails, needs=VIEW)
def get_correction(correction_id: uuid.UUID) -> Any:
    """One correction: what was asked for and why, what it would book now, what it has booked."""
    return details(_correction(correction_id).id)


@operations.post(
    "/corrections/<uuid:correction_id>/approve", takes=schemas.CorrectionApproval, gives=schemas.CorrectionDetails, needs=DECIDE
)  # fmt: skip
def approve_correction(body: dict[str, Any], correction_id: uuid.UUID) -> Any:
    """The second person's yes: both lines are booked now. Never one's own, and the operator's where it is a large one."""
    return _decide(
        body, correction_id, lambda c: corrections.approve(c, shown=body["shown"], by=tenancy.current())
    )  # fmt: skip


@operations.post(
    "/corrections/<uuid:correction_id>/reject", takes=schemas.CorrectionRejection, gives=schemas.CorrectionDetails, needs=DECIDE
)  # fmt: skip
def reject_correction(body: dict[str, Any], correction_id: uuid.UUID) -> Any:
    """The second person's no. Nothing is booked."""
    return _decide(
        body, correction_id, lambda c: corrections.reject(c, reason=body["reason"], by=tenancy.current())
    )  # fmt: skip


@operations.post(
    "/corrections/<uuid:correction_id>/withdraw", takes=Nothing, gives=schemas.CorrectionDetails, needs=REQUEST
)  # fmt: skip
def withdraw_correction(body: dict[str, Any], correction_id: uuid.UUID) -> Any:
    """Take back what one's own member asked for, while it waits."""
    return _decide(body, correction_id, lambda c: corrections.withdraw(c, by=tenancy.current()))


def _decide(body: dict[str, Any], correction_id: uuid.UUID, do: Callable[[Correction], Correction]) -> dict[str, Any]:
    _correction(correction_id)
    return details(once(body, lambda: do(one(Correction, correction_id))))


def _correction(correction_id: uuid.UUID) -> Correction:
    """404 before anything else is said about it, 403 for who may not see its amounts."""
    correction = one(Correction, correction_id)
    check_sees(one(Engagement, correction.engagement_id), tenancy.current())
    return correction


def _entry(entry_id: uuid.UUID) -> BillingEntry:
    entry = one(BillingEntry, entry_id)
    check_sees(one(Engagement, entry.engagement_id), tenancy.current())
    return entry
