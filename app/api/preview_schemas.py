"""Previews as the API takes and gives them."""

from marshmallow import Schema, fields, validate

from app.api.entry_schemas import Batch, Explanation, NewEntry, Numbered, RecordResult
from app.api.fields import Instant
from app.api.schemas import Money, note

__all__ = ["Batch", "BatchPreview", "EntryPreview", "PreviewedEntry"]

_OWN_TERMS = "In the programme's own terms."


class PreviewedEntry(NewEntry):
    """The entry, as it would be sent."""


class Earlier(Numbered):
    """An entry that looks the same: the work may be in it already."""

    is_set_up = fields.Boolean(
        required=True, **note("An earlier set-up, which is agreed once; else the same month, quantity and notes.")
    )
    submitted_at = Instant(required=True)
    submitted_by = fields.String(required=True)


class EntryPreview(Schema):
    amount = fields.Nested(Money, required=True, **note(_OWN_TERMS))
    month_before = fields.Nested(Money, required=True, **note(f"{_OWN_TERMS} What the month comes to without it."))
    month_after = fields.Nested(Money, required=True, **note(f"{_OWN_TERMS} What the month comes to with it."))
    waits_for_review = fields.Boolean(
        required=True, **note("It is above the programme's threshold: a person of the operator looks at it.")
    )
    closes_at = Instant(
        required=True,
        allow_none=True,
        **note("Until then the month takes entries; null: until the operator closes it again."),
    )
    explanation = fields.Nested(Explanation, required=True)
    looks_like = fields.Nested(Earlier, required=True, allow_none=True)


class PreviewedRecord(RecordResult):
    result = fields.String(required=True, validate=validate.OneOf(["would-be-created", "duplicate", "refused"]))
    amount = fields.Nested(Money, required=True, allow_none=True, **note(_OWN_TERMS))
    waits_for_review = fields.Boolean(required=True)
    looks_like = fields.Nested(Earlier, required=True, allow_none=True)


class BatchPreview(Schema):
    results = fields.List(fields.Nested(PreviewedRecord), required=True)
