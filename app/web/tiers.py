"""A tariff as a price list shows it: its tiers, what a price is for, how the tiers count together."""

from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _

from app.catalog.tariff import Tariff
from app.web.tier_bars import whole

ZERO = Decimal(0)


@dataclass(frozen=True)
class Tier:
    """One line of a price list."""

    words: str
    price: Decimal


def tier_words(start: Decimal, end: Decimal | None, unit: str) -> str:
    """'0 to 100 h', 'over 100 h'; 'all' where there is one tier without an end."""
    if end is None:
        return _("over %(start)s %(unit)s", start=whole(start), unit=unit) if start else _("all")
    return _("%(start)s to %(end)s %(unit)s", start=whole(start), end=whole(end), unit=unit)


def tiers_of(tariff: Tariff, unit: str) -> list[Tier]:
    """The tariff as a price list shows it, one line a tier."""
    lines, start = [], ZERO
    for band in tariff.bands:
        lines.append(Tier(tier_words(start, band.up_to, unit), band.price))
        start = band.up_to or start
    return lines


def per_words(tariff: Tariff, unit: str, one: str = "") -> str:
    """What a price is for: 'h', '100 h', 'a month, flat'. `one`: one of the unit, where that is another word: 'server'."""
    if tariff.model == "block":
        return _("a month, flat")
    return one or unit if tariff.charge_unit == 1 else f"{whole(tariff.charge_unit)} {unit}"


def model_words(tariff: Tariff) -> str:
    """How the tiers count together; nothing to say where there is only one."""
    if len(tariff.bands) == 1:
        return ""
    return {
        "graduated": _("Each tier is charged at its own price."),
        "simple": _("The month's whole quantity is charged at the price of the tier it reaches."),
        "block": _("A month is charged the flat price of the tier its quantity reaches."),
    }.get(tariff.model, "")
