"""What stands in an address besides ids: a billing month, as /months/2026-10.

`<month:month>` in a route gives the view a BillingMonth; anything that is not one is an address that does not exist.
"""

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from app.foundation.billing_month import BillingMonth


class MonthInAddress(BaseConverter):
    regex = "[0-9]{4}-[0-9]{2}"

    def to_python(self, value: str) -> BillingMonth:
        try:
            return BillingMonth.parse(value)
        except ValueError as no_month:
            raise ValidationError(value) from no_month

    def to_url(self, value: BillingMonth) -> str:
        return str(value)


def install(app: Flask) -> None:
    app.url_map.converters["month"] = MonthInAddress
