"""What happens to a billing entry, told on its engagement's history. The client reads no amounts here: gross is elsewhere."""

from app.foundation.history import Event, declare
from app.foundation.permissions import declare as declare_permission
from app.foundation.text import N_

VIEW = declare_permission("billing-entry:view", N_("See billing entries and amounts"))
VIEW_STRICT = declare_permission(
    "billing-entry:view-with-all-three", N_("See billing where the programme asks all three roles")
)
SUBMIT = declare_permission("billing-entry:submit", N_("Add and withdraw billing entries"))
VIEW_QUEUE = declare_permission("rating-queue:view", N_("See the rating queue"))
DECIDE = declare_permission("rating-queue:decide", N_("Decide billing entries in review"))

SUBMITTED = declare(
    Event(
        "billing_submitted",
        N_("Billing entry %(number)s submitted: %(quantity)s %(unit)s for %(month)s"),
        N_("Billing entry %(number)s submitted: %(quantity)s %(unit)s for %(month)s"),
        frozenset({"number", "quantity", "unit", "month"}),
        icon="receipt",
    )
)
declare(
    Event(
        "billing_rated",
        N_("Billing entry %(number)s rated at %(amount)s"),
        N_("Billing entry %(number)s rated"),
        frozenset({"number", "amount", "before", "after"}),
        icon="checkmark",
    )
)
declare(
    Event(
        "billing_rejected",
        N_("Billing entry %(number)s rejected: %(reason)s"),
        None,
        frozenset({"number", "reason"}),
        icon="misuse",
    )
)
declare(
    Event(
        "billing_in_review",
        N_("Billing entry %(number)s waits for review: %(amount)s"),
        None,
        frozenset({"number", "amount"}),
        icon="time",
    )
)
declare(
    Event(
        "billing_withdrawn",
        N_("Billing entry %(number)s withdrawn"),
        N_("Billing entry %(number)s withdrawn"),
        frozenset({"number"}),
        icon="undo",
    )
)
RATING_RETRIED = declare(
    Event(
        "billing_rating_retried",
        N_("Billing entry %(number)s is tried again at once"),
        None,
        frozenset({"number"}),
        icon="renew",
    )
)
