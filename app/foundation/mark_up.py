"""Mark-up on net, in one place: gross = round(net x (1 + m)), on the line's amount, never on the unit price. Pure.

It is a mark-up and no margin: 25 % on net 80.00 gives gross 100.00, of which the margin is 20 %.
"""

from dataclasses import dataclass
from decimal import Decimal

from app.foundation.money import Money


@dataclass(frozen=True)
class MarkUp:
    """`percent` on net, 0 or more: Decimal('25') is 25 %."""

    percent: Decimal

    def __post_init__(self) -> None:
        if self.percent < 0:
            raise ValueError("a mark-up is zero or more")

    def apply(self, net: Money) -> Money:
        """The gross of one line, rounded half-up to the currency's minor unit."""
        return net.times(1 + self.percent / 100).rounded()

    def gross_unit_price(self, net_unit_price: Decimal) -> Decimal:
        """A derived figure to show beside a net price list; no amount is ever computed from it."""
        return net_unit_price * (1 + self.percent / 100)
