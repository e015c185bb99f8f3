"""What programs are told: History's events by the names that webhooks give them, and the facts that each side may have.

Thin on purpose: ids, where it stands now, and the words of the event. No amounts: an endpoint holds no roles, and whoever wants
an amount asks the API with a key whose member may see it. A customer is told what its own History tab says, and nothing else.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.foundation import announcements
from app.foundation.database import canonical_json
from app.foundation.tenancy import Capacity
from app.foundation.text import N_


@dataclass(frozen=True)
class Told:
    """One kind of message. `partner`, `customer`: the event's facts that this side is given; None: it is not told.

    `subject`, `about`: how the message names whose history it is from, and the row that the event is about. A customer is not
    told which correction changed its bill.
    """

    type: str
    sentence: str
    partner: tuple[str, ...] | None
    customer: tuple[str, ...] | None
    subject: str = "engagement_id"
    about: str = "billing_entry_id"

    def facts_for(self, capacity: str) -> tuple[str, ...] | None:
        return {"partner": self.partner, "customer": self.customer}.get(capacity)


#: History's event -> the message
EVENTS: dict[str, Told] = {
    "engagement_created": Told(
        "engagement.requested", N_("An engagement was requested"), ("plan", "product", "client"), ("plan", "product")
    ),
    "request_approved": Told("engagement.approved", N_("A request was approved"), ("product",), ("product",)),
    "request_rejected": Told(
        "engagement.rejected", N_("A request was rejected"), ("product", "reason"), ("product", "reason")
    ),
    "request_withdrawn": Told(
        "engagement.withdrawn", N_("The customer took a request back"), ("client",), ("client",)
    ),
    "completion_requested": Told(
        "engagement.completion_requested", N_("The customer asks for completion"), ("client", "wish"), ("client", "wish")
    ),
    "completion_request_withdrawn": Told(
        "engagement.completion_request_withdrawn", N_("The customer took a completion request back"), ("client",), ("client",)
    ),
    "marked_complete": Told(
        "engagement.completed", N_("An engagement is complete"), ("product", "how", "note"), ("product",)
    ),
    "completion_declined": Told(
        "engagement.completion_declined",
        N_("A completion request was declined, the engagement goes on"),
        ("product", "reason"),
        ("product", "reason"),
    ),
    "completion_rejected": Told(
        "engagement.completion_rejected",
        N_("A completion request was rejected and the engagement deleted"),
        ("product", "reason"),
        ("product", "reason"),
    ),
    "instance_deleted": Told("engagement.instance_deleted", N_("The customer deleted the instance"), (), ()),
    "billing_submitted": Told(
        "billing_entry.submitted",
        N_("A billing entry was submitted"),
        ("number", "quantity", "unit", "month"),
        ("number", "quantity", "unit", "month"),
    ),
    "billing_rated": Told("billing_entry.rated", N_("A billing entry was rated"), ("number",), ("number",)),
    "billing_rejected": Told(
        "billing_entry.rejected", N_("A billing entry was rejected"), ("number", "reason"), None
    ),
    "billing_in_review": Told("billing_entry.in_review", N_("A billing entry waits for review"), ("number",), None),
    "billing_withdrawn": Told("billing_entry.withdrawn", N_("A billing entry was withdrawn"), ("number",), ("number",)),
    # a product's way into the catalog, for its partner alone
    **{
        event: Told(type_, sentence, facts, None, subject="product_id", about="price_version_id")
        for event, type_, sentence, facts in (
            ("pricing_approved", "product.pricing_approved", N_("The pricing of a product was approved"), ()),
            ("pricing_returned", "product.pricing_returned", N_("The pricing of a product came back"), ("reason",)),
            ("evidence_approved", "product.evidence_approved", N_("The metering evidence of a product was approved"), ()),
            ("evidence_returned", "product.evidence_returned", N_("The metering evidence of a product came back"), ("reason",)),
            ("product_published", "product.published", N_("A product was published"), ("edition",)),
            ("publication_returned", "product.publication_returned", N_("A product came back from publication"), ("reason",)),
            ("product_withdrawn", "product.withdrawn", N_("A product was withdrawn from the catalog"), ()),
            ("prices_approved", "product.prices_approved", N_("A version of a plan's prices was approved"), ("plan", "number", "month")),
            ("prices_returned", "product.prices_returned", N_("A version of a plan's prices came back"), ("plan", "number", "reason")),
            ("prices_announced", "product.prices_announced", N_("Customers were told of a change of prices"), ("plan", "month", "customers")),
        )
    },
    "correction_requested": Told(
        "correction.requested",
        N_("A correction of a rated entry was asked for, and waits for a second person"),
        ("number", "entry", "was", "quantity", "unit", "month", "reason"),
        None,
        about="correction_id",
    ),
    "correction_approved": Told(
        "correction.approved",
        N_("A correction was approved and booked"),
        ("number", "entry", "was", "quantity", "unit", "month"),
        ("entry", "was", "quantity", "unit", "month"),
        about="correction_id",
    ),
    "correction_rejected": Told(
        "correction.rejected", N_("A correction was rejected"), ("number", "entry", "reason"), None, about="correction_id"
    ),
    "correction_withdrawn": Told(
        "correction.withdrawn", N_("A correction was taken back by who asked for it"), ("number", "entry"), None, about="correction_id"
    ),
    "billing_reversed": Told(
        "billing_entry.reversed",
        N_("A rated entry was taken back by a correction"),
        ("number", "corrects", "month"),
        ("number", "corrects", "month"),
    ),
    "billing_rebilled": Told(
        "billing_entry.rebilled",
        N_("A rated entry was billed anew by a correction"),
        ("number", "corrects", "month"),
        ("number", "corrects", "month"),
    ),
    **{
        event: Told(type_, sentence, facts, facts, subject="organisation_id", about=about)
        for event, type_, sentence, facts, about in (
            ("invitation_sent", "invitation.sent", N_("Somebody was invited"), ("email", "roles"), "invitation_id"),
            ("invitation_accepted", "invitation.accepted", N_("An invitation was accepted"), ("email",), "invitation_id"),
            ("invitation_declined", "invitation.declined", N_("An invitation was declined"), ("email",), "invitation_id"),
            ("invitation_withdrawn", "invitation.withdrawn", N_("An invitation was withdrawn"), ("email",), "invitation_id"),
            ("member_joined", "member.joined", N_("A member joined"), ("member", "roles"), "membership_id"),
            ("member_roles_changed", "member.roles_changed", N_("A member's roles changed"), ("member", "before", "after"), "membership_id"),
            ("member_left", "member.left", N_("A member was removed"), ("member",), "membership_id"),
        )
    },
}  # fmt: skip
#: A type's first word -> what its group is called where types are chosen
GROUPS = {
    "engagement": N_("Engagements"), "billing_entry": N_("Billing entries"), "correction": N_("Corrections"),
    "product": N_("Products"), "invitation": N_("Invitations"), "member": N_("Members"),
}  # fmt: skip
#: Sent by hand, to see whether an endpoint listens. Not chosen: everybody may.
TEST = "endpoint.test"

announcements.know(*EVENTS)


def offered(capacity: Capacity) -> list[Told]:
    """What an endpoint of this capacity may be told."""
    return [told for told in EVENTS.values() if told.facts_for(capacity) is not None]


def grouped(capacity: Capacity) -> dict[str, list[Told]]:
    """The same under the names of their groups, both in the tables' orders."""
    groups = {
        name: [told for told in offered(capacity) if told.type.startswith(f"{word}.")] for word, name in GROUPS.items()
    }
    return {name: found for name, found in groups.items() if found}


def fitting(types: Sequence[str], capacity: Capacity) -> list[str]:
    """Of these types the ones there are, in the table's order."""
    return [told.type for told in offered(capacity) if told.type in types]


def body_for(entry: Any, capacity: str) -> str | None:
    """The message about an entry of History, as this side is told it; None: it is not."""
    told = EVENTS[entry.event]
    names = told.facts_for(capacity)
    if names is None:
        return None
    facts = json.loads(entry.facts)
    subject: dict[str, Any] = {told.subject: str(entry.subject_id)}
    if entry.about_id is not None and (capacity, told.about) != ("customer", "correction_id"):
        subject[told.about] = str(entry.about_id)
    return message(told.type, entry.at, {**subject, "status": entry.to_state, **{name: facts[name] for name in names}})


def message(event_type: str, at: Any, content: dict[str, Any]) -> str:
    """{"type": ..., "timestamp": ..., "data": {...}} in one spelling: it is signed as it stands."""
    return canonical_json({"type": event_type, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": content})
