"""What happens to a correction, told on its engagement's history. The client reads quantities, never reasons or amounts here."""

from collections.abc import Iterable
from typing import Any

from app.billing.model import Correction
from app.foundation.history import Event, declare
from app.foundation.outbox import Notice
from app.foundation.permissions import declare as declare_permission
from app.foundation.text import N_

REQUEST = declare_permission("correction:request", N_("Ask for a rated entry of a closed month to be corrected"))
DECIDE = declare_permission("correction:decide", N_("Approve and reject corrections that somebody else asked for"))

_WHAT = frozenset({"number", "entry", "was", "quantity", "unit", "month", "amount"})


def _about(correction: Correction, facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "engagement_id": str(correction.engagement_id), "correction_id": str(correction.id)}


def _tell_who_asked(template: str) -> Any:
    """On behalf of the organisation it was asked for: who has left it reads no amounts of its clients."""

    def tells(correction: Correction, facts: dict[str, Any]) -> Iterable[Notice]:
        if correction.asked_by_id:
            yield Notice(
                "member",
                str(correction.asked_by_id),
                template,
                _about(correction, facts),
                organisation_id=correction.asked_for_id,
            )

    return tells


REQUESTED = declare(
    Event(
        "correction_requested",
        N_(
            "Correction %(number)s of %(entry)s asked for: %(was)s to %(quantity)s %(unit)s in %(month)s, %(amount)s. %(reason)s"
        ),
        None,
        _WHAT | {"reason"},
        icon="edit",
    )
)
declare(
    Event(
        "correction_approved",
        N_(
            "Correction %(number)s of %(entry)s approved: %(was)s to %(quantity)s %(unit)s, %(amount)s booked in %(month)s"
        ),
        N_("Billing entry %(entry)s corrected: %(was)s to %(quantity)s %(unit)s, booked in %(month)s"),
        _WHAT,
        icon="checkmark",
        tells=_tell_who_asked("correction_approved"),
    )
)
declare(
    Event(
        "correction_rejected",
        N_("Correction %(number)s of %(entry)s rejected: %(reason)s"),
        None,
        frozenset({"number", "entry", "reason"}),
        icon="misuse",
        tells=_tell_who_asked("correction_rejected"),
    )
)
declare(
    Event(
        "correction_withdrawn",
        N_("Correction %(number)s of %(entry)s taken back by who asked for it"),
        None,
        frozenset({"number", "entry"}),
        icon="undo",
    )
)
REVERSED = declare(
    Event(
        "billing_reversed",
        N_("Billing entry %(number)s takes back %(corrects)s: %(amount)s, booked in %(month)s"),
        N_("Billing entry %(number)s takes back %(corrects)s, booked in %(month)s"),
        frozenset({"number", "corrects", "amount", "before", "after", "month"}),
        icon="undo",
    )
)
REBILLED = declare(
    Event(
        "billing_rebilled",
        N_("Billing entry %(number)s bills %(corrects)s anew: %(amount)s, booked in %(month)s"),
        N_("Billing entry %(number)s bills %(corrects)s anew, booked in %(month)s"),
        frozenset({"number", "corrects", "amount", "before", "after", "month"}),
        icon="receipt",
    )
)
