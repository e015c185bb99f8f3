"""CSP customers and their subscriptions as the API gives them, and what it takes of their terms."""

from marshmallow import Schema, fields, validate

from app.api.fields import Day, Id, Instant, Quantity, Signed, Text, Version, YesNo
from app.api.schemas import Money, Named, Paging, note
from app.csp.customers.queries import COMPLETE, INCOMPLETE
from app.csp.customers.rules import FORMER, REASONS, RESELLER


class Budget(Schema):
    amount = fields.Nested(Money, required=True)
    used_percent = Signed(
        required=True, allow_none=True, **note("Of Microsoft's estimate at cost; null: nothing to compare it with yet.")
    )
    over = fields.Boolean(required=True)
    trending_over = fields.Boolean(required=True)


class Customer(Schema):
    id = Id(required=True)
    account = fields.Nested(Named, required=True)
    tenant_id = fields.String(required=True, **note("Microsoft's id of the customer."))
    name = fields.String(required=True)
    domain = fields.String(required=True)
    relationship = fields.String(required=True, validate=validate.OneOf([RESELLER, FORMER]))
    reseller_mpn = fields.String(required=True, allow_none=True)
    organisation = fields.Nested(Named, required=True, allow_none=True, **note("Whom it is linked to."))
    managed = fields.Boolean(required=True, **note("Linked, and at least one subscription is monitored."))
    mark_up = Quantity(
        required=True, allow_none=True, **note("In force today, percent: its own, else its account's. null is not 0.")
    )
    tax_rate = Quantity(required=True, allow_none=True, **note("In force today, percent."))
    budget = fields.Nested(Budget, required=True, allow_none=True)
    incomplete = fields.List(
        fields.String(validate=validate.OneOf(REASONS)), required=True, **note("Why; empty: it is complete.")
    )
    refusal = fields.String(required=True, allow_none=True, **note("What Microsoft said when it refused."))
    first_seen_at = Instant(required=True)
    gone_at = Instant(required=True, allow_none=True)


class Rate(Schema):
    percent = Quantity(required=True)
    valid_from = Day(required=True)
    set_at = Instant(required=True)
    set_by = fields.String(required=True)


class Estimate(Schema):
    cost = fields.Nested(Money, required=True, **note("An estimate, not for billing: without tax and credits."))
    period_start = Day(required=True)
    period_end = Day(required=True)
    as_of = Instant(required=True)


class CustomerDetails(Customer):
    version = Version(required=True)
    mark_ups = fields.List(fields.Nested(Rate), required=True, **note("Its own, newest day first."))
    tax_rates = fields.List(fields.Nested(Rate), required=True)
    estimate = fields.Nested(Estimate, required=True, allow_none=True)


class Subscription(Schema):
    id = Id(required=True)
    account_id = Id(required=True)
    customer_id = Id(required=True)
    subscription_id = fields.String(required=True, **note("Microsoft's id."))
    name = fields.String(required=True)
    offer_id = fields.String(required=True)
    offer = fields.String(required=True)
    quantity = fields.String(required=True)
    unit = fields.String(required=True)
    status = fields.String(required=True, metadata={"examples": ["active", "suspended", "deleted"]})
    auto_renew = fields.Boolean(required=True, allow_none=True)
    trial = fields.Boolean(required=True)
    billing_type = fields.String(required=True)
    billing_cycle = fields.String(required=True)
    term = fields.String(required=True)
    commitment_ends_at = Instant(required=True, allow_none=True)
    order_id = fields.String(required=True)
    suspension_reasons = fields.List(fields.String(), required=True)
    monitored = fields.Boolean(required=True)
    gone_at = Instant(required=True, allow_none=True, **note("Since when Microsoft lists it no more."))


# What is taken.


class CustomerFilters(Paging):
    account = Id(**note("A CSP account's id."))
    search = Text(100, **note("In name and domain, or Microsoft's id."))
    relationship = fields.String(validate=validate.OneOf([RESELLER, FORMER]))
    incomplete = fields.String(
        validate=validate.OneOf([INCOMPLETE, COMPLETE, *REASONS]), **note("yes, no, or one reason.")
    )


class SubscriptionFilters(Paging):
    account = Id(**note("A CSP account's id."))
    customer = Id(**note("A CSP customer's id."))
    search = Text(100, **note("In the name."))


class NewRate(Schema):
    percent = Quantity(required=True, **note("0.00 to 999.99. 0 is a choice, and not the same as none."))
    valid_from = Day(required=True, **note("For charges that begin on that day or later."))


class RateToRemove(Schema):
    valid_from = Day(required=True, **note("The day from which the row counts."))


class NewBudget(Schema):
    amount = Quantity(required=True, allow_none=True, **note("A month's; null takes the budget away."))
    currency = fields.String(
        load_default="", validate=validate.Regexp("^([A-Z]{3})?$"), metadata={"pattern": "^([A-Z]{3})?$"}
    )
    recipients = fields.List(
        Id(),
        load_default=list,
        validate=validate.Length(max=20),
        **note("Members who are told; empty: everybody who may set budgets."),
    )


class Monitoring(Schema):
    monitored = YesNo(required=True)
    subscription_id = Id(**note("One of its subscriptions, by the portal's id. Left out: all of them."))
