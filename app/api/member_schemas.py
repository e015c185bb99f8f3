"""Members, invitations and roles as the API gives them to an organisation's admins."""

from marshmallow import Schema, fields, validate

from app.api.fields import Id, Instant, Text
from app.api.schemas import Paging, note
from app.members import roster


class Person(Schema):
    """Who belongs to the organisation, or is invited to."""

    kind = fields.String(required=True, validate=validate.OneOf([roster.MEMBER, roster.INVITED]))
    id = Id(required=True, **note("The membership's or the invitation's."))
    member_id = Id(required=True, allow_none=True, **note("The person's; null while invited."))
    name = fields.String(required=True, **note("Empty while invited."))
    email = fields.String(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf([roster.MEMBER, roster.INACTIVE, roster.INVITED, roster.EXPIRED])
    )  # fmt: skip
    roles = fields.List(fields.String(), required=True, **note("Keys of roles: GET /roles."))
    second_factor = fields.Boolean(required=True, **note("Whether the member signs in with one."))
    last_sign_in_at = Instant(required=True, allow_none=True)
    since = Instant(required=True, **note("When the member joined, or was invited first."))
    invited_by = fields.String(required=True, **note("Empty for members."))
    invitation_sent_at = Instant(required=True, allow_none=True, **note("It can be answered for a week from then."))


class PersonFilters(Paging):
    kind = fields.String(validate=validate.OneOf([roster.MEMBER, roster.INVITED]))
    search = Text(100, **note("In name and e-mail."))


class Role(Schema):
    key = fields.String(required=True, metadata={"examples": ["partner-pricing-viewer"]})
    label = fields.String(required=True)
    sentence = fields.String(required=True)


class Permission(Schema):
    name = fields.String(required=True, metadata={"examples": ["billing-entry:submit"]})
    sentence = fields.String(required=True)
    roles = fields.List(fields.String(), required=True, **note("All of them must be held; none: every member may."))


class OrganisationEvent(Schema):
    sequence = fields.Integer(required=True)
    event = fields.String(required=True, metadata={"examples": ["invitation_sent"]})
    sentence = fields.String(required=True)
    at = Instant(required=True)
    by = fields.String(required=True)
