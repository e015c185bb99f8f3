"""A product's listing as the API takes and gives it: catalog entry, request form, evidence, requests and their answers, tests.

What it costs is in pricing_schemas.py. Partners only, all of it: a customer reads what was published in the catalog.
"""

from marshmallow import Schema, fields, validate

from app.api.fields import File, Id, Instant, Quantity, Text, Version, YesNo
from app.api.product_schemas import Parameter
from app.api.schemas import ENGAGEMENT_STATES, Named, answers, note
from app.billing import states as entry_states
from app.catalog import requests, reviews, states
from app.catalog.evidence import SLOTS
from app.catalog.file_kinds import JPEG, MOST_BYTES, PDF, PNG
from app.catalog.listing_rules import MOST_OPTIONS, PARAMETER_KINDS
from app.foundation.transitions import states_of

PRODUCT_STATES = tuple(states_of(states.TRANSITIONS))
ENTRY_STATES = tuple(states_of(entry_states.TRANSITIONS))
BALLS = ("partner", "operator", "nobody")


class Programme(Schema):
    id = Id(required=True)
    name = fields.String(required=True)
    currency = fields.String(required=True)
    remuneration = fields.String(
        required=True,
        validate=validate.OneOf(["revenue_share", "net_plus_mark_up"]),
        **note("revenue_share: you state gross prices. net_plus_mark_up: you state net prices."),
    )
    percent = Quantity(required=True, **note("Your share of gross, or the mark-up on net."))


class Listing(Schema):
    """What every answer about a product's listing says of it."""

    id = Id(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True, **note("Its programmatic name, for good."))
    status = fields.String(required=True, validate=validate.OneOf(PRODUCT_STATES))
    version = Version(required=True, **note("Send it back with a change to make sure that nothing changed meanwhile."))
    ball = fields.String(required=True, validate=validate.OneOf(BALLS), **note("Who moves next."))


class ListedParameter(Parameter):
    id = Id(required=True)


class CatalogEntry(Listing):
    programme = fields.Nested(Named, required=True)
    edition = fields.Integer(required=True, **note("Of the entry: each change of what is published is another one."))
    category = fields.String(required=True)
    summary = fields.String(required=True)
    description = fields.String(required=True)
    request_email = fields.String(required=True, **note("Where requests are mailed."))
    support = fields.String(required=True)
    parameters = fields.List(
        fields.Nested(ListedParameter), required=True, **note("What the request form asks besides, in its order.")
    )
    locked = fields.Boolean(
        required=True, **note("The operator reads it for publication; meanwhile it stays as it is.")
    )


class ChecklistLine(Schema):
    key = fields.String(required=True, metadata={"examples": ["pricing-approval"]})
    text = fields.String(required=True)
    done = fields.Boolean(required=True)
    ball = fields.String(
        required=True, validate=validate.OneOf(BALLS), **note("Who moves next; nobody: done or not due.")
    )
    missing = fields.List(fields.String(), required=True)


class Tested(Schema):
    """Which steps at least one end-to-end test has taken."""

    requested = fields.Boolean(required=True)
    approved = fields.Boolean(required=True)
    submitted = fields.Boolean(required=True)
    rated = fields.Boolean(required=True)
    completed = fields.Boolean(required=True)


class Review(Schema):
    id = Id(required=True)
    kind = fields.String(
        required=True,
        validate=validate.OneOf([requests.PRICING, requests.PRICE_CHANGE, requests.EVIDENCE, requests.PUBLICATION]),
    )
    plan = fields.String(required=True, allow_none=True, **note("The plan's name, for a change of its prices."))
    price_number = fields.Integer(required=True, allow_none=True, **note("Which version of the plan's prices."))
    submitted_at = Instant(required=True)
    submitted_by = fields.String(required=True)
    outcome = fields.String(
        required=True, allow_none=True, validate=validate.OneOf([reviews.APPROVED, reviews.RETURNED]), **note("null: it waits.")
    )  # fmt: skip
    reason = fields.String(required=True, allow_none=True, **note("The operator's feedback."))
    decided_at = Instant(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)


