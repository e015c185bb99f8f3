"""A service's plans and prices as its page in the catalog shows them, now and from a month to come on. Gross only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from app.catalog.model import Product
from app.catalog.price_list import FromPrice, GrossPrice, coming_prices, gross_prices
from app.foundation.billing_month import BillingMonth
from app.foundation.exact import SCALE
from app.foundation.money import exponent
from app.web.figures import plain
from app.web.tiers import Tier, model_words, per_words, tiers_of


@dataclass(frozen=True)
class PriceLine:
    """One metric of a plan, as the price table shows it."""

    price: GrossPrice
    per: str
    tiers: list[Tier]
    note: str


def price_lines(prices: Iterable[GrossPrice]) -> list[PriceLine]:
    return [
        PriceLine(
            price,
            per_words(price.gross_tariff, price.unit, price.one_unit),
            tiers_of(price.gross_tariff, price.unit),
            model_words(price.gross_tariff),
        )
        for price in prices
    ]


def service_prices(product: Product, month: BillingMonth) -> dict[str, Any]:
    """What templates/customer/service_prices.html takes. The product comes with its plans."""
    lines = price_lines(gross_prices(product, month))
    return {
        "month": month,
        "lines": lines,
        "currencies": sorted({line.price.currency for line in lines}),
        "derived": any(line.price.derived for line in lines),
        "coming": [(change, price_lines(change.prices)) for change in coming_prices(product, month)],
    }


def from_words(price: FromPrice) -> str:
    """'Hours from USD 42.50 / h', 'Hours from USD 500.00 for up to 10 h': the lowest there is, as tiles and cards say it."""
    facts = {"metric": price.metric_name, "price": from_amount(price), "unit": price.unit}
    if price.model == "block" and price.flat_up_to is not None:
        return _("%(metric)s from %(price)s for up to %(most)s %(unit)s", most=plain(price.flat_up_to, 0, 6), **facts)
    if price.model == "block":
        return _("%(metric)s from %(price)s a month, flat", **facts)
    if price.charge_unit != 1:
        return _("%(metric)s from %(price)s for %(many)s %(unit)s", many=plain(price.charge_unit, 0, 6), **facts)
    return _("%(metric)s from %(price)s / %(unit)s", **{**facts, "unit": price.one_unit or price.unit})


def from_amount(price: FromPrice) -> str:
    """'USD 76.38875': with the decimals it needs."""
    return f"{price.currency}\u00a0{plain(price.gross_price, exponent(price.currency), SCALE)}"
