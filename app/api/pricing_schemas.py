"""Plans, metrics and prices as a partner writes them, and what they come to. In the programme's own terms, all of it."""

from decimal import Decimal

from marshmallow import Schema, fields, validate

from app.api.entry_schemas import Tier
from app.api.fields import Id, Instant, Month, Quantity, Text
from app.api.listing_schemas import Listing, Seen
from app.api.schemas import Money, Tariff, note
from app.catalog import states
from app.catalog.listing_rules import METRIC_KINDS
from app.catalog.price_table import MOST_BANDS
from app.catalog.tariff import MODELS
from app.web.tariff_sample import USUAL


class ListedMetric(Schema):
    id = Id(required=True)
    code = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(list(METRIC_KINDS)))
    name = fields.String(required=True)
    unit = fields.String(required=True)
    unit_one = fields.String(required=True, **note("One of it: server; empty where the unit says that as well."))
    step = Quantity(required=True)
    month_limit = Quantity(required=True, allow_none=True, **note("The most that a month may hold; null: no limit."))
    approved = fields.Boolean(required=True, **note("By the operator: entries may be billed on it."))


class ListedPrice(Schema):
    metric_id = Id(required=True)
    price = fields.Nested(Tariff, required=True)


class PriceVersion(Schema):
    id = Id(required=True)
    number = fields.Integer(required=True)
    status = fields.String(required=True, validate=validate.OneOf([states.DRAFT, states.REQUESTED, states.APPROVED]))
    effective_from = Month(
        required=True, allow_none=True, **note("The first month it counts in; null: that follows from its approval.")
    )
    approved_at = Instant(required=True, allow_none=True)
    announced_at = Instant(required=True, allow_none=True, **note("When customers with current engagements were told."))
    prices = fields.List(fields.Nested(ListedPrice), required=True)


class ListedPlan(Schema):
    id = Id(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    is_new = fields.Boolean(
        required=True,
        **note("No prices of it were ever approved: it may be changed and removed, and so may its metrics."),
    )
    metrics = fields.List(fields.Nested(ListedMetric), required=True)
    in_force = fields.Nested(PriceVersion, required=True, allow_none=True, **note("This month's prices."))
    coming = fields.List(
        fields.Nested(PriceVersion), required=True, **note("Approved for a month to come, the soonest first.")
    )
    open = fields.Nested(
        PriceVersion,
        required=True,
        allow_none=True,
        **note("The one that is being written, or waits for its approval."),
    )


class Pricing(Listing):
    currency = fields.String(required=True)
    models = fields.List(
        fields.String(validate=validate.OneOf(MODELS)), required=True, **note("The charge models of its programme.")
    )
    earliest_change = Month(
        required=True, **note("From when a change of approved prices counts, were it approved now.")
    )
    locked = fields.Boolean(required=True, **note("The operator reviews it; meanwhile it stays as it is."))
    plans = fields.List(fields.Nested(ListedPlan), required=True)


class PricedPlan(ListedPlan):
    product = fields.Nested(Listing, required=True)


class Cost(Schema):
    """A month's whole quantity at once; rounded once, as a billed month is."""

    quantity = Quantity(required=True)
    unit = fields.String(required=True)
    amount = fields.Nested(Money, required=True)
    tiers = fields.List(fields.Nested(Tier), required=True)


# What is taken.


class PlanWords(Seen):
    name = Text(60, least=1, required=True, **note("English letters, digits, hyphens, spaces and periods."))
    code = Text(60, least=1, required=True, **note("Programmatic name: a-z, 0-9, hyphen and period."))
    description = Text(500, lines=True, load_default="")


class NewBand(Schema):
    up_to = Quantity(
        load_default=None,
        allow_none=True,
        **note("The last quantity of the band; null: no end, in the last band only."),
    )
    price = Quantity(required=True, **note("Of a charge unit; in a block, of the whole band."))


class NewTariff(Schema):
    model = fields.String(
        required=True, validate=validate.OneOf(MODELS), **note("block: only where the programme allows it.")
    )
    charge_unit = Quantity(
        load_default=lambda: Decimal(1), **note("A price is for so many units; 1 where it is left out.")
    )
    bands = fields.List(
        fields.Nested(NewBand),
        required=True,
        validate=validate.Length(min=1, max=MOST_BANDS),
        **note("per_unit has one."),
    )


class Prices(Seen):
    price = fields.Nested(NewTariff, required=True)


class MetricWithPrice(Prices):
    kind = fields.String(required=True, validate=validate.OneOf(list(METRIC_KINDS)))
    name = Text(60, least=1, required=True, **note("As people read it."))
    unit = Text(20, least=1, required=True, **note("Beside a number: h, TB, servers."))
    unit_one = Text(20, load_default="", **note("One of it: server; empty where the unit says that as well."))
    step = Quantity(required=True, **note("An entry's quantity is a multiple of it."))
    month_limit = Quantity(
        load_default=None, allow_none=True, **note("The most that a month may hold; null: no limit.")
    )


class PriceRequest(Seen):
    effective_from = Month(
        load_default=None, allow_none=True,
        **note("For a change: the month to count from, earliest_change or later; null: that one. A plan's first prices count from their approval."),
    )  # fmt: skip


class Sample(Schema):
    """A price table that is not saved."""

    price = fields.Nested(NewTariff, required=True)
    quantity = Quantity(required=True)
    unit = Text(20, load_default="")
    month_limit = Quantity(load_default=None, allow_none=True)


class CostOf(Schema):
    quantity = Quantity(load_default=lambda: USUAL, **note("Of a month; 1200 where it is left out."))
    price_version = Id(**note("Which one; left out: the one in force, or else the one that is open."))
