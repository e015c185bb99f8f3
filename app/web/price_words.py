"""A metric's tariff in one line: 'USD 160.00 per h to 100 h a month, then USD 148.125'."""

from flask_babel import gettext as _

from app.catalog.queries import PricedMetric
from app.catalog.tariff import Tariff
from app.web.figures import plain


def price_words(priced: PricedMetric) -> str:
    """Empty when no price is in force."""
    if priced.tariff is None or priced.version is None:
        return ""
    unit, currency = priced.metric.unit, priced.version.currency
    steps = _steps(priced.tariff, currency)
    first, *rest = steps
    if priced.tariff.model == "block":
        return ", ".join(
            _("%(price)s up to %(limit)s %(unit)s a month", price=price, limit=limit, unit=unit) if limit else price
            for price, limit in steps
        )
    per = priced.tariff.charge_unit
    charged = priced.metric.one_unit if per == 1 else f"{plain(per, 0, 6)} {unit}"
    words = _("%(price)s per %(unit)s", price=first[0], unit=charged)
    limit = first[1]
    for price, next_limit in rest:
        if priced.tariff.model == "simple":
            words = _(
                "%(before)s, above %(limit)s %(unit)s a month %(price)s for all",
                before=words,
                limit=limit,
                unit=unit,
                price=price,
            )
        else:
            words = _(
                "%(before)s to %(limit)s %(unit)s a month, then %(price)s",
                before=words,
                limit=limit,
                unit=unit,
                price=price,
            )
        limit = next_limit
    return words


def _steps(tariff: Tariff, currency: str) -> list[tuple[str, str | None]]:
    """(price with its currency, last quantity or None) of each band."""
    return [
        (f"{currency}\u00a0{plain(band.price, 2, 6)}", plain(band.up_to, 0, 6) if band.up_to is not None else None)
        for band in tariff.bands
    ]
