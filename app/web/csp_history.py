"""Facts of reselling's History as people read them: days written out, amounts and counts grouped by thousands.

History keeps digits and ISO days, so that what was said once reads the same for ever; how they are written is the reader's.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from app.web.csp_amounts import as_sent, utc_day
from app.web.figures import plain

PREFIX = "csp_"
_AMOUNTS = frozenset({"amount", "difference", "estimate", "lines_total", "new_total", "old_total", "total"})
_COUNTS = frozenset({"changed", "gone", "lines", "new"})
_DECIMAL = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?")
#: 'lines: 3120 new' as a run tells what it found: a whole number of its own, and no part of a name or an amount
_LONG_COUNT = re.compile(r"(?<![0-9.,])[0-9]{4,18}(?= )")


def readable(facts: Mapping[str, Any]) -> dict[str, Any]:
    currency = str(facts.get("currency") or "")
    return {name: _written(name, value, currency) for name, value in facts.items()}


def _written(name: str, value: Any, currency: str) -> Any:
    text = str(value)
    if name == "valid_from":
        return utc_day(date.fromisoformat(text))
    if name == "found":
        return _LONG_COUNT.sub(lambda count: plain(Decimal(count[0]), 0, 0), text)
    if not _DECIMAL.fullmatch(text):
        return value
    if name == "percent":
        return plain(Decimal(text), 0, 2)
    if name in _COUNTS:
        return plain(Decimal(text), 0, 0)
    return as_sent(Decimal(text), currency) if name in _AMOUNTS and currency else value
