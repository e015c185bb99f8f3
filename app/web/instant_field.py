"""An instant that somebody types or picks: date and time in UTC, as browsers send it from their own picker."""

import re
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _
from wtforms.validators import StopValidation
from wtforms.widgets import TextInput

from app.web.fields import Typed

_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?Z?")


class InstantField(Typed):
    """`data` is an aware datetime in UTC. Years that nobody means are refused by the rules, not here."""

    widget = TextInput("datetime-local")

    def read(self, text: str) -> datetime:
        try:
            if not _SHAPE.fullmatch(text):
                raise ValueError(text)
            return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
        except ValueError as wrong:
            raise StopValidation(_("Write date and time in UTC, as 2026-11-02T23:59.")) from wrong

    def written(self, value: Any) -> str:
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M}"
