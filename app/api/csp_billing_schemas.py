"""CSP invoices, their customers, and statements as the API gives and takes them. Cost is in what partners are given, nowhere else."""

from marshmallow import Schema, fields, validate

from app.api.fields import Id, Instant, Month
from app.api.schemas import PARTNERS, Money, Named, Paging, note

ACCOUNT = "Needed where the same number stands in two accounts."
STATUSES = ("reconciled", "different", "overridden", "unread")


class InvoiceFilters(Paging):
    account = Id(**note("A CSP account's id."))
    customer = Id(**note("With lines of this CSP customer."))
    status = fields.String(validate=validate.OneOf(STATUSES))
    month = Month(**note("Dated in this month, UTC."))


class OfAccount(Schema):
    account = Id(**note(ACCOUNT))


class Invoice(Schema):
    id = Id(required=True)
    number = fields.String(required=True, metadata={"examples": ["G048201937"]})
    account = fields.Nested(Named, required=True)
    document_type = fields.String(required=True, **note("As Microsoft says: invoice, void_note, adjustment_note."))
    invoice_type = fields.String(required=True, **note("recurring or one_time; others as sent."))
    amends = fields.String(required=True, allow_none=True, **note("The number of the document it amends."))
    invoice_date = Instant(required=True)
    period_start = Instant(required=True, allow_none=True)
    period_end = Instant(required=True, allow_none=True)
    total = fields.Nested(Money, required=True, **note("Microsoft's total of this document alone, tax included."))
    lines_total = fields.Nested(Money, required=True, allow_none=True, **note("Sum of its billing lines."))
    reconciled = fields.Boolean(required=True, **note("The lines come to the total, to the last digit."))
    difference = fields.Nested(
        Money, required=True, allow_none=True, **note("Total less lines; null: not read whole yet.")
    )
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))


class InvoiceCustomer(Schema):
    """One customer and currency of one document."""

    customer = fields.Nested(Named, required=True, allow_none=True, **note("null: lines that name no known customer."))
    tenant_id = fields.String(required=True, **note("As the lines name it; empty: they name nobody."))
    currency = fields.String(required=True)
    lines = fields.Integer(required=True)
    cost_total = fields.Nested(Money, required=True, **note("Before Microsoft's tax."))
    microsoft_tax = fields.Nested(Money, required=True)
    sell_total = fields.Nested(
        Money, required=True, allow_none=True, **note("Sum of lines, each rounded; null: some line has no mark-up.")
    )


class StatementFilters(Paging):
    account = Id(**note(f"{PARTNERS} A CSP account's id."))
    customer = Id(**note(f"{PARTNERS} A CSP customer's id."))
    month = Month()
    status = fields.String(validate=validate.OneOf(("in_force", "superseded")))


class Statement(Schema):
    id = Id(required=True)
    number = fields.String(required=True, metadata={"examples": ["ST-1001"]})
    version = fields.Integer(required=True)
    status = fields.String(required=True, validate=validate.OneOf(("in_force", "superseded")))
    partner = fields.String(required=True)
    customer = fields.String(required=True)
    customer_id = Id(**note(f"{PARTNERS} The CSP customer."))
    invoice = fields.String(required=True, **note("Microsoft's number."))
    month = Month(required=True)
    subtotal = fields.Nested(Money, required=True)
    tax_rate = fields.String(required=True, allow_none=True, **note("Percent; null: none was set."))
    tax = fields.Nested(Money, required=True)
    total = fields.Nested(Money, required=True)
    lines = fields.Integer(required=True)
    issued_at = Instant(required=True)


class Issue(Schema):
    account = Id(**note(ACCOUNT))
    customer = Id(**note("One CSP customer; left out: all that are ready."))


class IssuedOne(Schema):
    customer = fields.Nested(Named, required=True)
    statement_id = Id(required=True, allow_none=True)
    outcome = fields.String(required=True, validate=validate.OneOf(("issued", "unchanged", "refused")))
    message = fields.String(required=True, allow_none=True)


class Issued(Schema):
    items = fields.List(fields.Nested(IssuedOne), required=True)
