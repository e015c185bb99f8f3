"""Home's chart of a year: what was rated or charged by month, what waits on top of it, and the same as a table.

One currency at a time: several cannot stand on one axis. The others are one link away.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request

from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.web.charts import Month, months_chart

MONTHS = 12


def first_of_year(last: BillingMonth) -> BillingMonth:
    """The first of the twelve months that end with `last`."""
    return last.shifted(1 - MONTHS)


def year_of(
    rows: Sequence[Any],
    last: BillingMonth,
    *,
    label: str,
    waiting: Mapping[tuple[BillingMonth, str], Money] | None = None,
) -> dict[str, Any] | None:
    """For the template: chart, table, the newest month's figures, and links to the other currencies. None: nothing yet.

    `rows`: (booked_month, currency, minor); `waiting`: what would be added, by month and currency.
    """
    year = [last.shifted(-back) for back in range(MONTHS - 1, -1, -1)]
    waiting = {key: money for key, money in (waiting or {}).items() if key[0] in year}
    rated = {
        (row.booked_month, row.currency): Money.of_minor(row.minor, row.currency)
        for row in rows
        if row.booked_month in year
    }
    currencies = _by_use([*rated, *waiting])
    if not currencies:
        return None
    asked = request.args.get("currency")
    currency = asked if asked in currencies else currencies[0]
    months = [
        Month(month, rated.get((month, currency), Money.zero(currency)), waiting.get((month, currency)))
        for month in year
    ]
    return {
        "chart": months_chart(months, label=label),
        "months": months[::-1],
        "newest": months[-1],
        "currency": currency,
        "others": [one for one in currencies if one != currency],
        "total": sum((one.rated for one in months), Money.zero(currency)),
        "total_waiting": sum((one.waiting for one in months if one.waiting), Money.zero(currency)),
        "as_table": request.args.get("view") == "table",
    }


def _by_use(keys: Sequence[tuple[BillingMonth, str]]) -> list[str]:
    """Currencies, the one of most months first."""
    counts: dict[str, int] = {}
    for _month, currency in keys:
        counts[currency] = counts.get(currency, 0) + 1
    return sorted(counts, key=lambda currency: (-counts[currency], currency))
