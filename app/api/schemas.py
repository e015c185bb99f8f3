"""What the API takes and gives, resource by resource. A field that is not here is neither read nor written.

One resource, one schema: what only one capacity is given says so, and is left out for the other. Customers are given gross and
tax, never what a partner is due nor an amount in a programme's own terms.
"""

from functools import lru_cache
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.fields import Cursor, Given, Id, Instant, Limit, Month, Phone, Quantity, Text, Version
from app.engagements import states
from app.engagements.rules import OUTCOMES

PARTNERS, CUSTOMERS = "Partners only.", "Customers only."
ENGAGEMENT_STATES = (*states.CURRENT, *states.PAST)


def note(text: str) -> dict[str, Any]:
    return {"metadata": {"description": text}}


class Money(Schema):
    amount = fields.String(required=True, metadata={"pattern": r"^-?[0-9]+([.][0-9]+)?$", "examples": ["12.34"]})
    currency = fields.String(required=True, metadata={"pattern": "^[A-Z]{3}$", "examples": ["USD"]})


class Named(Schema):
    id = Id(required=True)
    name = fields.String(required=True)


class Answer(Schema):
    label = fields.String(required=True)
    value = fields.String(required=True)


class CompletionRequest(Schema):
    asked_at = Instant(required=True)
    asked_by = fields.String(required=True)
    wish = fields.String(required=True)


class Engagement(Schema):
    id = Id(required=True)
    number = fields.String(required=True, metadata={"examples": ["ENG-1042"]})
    name = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(ENGAGEMENT_STATES))
    instance_status = fields.String(required=True, validate=validate.OneOf(["active", "removed"]))
    product = fields.Nested(Named, required=True)
    plan = fields.Nested(Named, required=True)
    customer = fields.Nested(Named, required=True)
    partner = fields.Nested(Named, required=True)
    requested_at = Instant(required=True)
    active_from = Instant(required=True, allow_none=True, **note("Work is billable from this instant."))
    ended_at = Instant(required=True, allow_none=True, **note("Work is billable until this instant."))


class EngagementDetails(Engagement):
    version = Version(
        required=True, **note("Send it back with a decision to make sure that nothing changed meanwhile.")
    )
    is_test = fields.Boolean(
        required=True, **note("An end-to-end test before publication: in no list, no total, no statement.")
    )
    contact_number = fields.String(required=True)
    additional_information = fields.String(required=True)
    custom_parameters = fields.List(fields.Nested(Answer), required=True)
    requested_by = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    completion_request = fields.Nested(CompletionRequest, required=True, allow_none=True)
    actions = fields.List(
        fields.String(), required=True, **note("What this key may do with the engagement as it stands.")
    )


class Event(Schema):
    sequence = fields.Integer(required=True)
    event = fields.String(required=True, metadata={"examples": ["request_approved"]})
    sentence = fields.String(required=True)
    at = Instant(required=True)
    by = fields.String(required=True)
    from_status = fields.String(allow_none=True, **note(PARTNERS))
    to_status = fields.String(allow_none=True, **note(PARTNERS))
    billing_entry_id = Id(allow_none=True, **note(f"{PARTNERS} The entry that the event is about."))


class Band(Schema):
    up_to = Quantity(required=True, allow_none=True)
    price = fields.String(required=True)


class Tariff(Schema):
    model = fields.String(required=True, metadata={"examples": ["per_unit", "graduated", "simple", "block"]})
    currency = fields.String(required=True)
    charge_unit = Quantity(required=True)
    bands = fields.List(fields.Nested(Band), required=True)


class ChargeLine(Schema):
    id = Id(required=True)
    booked_month = Month(required=True)
    service_month = Month(required=True)
    description = fields.String(required=True)
    partner = fields.String(required=True)
    gross = fields.Nested(Money, required=True, **note("What the customer is charged, without tax."))
    tax = fields.Nested(Money, required=True)
    source = fields.String(required=True, metadata={"examples": ["billing-entry"]})
    source_id = Id(required=True)
    customer = fields.String(**note(PARTNERS))
    due = fields.Nested(Money, **note(f"{PARTNERS} What the partner gets."))


class ChargeTotal(Schema):
    booked_month = Month(required=True)
    gross = fields.Nested(Money, required=True, **note("What customers are charged, without tax."))
    tax = fields.Nested(Money, required=True)
    due = fields.Nested(Money, **note(f"{PARTNERS} What the partner gets."))


@lru_cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The list of it: {"items": [...], "next_cursor": text or null}."""
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next_cursor": fields.String(
                required=True, allow_none=True, **note("Pass it as ?cursor= for what follows; null: that was all.")
            ),
        },
        name=f"{item.__name__}Page",
    )


# What is taken.


class Paging(Schema):
    cursor = Cursor(**note("Where the page before said next_cursor."))
    limit = Limit(load_default=50)


class EngagementFilters(Paging):
    status = fields.String(validate=validate.OneOf((*ENGAGEMENT_STATES, "current", "past")))
    product = Id(**note("A product's id."))
    plan = Id(**note("A plan's id."))
    customer = Id(**note("A customer's id."))
    month = Month(**note("Requested in this month, UTC."))
    search = Text(100, **note("In number, name, customer and product."))


class ChargeFilters(Paging):
    month = Month(**note("The month the line is booked in."))
    search = Text(100, **note("In the description."))


class MonthRange(Schema):
    first = Month(**note("The first month wanted."))
    last = Month(**note("The last month wanted."))


class CatalogFilters(Paging):
    search = Text(100)
    category = Text(60)


class Nothing(Schema):
    """No body, or an empty object."""


class Decision(Schema):
    version = Version(**note("As the engagement showed it; 409 if it changed since. Left out: whatever it is."))


class Rejection(Decision):
    reason = Text(1000, lines=True, least=1, required=True, **note("The customer reads it."))


class Completion(Decision):
    note = Text(1000, lines=True, load_default="", **note("Kept in the history, for partner and operator."))


class CompletionRejection(Rejection):
    outcome = fields.String(required=True, validate=validate.OneOf(sorted(OUTCOMES)))


class Wish(Decision):
    wish = Text(1000, lines=True, load_default="", **note("The partner reads it."))


def answers() -> fields.Field[dict[str, object]]:
    """What is answered to a service's own questions."""
    return fields.Dict(
        keys=Text(40),
        values=Given(),
        load_default=dict,
        **note("The service's own questions: key -> text, or true or false for a checkbox."),
    )


class EngagementRequest(Schema):
    product_id = Id(required=True)
    plan_id = Id(required=True)
    name = Text(120, least=1, required=True)
    contact_number = Phone(required=True)
    additional_information = Text(2000, lines=True, load_default="")
    parameters = answers()


class RecordError(Schema):
    field = fields.String(required=True)
    message = fields.String(required=True)


class Problem(Schema):
    """RFC 9457."""

    type = fields.String(required=True)
    status = fields.Integer(required=True)
    title = fields.String(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(RecordError))
    permission = fields.String(**note("The one that is missing."))
    state = fields.String(**note("Where the thing stands now."))
