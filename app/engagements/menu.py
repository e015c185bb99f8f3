"""The Actions menu: the state table decides what there is, the member's permissions what of it is shown. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.engagements import states
from app.foundation import transitions
from app.foundation.tenancy import Viewer
from app.foundation.text import N_


@dataclass(frozen=True)
class MenuLine:
    """One verb. `place`: 'menu' (Actions menu) or 'details' (Approve and Reject live inside View details)."""

    action: str
    label: str
    permission: str
    icon: str
    place: str = "menu"
    danger: bool = False


LINES = {
    line.action: line
    for line in (
        MenuLine(states.APPROVE, N_("Approve"), "engagement:decide", "checkmark", place="details"),
        MenuLine(states.REJECT, N_("Reject"), "engagement:decide", "close", place="details", danger=True),
        MenuLine(states.ADD_BILLING_ENTRY, N_("Add billing entry"), "billing-entry:submit", "add"),
        MenuLine(states.MARK_AS_COMPLETE, N_("Mark as complete"), "engagement:complete", "checkmark"),
        MenuLine(states.DECLINE_KEEP_ACTIVE, N_("Decline, keep active"), "engagement:complete", "undo"),
        MenuLine(
            states.REJECT_COMPLETION_REQUEST,
            N_("Reject completion request"),
            "engagement:complete",
            "close",
            danger=True,
        ),
        MenuLine(states.WITHDRAW, N_("Withdraw request"), "engagement:steer", "undo", place="details", danger=True),
        MenuLine(states.REQUEST_COMPLETION, N_("Request completion"), "engagement:steer", "task", place="details"),
        MenuLine(
            states.WITHDRAW_COMPLETION_REQUEST,
            N_("Withdraw completion request"),
            "engagement:steer",
            "undo",
            place="details",
        ),
        MenuLine(
            states.DELETE_INSTANCE, N_("Delete instance"), "engagement:steer", "subtract", place="details", danger=True
        ),
    )
}


def lines_for(
    state: str, viewer: Viewer, *, place: str | None = None, instance_state: str = states.INSTANCE_ACTIVE
) -> list[MenuLine]:
    """What this viewer may do in this state, in the table's order; View details is the screen's own first line."""
    lines: Iterable[MenuLine] = (LINES[action] for action in transitions.actions_from(states.TRANSITIONS, state))
    return [
        line
        for line in lines
        if viewer.may(line.permission)
        and (place is None or line.place == place)
        and not (line.action == states.DELETE_INSTANCE and instance_state == states.INSTANCE_REMOVED)
    ]
