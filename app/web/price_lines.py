"""A service's plans and prices as its page in the catalog shows them, now and from a month to come on. Gross only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.catalog.model import Product
from app.catalog.price_list import GrossPrice, coming_prices, gross_prices
from app.foundation.billing_month import BillingMonth
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
