"""The price table as a partner writes it, band by band, and the tariff it makes or why it makes none. Pure.

Every refusal names the band, counted from 1, and lands on that band's own field: up_to_2, price_2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.catalog.tariff import MODELS, BadTariff, Band, Tariff, limit_of
from app.foundation.refusals import Refused
from app.foundation.text import N_

MOST_BANDS = 20
#: beyond it a price is a slip of the finger: it would not survive a month of it
HIGHEST_PRICE = Decimal(10) ** 9


@dataclass(frozen=True)
class PriceDraft:
    """One metric's prices as written. A band whose `up_to` is None has no end."""

    model: str
    charge_unit: Decimal
    bands: Sequence[Band]


#: (what tariff.py found wrong: field, whether it is a band's) -> the sentence
_WRONG = {
    ("price", True): N_("Band %(band)s: a price is zero or more."),
    ("up_to", True): N_("Band %(band)s: write up to where it reaches, further than the band before it."),
    ("charge_unit", False): N_("A price is for more than zero units."),
    ("model", False): N_("Choose how the bands count together; per unit has one band."),
}


def tariff_of(draft: PriceDraft, *, allows_block: bool, month_limit: Decimal | None = None) -> Tariff:
    """The tariff that the table makes. Refused on the field that is wrong, in words that name its band.

    Block is for programmes that allow it. Bands that end below the plan's own limit on a month would leave quantities
    that may be billed but have no price.
    """
    if draft.model not in MODELS or (draft.model == "block" and not allows_block):
        raise Refused("model", N_("Choose one of the charge models of this programme."))
    if len(draft.bands) > MOST_BANDS:
        raise Refused("model", N_("Write at most %(most)s bands."), most=MOST_BANDS)
    for place, band in enumerate(draft.bands, 1):
        if band.price >= HIGHEST_PRICE:
            raise Refused(
                f"price_{place}", N_("Band %(band)s: a price is below %(most)s."), band=place, most=HIGHEST_PRICE
            )
    try:
        made = Tariff(draft.model, tuple(draft.bands), draft.charge_unit)
    except BadTariff as wrong:
        raise _refused(wrong, draft) from wrong
    if all(band.price == 0 for band in made.bands):
        raise Refused("price_1", N_("Band 1: at least one band has a price above zero."))
    end = limit_of(made)
    if end is not None and month_limit is not None and end < month_limit:
        raise Refused(
            f"up_to_{len(made.bands)}",
            N_("Band %(band)s: it ends at %(end)s, below the month's limit of %(limit)s. Leave it empty for no end."),
            band=len(made.bands),
            end=end,
            limit=month_limit,
        )
    return made


def _refused(wrong: BadTariff, draft: PriceDraft) -> Refused:
    band = wrong.band
    sentence = _WRONG[wrong.field, band is not None]
    if band is None:
        return Refused(wrong.field, sentence)
    if wrong.field == "up_to" and draft.bands[band - 1].up_to is None:
        sentence = N_("Band %(band)s: only the last band may be left without an end.")
    return Refused(f"{wrong.field}_{band}", sentence, band=band)


def as_stored(tariff: Tariff) -> list[dict[str, str | None]]:
    """The bands as a price version keeps them: exact text."""
    return [
        {"up_to": None if band.up_to is None else _plain(band.up_to), "price": _plain(band.price)}
        for band in tariff.bands
    ]


def _plain(value: Decimal) -> str:
    """150, 0.9, 1000: no exponent and no trailing zeros."""
    return f"{value.normalize():f}"
