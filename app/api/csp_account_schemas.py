"""CSP accounts as the API takes and gives them."""

from marshmallow import Schema, fields, validate

from app.api.csp_runs import DiscoveryRun
from app.api.fields import Id, Instant, Quantity, Text
from app.api.schemas import Paging, note
from app.csp.accounts import states

PERCENT = note("Percent, such as 12.50; null: not set, which is not 0.")


class Accounts(Paging):
    account = Id(**note("A CSP account's id, as in every list of reselling."))
    state = fields.String(validate=validate.OneOf(sorted({*states.TRANSITIONS.values(), states.DRAFT})))


class NewAccount(Schema):
    name = Text(200, required=True, least=1)
    account_id = Text(60, required=True, **note("The partner tenant's GUID."))
    model = fields.String(required=True, validate=validate.OneOf(states.MODELS))
    mpn_id = Text(20, load_default=None, allow_none=True, **note("Where given, the tenant that signs in must have it."))
    managed_mark_up = Quantity(load_default=None, allow_none=True, **PERCENT)
    not_managed_mark_up = Quantity(load_default=None, allow_none=True, **PERCENT)
    tax_rate = Quantity(load_default=None, allow_none=True, **PERCENT)
    microsoft_discount = Quantity(load_default=None, allow_none=True, **PERCENT)


class Account(Schema):
    id = Id(required=True)
    name = fields.String(required=True)
    account_id = fields.String(required=True)
    model = fields.String(required=True)
    state = fields.String(required=True)
    currency = fields.String(required=True, allow_none=True)
    trouble = fields.String(required=True, allow_none=True, **note("Why a new consent is needed, or the last sign-in came to nothing."))  # fmt: skip
    consented_at = Instant(required=True, allow_none=True)


class AccountDetails(Account):
    mpn_id = fields.String(required=True, allow_none=True)
    signed_in_as = fields.String(required=True, allow_none=True)
    company_name = fields.String(required=True, allow_none=True)
    managed_mark_up = Quantity(required=True, allow_none=True, **PERCENT)
    not_managed_mark_up = Quantity(required=True, allow_none=True, **PERCENT)
    tax_rate = Quantity(required=True, allow_none=True, **PERCENT)
    microsoft_discount = Quantity(required=True, allow_none=True, **PERCENT)
    last_run = fields.Nested(DiscoveryRun, required=True)


class SignIn(Schema):
    url = fields.String(required=True, **note("Open it in the signed-in browser of the key's member; good once, for half an hour."))  # fmt: skip
