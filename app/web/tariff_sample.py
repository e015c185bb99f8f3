"""'What would 1,200 hours cost': one quantity in one tariff, tier by tier, with the drawing of the whole tariff."""

from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _

from app.catalog.tariff import OverLimit, Tariff, cost, limit_of, split
from app.foundation.money import Money
from app.web.tariff_chart import ChartRow, TariffChart, chart_rows, tariff_chart
from app.web.tier_bars import whole
from app.web.tiers import model_words, per_words, tier_words

#: what is asked about when nobody has said it
USUAL = Decimal(1200)
WIDE, NARROW = 460, 320


@dataclass(frozen=True)
class SampleRow:
    tier: str
    quantity: Decimal
    price: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Sample:
    """`amount` None: there is no price for so much, and `why_not` says so."""

    quantity: Decimal
    unit: str
    currency: str
    amount: Money | None
    why_not: str
    rows: list[SampleRow]
    per: str
    note: str
    charts: tuple[TariffChart, TariffChart]
    table: list[ChartRow]


def sample_of(tariff: Tariff, quantity: Decimal, unit: str, currency: str, *, one: str = "") -> Sample:
    """The month's whole quantity at once; rounded once, as a billed month is."""
    try:
        amount: Money | None = Money(cost(tariff, quantity), currency).rounded()
        rows = [
            SampleRow(tier_words(step.start, step.end, unit), step.quantity, step.price, step.amount)
            for step in split(tariff, quantity)
        ]
        why_not = ""
    except OverLimit:
        amount, rows = None, []
        last = limit_of(tariff)
        why_not = _("The bands end at %(limit)s %(unit)s a month.", limit=whole(last or Decimal(0)), unit=unit)
    return Sample(
        quantity=quantity,
        unit=unit,
        currency=currency,
        amount=amount,
        why_not=why_not,
        rows=rows,
        per=per_words(tariff, unit, one),
        note=model_words(tariff),
        charts=(
            tariff_chart(tariff, quantity, unit, currency, width=WIDE),
            tariff_chart(tariff, quantity, unit, currency, width=NARROW),
        ),
        table=chart_rows(tariff, quantity, currency),
    )
