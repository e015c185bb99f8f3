"""What a request must hold, and what each decision does. Pure: values in, values out."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.foundation.refusals import Refused
from app.foundation.text import N_


class Asked(Protocol):
    """A custom parameter of the catalog entry."""

    key: str
    label: str
    kind: str
    options: list[str]
    required: bool


def answers(parameters: Sequence[Asked], given: Mapping[str, Any]) -> list[dict[str, str]]:
    """The client's answers as they are kept: label and value, in the catalog entry's order, unanswered ones left out.

    Refuses a missing required answer and a choice that is not offered, on the field `parameter-<key>`.
    """
    kept = []
    for parameter in parameters:
        value = given.get(parameter.key)
        text = ("Yes" if value else "No") if parameter.kind == "checkbox" else str(value or "").strip()
        field = f"parameter-{parameter.key}"
        if parameter.required and (not text or (parameter.kind == "checkbox" and not value)):
            raise Refused(field, N_("%(label)s is required."), label=parameter.label)
        if text and parameter.kind == "selection" and text not in parameter.options:
            raise Refused(field, N_("Choose one of the options for %(label)s."), label=parameter.label)
        if text:
            kept.append({"label": parameter.label, "value": text})
    return kept


#: the dialog's two outcomes -> the action of the state table
OUTCOMES = {"delete": "reject_completion_request", "keep-active": "decline_keep_active"}


def action_for_outcome(outcome: str) -> str:
    """What rejecting a completion request does. The guide: "to delete the engagement"; or it stays active."""
    if outcome not in OUTCOMES:
        raise Refused("outcome", N_("Choose what happens to the engagement."))
    return OUTCOMES[outcome]


def required_reason(text: str, field: str = "reason") -> str:
    """A reason the other side understands, at most 1,000 characters."""
    reason = text.strip()
    if not reason:
        raise Refused(field, N_("Give a reason; the other side reads it."))
    if len(reason) > 1000:
        raise Refused(field, N_("Keep the reason below 1,000 characters."))
    return reason
