"""Months as the API gives them: which take entries until when, and what an engagement comes to in each."""

from marshmallow import Schema, fields

from app.api.fields import Instant, Month
from app.api.schemas import CUSTOMERS, PARTNERS, Money, note


class OpenMonth(Schema):
    month = Month(required=True)
    closes_at = Instant(
        required=True, allow_none=True, **note("Exclusive; null: it was reopened, until the operator closes it again.")
    )
    programmes = fields.List(fields.String(), required=True, **note("Names of the programmes whose month it is."))
    engagements = fields.Integer(
        **note(
            "How many could be billed for it; 1001 means more than a thousand, of which the newest are meant. Left out, as is billed, for a key that may not view billing."
        )
    )
    billed = fields.Integer(**note("How many of them have an entry that counts."))


class EngagementMonth(Schema):
    """One service month of an engagement, and one currency of it."""

    month = Month(required=True)
    entries = fields.Integer(required=True, **note("How many count, rated or not decided yet."))
    takes_entries = fields.Boolean(**note(PARTNERS))
    closes_at = Instant(
        allow_none=True, **note(f"{PARTNERS} Until then it takes entries; null: no cut-off lies ahead.")
    )
    rated = fields.Nested(Money, **note(f"{PARTNERS} In the programme's own terms."))
    provisional = fields.Nested(Money, **note(f"{PARTNERS} What is not decided yet, as it would be rated now."))
    gross = fields.Nested(Money, **note(f"{CUSTOMERS} What was charged, without tax."))
    tax = fields.Nested(Money, **note(CUSTOMERS))
