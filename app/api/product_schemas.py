"""Products as the API gives them: a partner's own, and what customers read of published ones in the catalog."""

from marshmallow import Schema, fields

from app.api.fields import Id, Quantity
from app.api.schemas import Named, Tariff, note


class Metric(Schema):
    id = Id(required=True)
    code = fields.String(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True)
    unit = fields.String(required=True)
    step = Quantity(required=True)
    approved = fields.Boolean(required=True)
    price = fields.Nested(Tariff, required=True, allow_none=True, **note("In force this month; null: none."))


class Plan(Schema):
    id = Id(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    metrics = fields.List(fields.Nested(Metric), required=True)


class Product(Schema):
    id = Id(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    category = fields.String(required=True)
    summary = fields.String(required=True)
    status = fields.String(required=True)


class ProductDetails(Product):
    plans = fields.List(fields.Nested(Plan), required=True)


class Service(Schema):
    """A published service, as the catalog shows it."""

    id = Id(required=True)
    slug = fields.String(required=True)
    name = fields.String(required=True)
    category = fields.String(required=True)
    summary = fields.String(required=True)
    partner = fields.Nested(Named, required=True)


class Parameter(Schema):
    key = fields.String(required=True)
    label = fields.String(required=True)
    kind = fields.String(required=True, metadata={"examples": ["short_text", "paragraph", "selection", "checkbox"]})
    options = fields.List(fields.String(), required=True)
    required = fields.Boolean(required=True)


class GrossPrice(Schema):
    metric = fields.String(required=True)
    unit = fields.String(required=True)
    price = fields.Nested(Tariff, required=True, **note("Gross, without tax."))
    derived = fields.Boolean(required=True)


class OfferedPlan(Schema):
    id = Id(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    prices = fields.List(fields.Nested(GrossPrice), required=True)


class ServiceDetails(Service):
    description = fields.String(required=True)
    support = fields.String(required=True)
    plans = fields.List(fields.Nested(OfferedPlan), required=True)
    parameters = fields.List(fields.Nested(Parameter), required=True)
