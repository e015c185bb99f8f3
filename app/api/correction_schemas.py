"""Corrections after close as the API takes and gives them. Partners only: a customer reads the rows that were booked."""

from marshmallow import Schema, fields, validate

from app.api.entry_schemas import CORRECTION_STATES, EntryEngagement, EntryMetric, Numbered
from app.api.fields import Id, Instant, Month, Quantity, Signed, Text
from app.api.schemas import Money, Paging, note
from app.billing import states

_OWN_TERMS = "In the programme's own terms."


class CorrectedEntry(Numbered):
    quantity = Quantity(required=True)


class CorrectionLine(Schema):
    kind = fields.String(required=True, validate=validate.OneOf([states.REVERSAL, states.REBILL]))
    quantity = Signed(required=True)
    quantity_before = Quantity(required=True, **note("What the service month holds without the line."))
    quantity_after = Quantity(required=True, **note("What it holds with the line."))
    amount = fields.Nested(Money, required=True)


class CorrectionOutlook(Schema):
    """What would be booked at this moment, in the programme's own terms."""

    lines = fields.List(fields.Nested(CorrectionLine), required=True, **note("One line where nothing is billed anew."))
    difference = fields.Nested(Money, required=True, **note("By how much it changes what the month costs."))
    booked_month = Month(required=True, **note("The open month that both lines fall in."))
    shown = fields.String(
        required=True,
        **note("Send it back as `shown`: what is asked for or approved is then what was seen, or refused."),
    )


class CorrectionPreview(CorrectionOutlook):
    entry = fields.Nested(CorrectedEntry, required=True)
    month = Month(required=True, **note("The month the work belongs to, which has closed."))
    operator_decides = fields.Boolean(
        required=True,
        **note("The difference is above the programme's threshold: a colleague's approval is not enough."),
    )


class Correction(Schema):
    id = Id(required=True)
    number = fields.String(required=True, metadata={"examples": ["COR-1003"]})
    status = fields.String(required=True, validate=validate.OneOf(CORRECTION_STATES))
    engagement = fields.Nested(EntryEngagement, required=True)
    entry = fields.Nested(CorrectedEntry, required=True, **note("The one that is wrong, as it was rated."))
    metric = fields.Nested(EntryMetric, required=True)
    quantity = Quantity(required=True, **note("What is right; 0: nothing is billed anew."))
    month = Month(required=True, **note("The month the work belongs to."))
    booked_month = Month(required=True, **note("Where it is booked, or was to be when it was asked for."))
    reason = fields.String(required=True)
    reversal = fields.Nested(Money, required=True, **note(_OWN_TERMS))
    rebill = fields.Nested(Money, required=True, **note(_OWN_TERMS))
    difference = fields.Nested(Money, required=True, **note(_OWN_TERMS))
    asked_at = Instant(required=True)
    asked_by = fields.String(required=True)
    decided_at = Instant(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    decision_reason = fields.String(required=True, allow_none=True, **note("Why it was rejected."))


class CorrectionRow(Numbered):
    """A billing entry that the correction booked; its explanation is at /billing-entries/{id}."""

    kind = fields.String(required=True, validate=validate.OneOf([states.REVERSAL, states.REBILL]))
    quantity = Signed(required=True)
    booked_month = Month(required=True)
    amount = fields.Nested(Money, required=True, **note(_OWN_TERMS))


class CorrectionDetails(Correction):
    outlook = fields.Nested(
        CorrectionOutlook,
        required=True,
        allow_none=True,
        **note("What it would book now; null once decided, or where it cannot be booked."),
    )
    cannot_be_booked = fields.String(required=True, allow_none=True, **note("Why not, while it waits."))
    cannot_approve = fields.String(
        required=True, allow_none=True, **note("Why this key may not approve it, while it waits.")
    )
    booked = fields.List(fields.Nested(CorrectionRow), required=True, **note("What an approved one has booked."))
    actions = fields.List(
        fields.String(validate=validate.OneOf([states.APPROVE, states.REJECT, states.WITHDRAW])),
        required=True,
        **note("What this key may do with it as it stands: whoever asked withdraws, somebody else decides."),
    )


class CorrectionFilters(Paging):
    status = fields.String(validate=validate.OneOf(CORRECTION_STATES))
    engagement = Id(**note("An engagement's id."))
    entry = Id(**note("The id of the billing entry that is wrong."))
    month = Month(**note("The month the work belongs to."))


class RightQuantity(Schema):
    quantity = Quantity(required=True, **note("What is right; 0 takes the entry back whole."))


class NewCorrection(RightQuantity):
    reason = Text(
        500, lines=True, least=1, required=True, **note("Partner and operator read it, the customer does not.")
    )
    shown = Text(200, load_default="", **note("As the preview said it; left out: whatever it comes to."))


class CorrectionApproval(Schema):
    shown = Text(
        200, load_default="", **note("As its outlook said it; left out: the amounts and the month that were asked for.")
    )


class CorrectionRejection(Schema):
    reason = Text(500, lines=True, least=1, required=True, **note("Who asked for it reads it."))
