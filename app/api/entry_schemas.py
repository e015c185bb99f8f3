"""Billing entries as the API takes and gives them: one, its explanation, and many at once."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.fields import Id, Instant, Month, Quantity, Signed, Text, plain_id
from app.api.schemas import CUSTOMERS, PARTNERS, Money, Named, Paging, RecordError, note
from app.billing import own_entries
from app.billing import states as entry_states
from app.foundation.billing_month import BillingMonth
from app.foundation.exact import parse_exact

#: Both capacities' words for where an entry stands: "being-rated" is a customer's for submitted and in_review.
ENTRY_STATES = (
    *dict.fromkeys([entry_states.SUBMITTED, entry_states.IN_REVIEW, *own_entries.SHOWN_AS, entry_states.WITHDRAWN]),
)
#: in the order of their life
CORRECTION_STATES = (
    entry_states.REQUESTED, entry_states.APPROVED, entry_states.REJECTED, entry_states.WITHDRAWN,
)  # fmt: skip


class Numbered(Schema):
    id = Id(required=True)
    number = fields.String(required=True, metadata={"examples": ["BE-3107"]})


class EntryEngagement(Named):
    number = fields.String(required=True)


class EntryMetric(Named):
    code = fields.String(required=True)
    unit = fields.String(required=True)


class Charge(Schema):
    gross = fields.Nested(Money, required=True, **note("Without tax."))
    tax = fields.Nested(Money, required=True)


class BillingEntry(Schema):
    id = Id(required=True)
    number = fields.String(required=True, metadata={"examples": ["BE-3107"]})
    engagement = fields.Nested(EntryEngagement, required=True)
    metric = fields.Nested(EntryMetric, required=True)
    month = Month(required=True)
    booked_month = Month(required=True, **note("The month it is charged in; another one for what a correction booked."))
    kind = fields.String(
        required=True,
        validate=validate.OneOf([entry_states.ENTRY, entry_states.REVERSAL, entry_states.REBILL]),
        **note("A correction books a reversal and, unless nothing is billed anew, a rebill."),
    )
    corrects = fields.Nested(
        Numbered,
        required=True,
        allow_none=True,
        **note("Of a reversal or rebill: the entry it takes back or bills anew."),
    )
    quantity = Signed(required=True, **note("Below zero for a reversal."))
    notes = fields.String(required=True)
    status = fields.String(
        required=True,
        validate=validate.OneOf(ENTRY_STATES),
        **note('A customer reads "being-rated" where a partner reads "submitted" or "in_review".'),
    )
    submitted_at = Instant(required=True)
    submitted_by = fields.String(**note(PARTNERS))
    is_test = fields.Boolean(**note(f"{PARTNERS} Of an end-to-end test: charged to nobody."))
    amount = fields.Nested(
        Money, allow_none=True, **note(f"{PARTNERS} In the programme's own terms; null until rated.")
    )
    reason = fields.String(allow_none=True, **note(f"{PARTNERS} Why it was rejected, or is looked at."))
    charge = fields.Nested(Charge, allow_none=True, **note(f"{CUSTOMERS} Null until rated."))


class Tier(Schema):
    above = Quantity(required=True)
    up_to = Quantity(required=True, allow_none=True)
    quantity = fields.String(required=True, **note("May be below zero: a tier that is taken back."))
    unit_price = fields.String(required=True)
    amount = fields.String(required=True, **note("Not rounded."))


class EntryLink(Numbered):
    """Another row of the same correction."""

    relation = fields.String(
        required=True,
        validate=validate.OneOf(["corrected", "sister", "taken-back-by", "billed-anew-as"]),
        **note("What the other row is to this one."),
    )
    quantity = Signed(required=True)
    booked_month = Month(required=True)


class Explanation(Schema):
    """amount = cost_after - cost_before, each the month's whole cost, rounded once."""

    provisional = fields.Boolean(required=True)
    model = fields.String(required=True, metadata={"examples": ["graduated"]})
    price_from = Month(required=True, **note("Since when the price is in force."))
    quantity_before = Quantity(required=True)
    quantity_after = Quantity(required=True)
    tiers = fields.List(fields.Nested(Tier), required=True)
    cost_before = fields.Nested(Money, **note(f"{PARTNERS} In the programme's own terms."))
    cost_after = fields.Nested(Money, **note(f"{PARTNERS} In the programme's own terms."))
    amount = fields.Nested(Money, **note(f"{PARTNERS} In the programme's own terms."))
    gross = fields.Nested(Money, required=True, **note("What the customer is charged, without tax."))
    due = fields.Nested(Money, **note(f"{PARTNERS} What the partner gets."))
    derived = fields.Boolean(
        **note(f"{CUSTOMERS} The unit prices are derived for display; what is charged is gross, rounded once.")
    )
    links = fields.List(
        fields.Nested(EntryLink), required=True, **note("The rows of a correction that it belongs with.")
    )


