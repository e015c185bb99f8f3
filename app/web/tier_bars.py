"""How much of each tier a month has used, before and after an entry: the fractions that ui.tier_bar draws, and its words.

    {{ ui.tier_bar(bar.before, bar.first, bar.next, bar.limits, bar.words) }}

Only positions are floats here; every figure in the words is written from its exact Decimal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from flask_babel import gettext as _

from app.catalog.tariff import Tariff
from app.foundation.exact import SCALE
from app.web.figures import plain, quantity

#: Ends of a scale that read well, times a power of ten.
_ROUND = tuple(Decimal(step) for step in ("1", "1.2", "1.5", "1.6", "2", "2.5", "3", "4", "5", "6", "8", "10"))
#: A limit further away than so many times what is used is left out, or the bar would show nothing else.
_FARTHEST = 3


@dataclass(frozen=True)
class TierBar:
    """`before`: used earlier; `first`: the entry's part in the first tier; `next`: its part in later ones. 0 to 1 each."""

    before: float
    first: float
    next: float
    limits: list[tuple[float, str]]
    words: dict[str, str]


def tier_bar(tariff: Tariff, before: Decimal, after: Decimal, unit: str) -> TierBar:
    """A month that held `before` and holds `after` with the entry, both in `unit`; less than before for a reversal."""
    if after < before:
        bar = tier_bar(tariff, after, before, unit)
        told = {
            "label": _("%(before)s %(unit)s before this entry, %(after)s after", before=quantity(before), after=quantity(after), unit=unit),
            "before": _("%(quantity)s after", quantity=quantity(after)),
            "after": _("%(quantity)s before", quantity=quantity(before)),
        }  # fmt: skip
        return replace(bar, words={**bar.words, **told})
    limits = [band.up_to for band in tariff.bands if band.up_to is not None]
    end = _end_of_scale(after, limits)
    turn = _turn(limits, before, after)
    shown = [limit for limit in limits if limit <= end]
    named = _most_telling(shown, before, after)
    last = None if tariff.bands[-1].up_to is None else limits[-1]
    words = {
        "label": _label(before, after, unit, named),
        "before": _("%(quantity)s before", quantity=quantity(before)),
        "after": _("%(quantity)s after", quantity=quantity(after)),
    }
    at = float(named / end) if named else 0.4
    if at >= 0.1:
        words["start"] = f"0 {unit}"
    if at <= 0.68:
        words["end"] = f"{whole(end)} {unit}"
    return TierBar(
        before=float(before / end),
        first=float((turn - before) / end),
        next=float((after - turn) / end),
        limits=[(float(limit / end), _named(limit, unit, limit == last) if limit == named else "") for limit in shown],
        words=words,
    )


def whole(value: Decimal) -> str:
    """A limit as people say it: 100, 1,000, 0.5."""
    return plain(value, 0, SCALE)


def _turn(limits: Sequence[Decimal], before: Decimal, after: Decimal) -> Decimal:
    """Where the entry leaves the tier in which it begins; its whole length lies before it in the first tier, else after."""
    if limits and before >= limits[0]:
        beyond = next((limit for limit in limits if limit > before), after)
        return min(beyond, after) if beyond < after else before
    return min(after, limits[0]) if limits else after


def _end_of_scale(after: Decimal, limits: Sequence[Decimal]) -> Decimal:
    reach = after * Decimal("1.05")
    ahead = next((limit for limit in limits if limit >= after), None)
    if ahead is not None and ahead <= after * _FARTHEST:
        reach = max(reach, ahead * Decimal("1.1"))
    unit = Decimal(1).scaleb(reach.adjusted())
    return next(step * unit for step in _ROUND if step * unit >= reach)


def _most_telling(limits: Sequence[Decimal], before: Decimal, after: Decimal) -> Decimal | None:
    """The limit that gets words: the last one the entry crosses, else the nearest."""
    crossed = [limit for limit in limits if before < limit < after]
    if crossed:
        return crossed[-1]
    return min(limits, key=lambda limit: abs(limit - after), default=None)


def _named(limit: Decimal, unit: str, is_last: bool) -> str:
    facts = {"limit": whole(limit), "unit": unit}
    return _("%(limit)s %(unit)s, plan limit", **facts) if is_last else _("%(limit)s %(unit)s, tier limit", **facts)


def _label(before: Decimal, after: Decimal, unit: str, limit: Decimal | None) -> str:
    facts = {"before": quantity(before), "after": quantity(after), "unit": unit}
    if limit is None:
        return _("%(before)s %(unit)s before this entry, %(after)s after", **facts)
    return _(
        "%(before)s %(unit)s before this entry, %(after)s after; a tier ends at %(limit)s", limit=whole(limit), **facts
    )
