"""How a tariff's tiers are written, and how much of them is used. Gross or net is the caller's: nothing here computes money.

    {{ row.words }}  "0 to 100 h a month", "over 100 h", "each"
    ui.tier_bar(bar.before, bar.first, bar.next, bar.limits, bar.words)      bar = tier_bar(tariff, before, after, "h", month)
"""

from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _

from app.catalog.tariff import Tariff
from app.web.figures import plain, quantity

ZERO = Decimal(0)


@dataclass(frozen=True)
class Tier:
    """One line of a price list."""

    words: str
    price: Decimal


@dataclass(frozen=True)
class TierBar:
    """What the macro ui.tier_bar takes, in this order."""

    before: float
    first: float
    next: float
    limits: list[tuple[float, str]]
    words: dict[str, str]


def tier_words(start: Decimal, end: Decimal | None, unit: str) -> str:
    """'0 to 100 h', 'over 100 h'; 'all' where there is one tier without an end."""
    if end is None:
        return _("over %(start)s %(unit)s", start=_short(start), unit=unit) if start else _("all")
    return _("%(start)s to %(end)s %(unit)s", start=_short(start), end=_short(end), unit=unit)


def tiers_of(tariff: Tariff, unit: str) -> list[Tier]:
    """The tariff as a price list shows it, one line a tier."""
    lines, start = [], ZERO
    for band in tariff.bands:
        lines.append(Tier(tier_words(start, band.up_to, unit), band.price))
        start = band.up_to or start
    return lines


def per_words(tariff: Tariff, unit: str) -> str:
    """What a price is for: 'h', '100 h', 'a month, flat'."""
    if tariff.model == "block":
        return _("a month, flat")
    return unit if tariff.charge_unit == 1 else f"{_short(tariff.charge_unit)} {unit}"


def model_words(tariff: Tariff) -> str:
    """How the tiers count together; nothing to say where there is only one."""
    if len(tariff.bands) == 1:
        return ""
    return {
        "graduated": _("Each tier is charged at its own price."),
        "simple": _("The month's whole quantity is charged at the price of the tier it reaches."),
        "block": _("A month is charged the flat price of the tier its quantity reaches."),
    }.get(tariff.model, "")


def tier_bar(tariff: Tariff, before: Decimal, after: Decimal, unit: str, heading: str) -> TierBar:
    """How far the month had come before an entry, and how far it comes with it, on a scale with a little room."""
    ends = [band.up_to for band in tariff.bands if band.up_to is not None]
    scale = _scale(max([after, *ends[:1], *(end for end in ends if end <= after * 2)]))
    passed = next((end for end in ends if before < end < after), after)
    limits = [
        (float(end / scale), _("%(limit)s %(unit)s, tier limit", limit=_short(end), unit=unit)) for end in ends if end < scale
    ]
    return TierBar(
        float(before / scale),
        float((passed - before) / scale),
        float((after - passed) / scale),
        limits[:1] if len(limits) > 2 else limits,
        {
            "label": _("%(heading)s: %(before)s %(unit)s before, %(after)s %(unit)s after", heading=heading, before=quantity(before), after=quantity(after), unit=unit),
            "start": f"0 {unit}",
            "end": f"{_short(scale)} {unit}",
            "before": _("%(n)s before", n=quantity(before)),
            "after": _("%(n)s after", n=quantity(after)),
        },
    )  # fmt: skip


def _short(value: Decimal) -> str:
    return plain(value, 0, 6)


def _scale(most: Decimal) -> Decimal:
    """A round number a little above: 122.75 -> 150, 1180 -> 1500."""
    step = Decimal(1).scaleb(most.adjusted()) / 2
    return (most // step + 1) * step if most > 0 else Decimal(1)
