"""What can happen to an engagement, with the exact facts each event carries, and who is told.

`customer_sentence` is what the client reads; None keeps an event among partner and operator.
"""

from collections.abc import Iterable
from typing import Any

from app.engagements.model import Engagement
from app.foundation.history import Event, declare
from app.foundation.outbox import Notice
from app.foundation.permissions import declare as declare_permission
from app.foundation.text import N_

VIEW = declare_permission("engagement:view", N_("See engagements, their details and history"))
VIEW_OWN = declare_permission("engagement:view-own", N_("See the own organisation's engagements"))
REQUEST = declare_permission("engagement:request", N_("Request an engagement"))
STEER = declare_permission("engagement:steer", N_("Withdraw, ask for completion, delete the instance"))
DECIDE = declare_permission("engagement:decide", N_("Approve and reject requests"))
COMPLETE = declare_permission("engagement:complete", N_("Mark as complete, reject completion requests"))


def _about(engagement: Engagement, **more: Any) -> dict[str, Any]:
    about = {"number": engagement.number, "name": engagement.name, "engagement_id": str(engagement.id), **more}
    # a test's client is its partner, who reads it on the partner's page
    return {**about, "page": f"/engagements/{engagement.id}"} if engagement.is_test else about


def _tell_client(template: str) -> Any:
    """A notice to the member who asked; the reason is among the facts where the event has one."""

    def tells(engagement: Engagement, facts: dict[str, Any]) -> Iterable[Notice]:
        if engagement.requested_by_id:
            yield Notice(
                "member",
                str(engagement.requested_by_id),
                template,
                _about(engagement, **facts),
                organisation_id=engagement.customer_id,
            )

    return tells


def _tell_client_of_completion(engagement: Engagement, facts: dict[str, Any]) -> Iterable[Notice]:
    """Without the closing note: the form promises that partner and operator alone read it."""
    return _tell_client("marked_complete")(engagement, {name: fact for name, fact in facts.items() if name != "note"})


def _tell_partner(template: str, permission: str) -> Any:
    def tells(engagement: Engagement, facts: dict[str, Any]) -> Iterable[Notice]:
        yield Notice("organisation", str(engagement.partner_id), template, _about(engagement, **facts), permission)

    return tells


def _tell_request_address(engagement: Engagement, facts: dict[str, Any]) -> Iterable[Notice]:
    """The guide's one notification: the request is mailed to the address of the catalog entry."""
    if facts["mailed_to"]:  # a draft may be tested before it has one
        yield Notice("address", facts["mailed_to"], "engagement_requested", _about(engagement, **facts))


CREATED = declare(
    Event(
        "engagement_created",
        N_("Created on plan %(plan)s, request mailed to %(mailed_to)s"),
        N_("Requested on plan %(plan)s"),
        frozenset({"plan", "product", "client", "mailed_to"}),
        icon="add",
        tells=_tell_request_address,
    )
)
declare(
    Event(
        "request_approved",
        N_("Request approved"),
        N_("Request approved"),
        frozenset({"product"}),
        icon="checkmark",
        tells=_tell_client("request_approved"),
    )
)
declare(
    Event(
        "request_rejected",
        N_("Request rejected: %(reason)s"),
        N_("Request rejected: %(reason)s"),
        frozenset({"product", "reason"}),
        icon="close",
        tells=_tell_client("request_rejected"),
    )
)
declare(
    Event(
        "request_withdrawn",
        N_("Request withdrawn by the client"),
        N_("Request withdrawn"),
        frozenset({"client"}),
        icon="undo",
        tells=_tell_partner("request_withdrawn", DECIDE),
    )
)
declare(
    Event(
        "completion_requested",
        N_("Completion requested: %(wish)s"),
        N_("Completion requested: %(wish)s"),
        frozenset({"client", "wish"}),
        icon="task",
        tells=_tell_partner("completion_requested", COMPLETE),
    )
)
declare(
    Event(
        "completion_request_withdrawn",
        N_("Completion request withdrawn by the client"),
        N_("Completion request withdrawn"),
        frozenset({"client"}),
        icon="undo",
        tells=_tell_partner("completion_request_withdrawn", COMPLETE),
    )
)
declare(
    Event(
        "marked_complete",
        N_("Marked as complete %(how)s"),
        N_("Complete"),
        frozenset({"product", "how", "note"}),
        icon="checkmark",
        tells=_tell_client_of_completion,
    )
)
declare(
    Event(
        "completion_declined",
        N_("Completion request declined, engagement kept active: %(reason)s"),
        N_("Completion request declined: %(reason)s"),
        frozenset({"product", "reason"}),
        icon="undo",
        tells=_tell_client("completion_declined"),
    )
)
declare(
    Event(
        "completion_rejected",
        N_("Completion request rejected, engagement deleted: %(reason)s"),
        N_("Completion request rejected, engagement deleted: %(reason)s"),
        frozenset({"product", "reason"}),
        icon="close",
        tells=_tell_client("completion_rejected"),
    )
)
declare(Event("instance_deleted", N_("Instance deleted by the client"), N_("Instance deleted"), icon="subtract"))