class EntryCorrection(Numbered):
    status = fields.String(required=True, validate=validate.OneOf(CORRECTION_STATES))


class BillingEntryDetails(BillingEntry):
    explanation = fields.Nested(Explanation, required=True, allow_none=True)
    correction = fields.Nested(
        EntryCorrection, allow_none=True, **note(f"{PARTNERS} The one that waits on it, or that it was booked for.")
    )
    actions = fields.List(
        fields.String(validate=validate.OneOf(["withdraw", "correct"])),
        required=True,
        **note("What this key may do with the entry as it stands."),
    )


class EntryFilters(Paging):
    month = Month(**note("The month the work belongs to."))
    status = fields.String(validate=validate.OneOf(ENTRY_STATES))
    metric = Id(**note("A metric's id."))
    search = Text(100, **note("In number and notes."))


class NewEntry(Schema):
    metric = Text(60, least=1, required=True, **note("A metric's id or code."))
    month = Month(required=True)
    quantity = Quantity(required=True)
    notes = Text(500, lines=True, load_default="", **note("The customer reads them."))


class BatchRecord(NewEntry):
    key = Text(200, least=1, required=True, **note("Yours: one entry a key, however often it is sent."))
    engagement_id = Id(required=True)


class Records(fields.List):
    """A thousand at a time: where every one is plain they are read by hand, in a fifth of the time; else by their schema, which
    then says what is wrong."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        read = [_plain_record(record) for record in value] if isinstance(value, list) else [None]
        return super()._deserialize(value, attr, data, **kwargs) if None in read else read


def _plain_record(said: Any) -> dict[str, Any] | None:
    """What BatchRecord makes of it, where it is written without anything out of the ordinary; else None."""
    if not isinstance(said, dict) or said.keys() - _KEYS or _KEYS - said.keys() - {"notes"}:
        return None
    key, metric, notes = said["key"], said["metric"], said.get("notes", "")
    for text, least, most in ((key, 1, 200), (metric, 1, 60), (notes, 0, 500)):
        if not isinstance(text, str) or not least <= len(text) <= most or not (text.isascii() and text.isprintable()):
            return None
    try:
        engagement_id, month, quantity = (said[name] for name in ("engagement_id", "month", "quantity"))
        return {
            "key": key, "metric": metric, "notes": notes, "engagement_id": plain_id(engagement_id),
            "month": BillingMonth.parse(month), "quantity": parse_exact(quantity),
        }  # fmt: skip
    except (ValueError, TypeError, AttributeError):  # no text, or not the text of one
        return None


_KEYS = frozenset(BatchRecord().fields)


class Batch(Schema):
    records = Records(fields.Nested(BatchRecord), required=True, validate=validate.Length(min=1, max=1000))


class RecordResult(Schema):
    key = fields.String(required=True)
    result = fields.String(required=True, validate=validate.OneOf(["created", "duplicate", "refused"]))
    id = Id(required=True, allow_none=True)
    number = fields.String(required=True, allow_none=True)
    errors = fields.List(fields.Nested(RecordError), required=True)


class Results(fields.List):
    """As many as records: told by hand, in a fifth of the time, as their schema tells them."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[dict[str, Any]]:
        return [one | {"id": None if one["id"] is None else str(one["id"])} for one in value]


class BatchResult(Schema):
    results = Results(fields.Nested(RecordResult), required=True)
