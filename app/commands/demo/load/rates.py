"""What an entry comes to, by the rules that rate every entry; what was worked out once is remembered."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import SimpleNamespace

from app.billing import rules, states
from app.billing.rating import plain_quantity, rated_facts
from app.billing.rules import Amounts
from app.billing.standing import line_of
from app.commands.demo.load.offers import Meter, Offer
from app.foundation.refusals import Refused

#: outcomes that are remembered
KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One entry rated, with what it puts into the charge book and what History keeps of it."""

    before: Decimal
    after: Decimal
    currency: str
    amounts: Amounts
    amount: str
    facts: dict[str, str]
    needs_review: bool


class Rates:
    """Quantities are counted in steps of their metric: whole numbers."""

    def __init__(self) -> None:
        self.quantity = lru_cache(KEPT)(self._quantity)
        self.rated = lru_cache(KEPT)(self._rated)

    @staticmethod
    def _quantity(step: Decimal, steps: int) -> tuple[Decimal, str]:
        """The quantity, and as people read it."""
        quantity = step * steps
        return quantity, plain_quantity(quantity)

    @staticmethod
    def _rated(offer: Offer, meter: Meter, place: int, before: int, steps: int) -> Outcome | str:
        """The outcome, or why it is refused, in the rule's words. `place`: which of the meter's terms hold."""
        try:
            rated = rules.rate(meter.terms[place][2], meter.step * before, meter.step * steps)
        except Refused as refused:
            return str(refused)
        light = SimpleNamespace(kind=states.ENTRY, amount_minor=rated.amount.minor, currency=rated.amount.currency)
        return Outcome(
            rated.before,
            rated.after,
            rated.amount.currency,
            line_of(light, offer.remuneration, offer.tax_percent),
            str(rated.amount),
            rated_facts("", rated),
            rules.needs_review(rated.amount, offer.threshold),
        )
