"""The types of notice a member may switch off, in the portal and by mail. A mail template names its own in its head.

What concerns one's own account (password links, invitations) is no type: nobody can switch it off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.foundation.capacity import Capacity
from app.foundation.text import N_


@dataclass(frozen=True)
class NoticeType:
    """`capacities`: who is told of such things, and so offered the switch."""

    key: str
    label: str
    sentence: str
    capacities: tuple[Capacity, ...] = ("partner", "customer", "operator")
    #: told in the portal as well as by mail; the digest's place in the portal is the Inbox itself
    in_portal: bool = True


REQUESTS, DECISIONS, PASSED, LISTING = "requests", "decisions", "passed", "listing"
MONTHS, WEBHOOKS, CLOUD, DIGEST, OTHER = "months", "webhooks", "cloud", "digest", "other"
STATEMENTS = "statements"

TYPES: dict[str, NoticeType] = {
    one.key: one
    for one in (
        NoticeType(
            REQUESTS,
            N_("Requests from clients"),
            N_("A client asks for completion, or takes a request back."),
            ("partner",),
        ),
        NoticeType(
            DECISIONS,
            N_("Decisions on my requests"),
            N_("A request is approved or rejected, an engagement is complete, a correction is decided."),
            ("partner", "customer"),
        ),
        NoticeType(LISTING, N_("Services and prices"), N_("A review of a service has ended, or a price changes.")),
        NoticeType(PASSED, N_("Decisions passed to me"), N_("A colleague passes a line of the inbox to you.")),
        NoticeType(
            MONTHS,
            N_("Months about to close"),
            N_("Active engagements have no billing entry yet, and the month closes soon."),
            ("partner",),
        ),
        NoticeType(STATEMENTS, N_("Cloud statements"), N_("A supplier has issued a statement to you."), ("customer",)),
        NoticeType(WEBHOOKS, N_("Webhooks that fail"), N_("An endpoint was disabled because nothing arrived there.")),
        NoticeType(
            CLOUD,
            N_("Cloud reselling"),
            N_("A CSP account needs a new consent, a discovery fails, a budget is used up."),
            ("partner",),
        ),
        NoticeType(OTHER, N_("Everything else"), N_("What fits none of the lines above.")),
        NoticeType(
            DIGEST,
            N_("Daily digest"),
            N_("One mail each morning at 7:00 in your time zone, while decisions wait for you."),
            in_portal=False,
        ),
    )
}


def type_of(named: str) -> str:
    """The type a template names; what names none, or an unknown one, is everything else."""
    return named if named in TYPES else OTHER


def is_about_account(facts: Mapping[str, Any], subject_kind: str | None) -> bool:
    """Whether it concerns the reader's own account: a link that acts for its reader, an invitation. Always told, by mail."""
    return "path" in facts or subject_kind == "member"
