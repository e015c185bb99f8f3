"""Words where Flask is not known: marks sentences for translation and spells values in plain English."""

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.foundation.billing_month import BillingMonth

MONTHS = ("January", "February", "March", "April", "May", "June",
          "July", "August", "September", "October", "November", "December")  # fmt: skip


#: letters that are no base letter with an accent, as people without them on the keyboard type them
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})


def folded(text: str) -> str:
    """The text as a search compares it: no case, no accents, single spaces. 'Łódź  Textiles' -> 'lodz textiles'."""
    if text.isascii():
        return " ".join(text.lower().split())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return " ".join(bare.translate(_PLAIN).split())


def N_(sentence: str) -> str:
    """Give the sentence back unchanged; gettext's extractor collects what stands inside."""
    return sentence


def spell(value: Any) -> str:
    """A value as a sentence needs it: 'October 2026', '3 Nov 2026 00:00 UTC', '12.5'."""
    if isinstance(value, BillingMonth):
        return f"{MONTHS[value.month - 1]} {value.year}"
    if isinstance(value, datetime):
        return f"{spell_local(value.astimezone(UTC))} UTC"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def spell_local(at: datetime) -> str:
    """'3 Nov 2026 00:00' as clocks show it in the instant's own zone; whoever says it names the zone."""
    return f"{at.day} {MONTHS[at.month - 1][:3]} {at.year} {at:%H:%M}"


def filled(sentence: str, facts: dict[str, Any]) -> str:
    """The sentence with its %(name)s places filled, every value spelled."""
    return sentence % {name: spell(value) for name, value in facts.items()} if facts else sentence