class Checklist(Listing):
    lines = fields.List(fields.Nested(ChecklistLine), required=True)
    feedback = fields.Nested(Review, required=True, allow_none=True, **note("The latest request, where it came back."))
    tested = fields.Nested(Tested, required=True, allow_none=True, **note("null: published once, and tested no more."))
    actions = fields.List(fields.String(), required=True, **note("What may be asked for in this state."))


class Evidence(Schema):
    id = Id(required=True)
    slot = fields.String(required=True, validate=validate.OneOf(list(SLOTS)))
    label = fields.String(required=True)
    file_name = fields.String(required=True)
    content_type = fields.String(
        required=True,
        validate=validate.OneOf([kind.content_type for kind in (PDF, PNG, JPEG)]),
        **note("By what stands in the file, whatever it is called."),
    )
    size = fields.Integer(required=True, **note("In bytes."))
    sha256 = fields.String(required=True)
    uploaded_at = Instant(required=True)
    uploaded_by = fields.String(required=True)
    replaced_at = Instant(required=True, allow_none=True, **note("null: it is the one that counts."))


class EvidenceFile(Evidence):
    content = File(MOST_BYTES, required=True, **note("The file, as base64."))


class EntriesInState(Schema):
    status = fields.String(required=True, validate=validate.OneOf(ENTRY_STATES))
    entries = fields.Integer(required=True)


class ProductTest(Schema):
    id = Id(required=True, **note("Read and decide it at /engagements/{id}, bill it below that."))
    number = fields.String(required=True, metadata={"examples": ["TEST-ENG-1001"]})
    name = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(ENGAGEMENT_STATES))
    plan = fields.Nested(Named, required=True)
    requested_at = Instant(required=True)
    requested_by = fields.String(required=True)
    entries = fields.List(fields.Nested(EntriesInState), required=True)


# What is taken.


class Seen(Schema):
    version = Version(**note("As the product showed it; 409 if it changed since. Left out: whatever it is."))


class NewProduct(Schema):
    programme_id = Id(required=True)
    name = Text(120, least=1, required=True)
    slug = Text(60, least=1, required=True, **note("Programmatic name: a-z, 0-9, hyphen and period. It is for good."))


class EntryText(Seen):
    """The whole entry, but for support and parameters."""

    name = Text(120, least=1, required=True)
    category = Text(60, least=1, required=True)
    summary = Text(200, least=1, required=True)
    description = Text(10_000, lines=True, least=1, required=True)
    request_email = Text(254, least=1, required=True)


class Support(Seen):
    support = Text(4000, lines=True, least=1, required=True, **note("Hours and ways to reach support."))


class NewParameter(Seen):
    label = Text(80, least=1, required=True)
    kind = fields.String(required=True, validate=validate.OneOf(PARAMETER_KINDS))
    options = fields.List(
        Text(100), load_default=list, validate=validate.Length(max=MOST_OPTIONS), **note("What a selection offers.")
    )
    required = YesNo(load_default=False, **note("A required checkbox must be ticked."))


class Move(Seen):
    direction = fields.String(required=True, validate=validate.OneOf(["up", "down"]))


class NewEvidence(Schema):
    slot = fields.String(required=True, validate=validate.OneOf(list(SLOTS)), **note("What the file shows."))
    file_name = Text(200, load_default="", **note("Shown to the operator; made up where it is left out."))
    content = File(
        MOST_BYTES, required=True, **note("A PDF, PNG or JPEG of at most 5 MB as base64, without line breaks.")
    )


class NewTest(Schema):
    plan_id = Id(required=True)
    name = Text(120, least=1, required=True, **note("What the test is to show."))
    parameters = answers()
