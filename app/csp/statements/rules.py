"""When a customer's part of an invoice may be issued, and when it has been. Pure."""

from decimal import Decimal
from typing import NamedTuple

#: nothing but a mark-up is missing; something is missing; issued and unchanged since; issued, and something differs now
READY, BLOCKED, ISSUED, CHANGED = "ready", "blocked", "issued", "changed"


class Issued(NamedTuple):
    """The latest version, as far as it decides."""

    version: int
    lines: int
    subtotal: Decimal
    tax_rate: Decimal | None


def standing(*, sell: Decimal | None, lines: int, tax_rate: Decimal | None, latest: Issued | None, held: bool) -> str:
    """`held`: the document keeps all its statements back. A version that says what the last one said is never made."""
    if latest is not None and sell is not None and latest[1:] == (lines, sell, tax_rate):
        return ISSUED
    if sell is None or held:
        return BLOCKED
    return CHANGED if latest is not None else READY


def may_issue(state: str) -> bool:
    return state in (READY, CHANGED)
