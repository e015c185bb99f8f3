"""What an entry, or many, would come to before they are sent, and what looks like them.

Nothing is written here. A preview says no where the submission would, in the same words.
"""

import uuid
from typing import Any

from app.api import preview_schemas as schemas
from app.api.billing_entries import SUBMIT, draft_of, lines_of, result
from app.api.entry_shapes import STRICT, check_sees, explained
from app.api.operations import Operations, once_answered
from app.api.shapes import money
from app.billing import actions
from app.billing.batch import Judged, preview_batch
from app.billing.explanations import preview
from app.billing.lookalikes import Lookalike, lookalike_of, lookalikes
from app.billing.rating import prices_for
from app.billing.rules import needs_review
from app.catalog.queries import programme_of
from app.foundation import clock, tenancy
from app.foundation.refusals import Refused
from app.foundation.text import N_
from app.months.queries import taking_entries
from app.web.engagement_header import engagement_asked_for

operations = Operations(
    "previews",
    __name__,
    description="What entries would come to, before they are sent; nothing is written. Takes billing-entry:view besides.",
)


@operations.get(
    "/engagements/<uuid:engagement_id>/billing-entries/preview", query=schemas.PreviewedEntry, gives=schemas.EntryPreview, needs={"partner": SUBMIT}
)  # fmt: skip
def preview_billing_entry(query: dict[str, Any], engagement_id: uuid.UUID) -> Any:
    """What one entry would come to now, until when it can be sent, and an earlier one that looks the same.

    Refused where sending it would be. A lookalike forbids nothing: two are fine if the work is different.
    """
    engagement = engagement_asked_for(engagement_id).engagement
    check_sees(engagement, tenancy.current())
    if not actions.takes_entries(engagement):
        raise Refused("engagement", N_("The engagement takes no billing entries in its present state."))
    programme, draft = programme_of(engagement.product_id), draft_of(engagement, query)
    came_to = preview(engagement, programme, draft, prices_for(engagement))
    alike = lookalike_of(engagement.id, draft)
    takes = taking_entries(clock.now())[programme.cut_off]
    return {
        "amount": money(came_to.amount),
        "month_before": money(came_to.so_far),
        "month_after": money(came_to.then),
        "waits_for_review": needs_review(came_to.amount, programme.review_threshold),
        "closes_at": next((month.closes_at for month in takes if month.month == draft.month), None),
        "explanation": explained(came_to.explanation),
        "looks_like": _earlier(alike),
    }


@operations.post(
    "/billing-entries/batch/preview", takes=schemas.Batch, gives=schemas.BatchPreview, needs={"partner": SUBMIT}
)
def preview_many(body: dict[str, Any]) -> Any:
    """What sending this batch would do now, record by record, each on top of those before it.

    Takes billing-entry:view-with-all-three, since the records may be of any programme.
    """
    return once_answered(body, schemas.BatchPreview, lambda: _previewed(body))


def _previewed(body: dict[str, Any]) -> dict[str, Any]:
    viewer = tenancy.current()
    viewer.must(STRICT)  # the records may be of any programme
    judged = preview_batch(lines_of(body), by=viewer)
    return {
        "results": [
            _would_be(one, alike) for one, alike in zip(judged, lookalikes(judged), strict=True)
        ]
    }  # fmt: skip


def _would_be(judged: Judged, alike: Lookalike | None) -> dict[str, Any]:
    told = result(judged.outcome)
    if judged.outcome.result == "created":
        told["result"] = "would-be-created"
    if not judged.outcome.number:  # there is no entry yet
        told |= {"id": None, "number": None}
    return {
        **told,
        "amount": money(judged.rated.amount) if judged.rated else None,
        "waits_for_review": judged.waits_for_review,
        "looks_like": _earlier(alike),
    }


def _earlier(alike: Lookalike | None) -> dict[str, Any] | None:
    if alike is None:
        return None
    entry = alike.row
    return {
        "id": entry.id,
        "number": entry.number,
        "is_set_up": alike.is_set_up,
        "submitted_at": entry.submitted_at,
        "submitted_by": entry.submitted_by_name,
    }
