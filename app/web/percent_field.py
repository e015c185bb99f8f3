"""A percentage that somebody types, and the day from which it counts."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from wtforms.validators import StopValidation
from wtforms.widgets import TextInput

from app.web.fields import QuantityField, Typed

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class PercentField(QuantityField):
    """0.00 to 999.99. Nothing typed is nothing set, which is not 0."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, places=2, limit=Decimal(1000), zero=True, **options)

    def written(self, value: Any) -> str:
        """'18', '22.5': a form shows what was typed, not how a table keeps it."""
        text = super().written(value)
        return text.rstrip("0").rstrip(".") if "." in text else text

    def _why(self, reason: str, text: str) -> str:
        if re.fullmatch(r"[-\u2212][0-9.]{1,40}", text):
            return _("A percentage is never negative. Enter 0 to add nothing.")
        return super()._why(reason, text)


class DayField(Typed):
    """A day of the calendar, as browsers send it from their own picker; `data` is a date. Which days make sense, rules say."""

    widget = TextInput("date")

    def read(self, text: str) -> date:
        try:
            if not _DAY.fullmatch(text):
                raise ValueError(text)
            return date.fromisoformat(text)
        except ValueError as wrong:
            raise StopValidation(_("Write a day as 2026-11-01.")) from wrong

    def written(self, value: Any) -> str:
        return str(value.isoformat())
