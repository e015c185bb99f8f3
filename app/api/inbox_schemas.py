"""The inbox and the notices as the API takes and gives them."""

from marshmallow import Schema, fields, validate

from app.api.fields import Id, Instant, Text
from app.api.schemas import Money, Named, Paging, note
from app.notices.decisions import DONE, FAILED, GONE, MOST, REFUSED, VERBS
from app.notices.delegations import NOTE_MOST


class PassedOn(Schema):
    """Who passed the line to whom last."""

    sender = fields.Nested(Named, required=True)
    to = fields.Nested(Named, required=True)
    note = fields.String(required=True)
    at = Instant(required=True)


class InboxLine(Schema):
    """One decision that waits for the key's member."""

    kind = fields.String(
        required=True, metadata={"examples": ["engagement-request", "completion-request", "correction"]}
    )
    id = Id(required=True, **note("Of the engagement or correction that is to be decided."))
    number = fields.String(required=True)
    about = fields.String(required=True)
    sender = fields.String(required=True)
    since = Instant(required=True)
    overdue = fields.Boolean(required=True, **note("It has waited for more than 24 hours."))
    value = fields.Nested(
        Money,
        required=True,
        allow_none=True,
        **note("Send it back with a yes. Null: none, or not for this key to see."),
    )
    approved = fields.String(required=True, **note("What a yes does to it."))
    rejected = fields.String(required=True, **note("What a no does to it."))
    decided_here = fields.Boolean(required=True, **note("By POST /inbox/decide; else on its own page only."))
    passed_on = fields.Nested(PassedOn, required=True, allow_none=True)


class InboxFilters(Paging):
    kind = Text(40)
    age = fields.String(validate=validate.OneOf(["overdue"]))
    passed = fields.String(validate=validate.OneOf(["to-me", "by-me"]))


class SeenValue(Schema):
    amount = fields.String(
        required=True, validate=[validate.Length(max=40), validate.Regexp(r"^-?[0-9]+([.][0-9]+)?$")]
    )  # fmt: skip
    currency = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]{3}$"))


class Ticked(Schema):
    kind = Text(40, least=1, required=True)
    id = Id(required=True)
    value = fields.Nested(
        SeenValue, allow_none=True, load_default=None, **note("As the inbox showed it: a yes is to this amount.")
    )  # fmt: skip


class Decisions(Schema):
    verb = fields.String(required=True, validate=validate.OneOf(VERBS))
    reason = Text(500, lines=True, load_default="", **note("Of a no, for all of them; the other side reads it."))
    lines = fields.List(fields.Nested(Ticked), required=True, validate=validate.Length(min=1, max=MOST))


class LineResult(Schema):
    kind = fields.String(required=True)
    id = Id(required=True)
    number = fields.String(required=True)
    about = fields.String(required=True)
    result = fields.String(
        required=True,
        validate=validate.OneOf([DONE, REFUSED, GONE, FAILED]),
        **note(
            "gone: it does not wait for this key's member, or no more. failed: a mistake of ours, nothing was changed."
        ),
    )
    message = fields.String(required=True, allow_none=True, **note("Why it was not done."))


class Decided(Schema):
    id = Id(required=True, **note("To be asked for again: GET /inbox/decisions/{id}."))
    verb = fields.String(required=True, validate=validate.OneOf(VERBS))
    reason = fields.String(required=True)
    at = Instant(required=True)
    results = fields.List(fields.Nested(LineResult), required=True)


class Delegating(Schema):
    to = Id(required=True, **note("A colleague's id, for whom the line waits too."))
    note = Text(NOTE_MOST, lines=True, load_default="", **note("The colleague reads it."))


class Delegated(PassedOn):
    kind = fields.String(required=True)
    id = Id(required=True, **note("Of what is to be decided."))


class Notice(Schema):
    id = Id(required=True)
    at = Instant(required=True)
    type = fields.String(required=True, metadata={"examples": ["decisions"]})
    text = fields.String(required=True)
    more = fields.Integer(required=True, **note("How many more of one batch it stands for."))
    path = fields.String(required=True, **note("Where it leads in the portal; empty: nowhere."))
    read_at = Instant(required=True, allow_none=True)


class NoticeFilters(Paging):
    status = fields.String(validate=validate.OneOf(["unread"]))
    type = Text(40)


class NoticesRead(Schema):
    ids = fields.List(Id(), validate=validate.Length(max=200), **note("Left out: all of this organisation's."))


class Marked(Schema):
    marked = fields.Integer(required=True, **note("How many were new."))
