"""What the dashboard draws: customers over time, spend by month in one currency, and how discovery stands."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from app.csp.accounts import states
from app.csp.dashboard.queries import Churn, Standing
from app.csp.dashboard.rules import Period, months_of, years_of
from app.csp.discovery.states import COMPLETED, LIVE, NOT_STARTED
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.web import csp_words
from app.web.charts import Month, months_chart
from app.web.churn_chart import churn_chart
from app.web.figures import DASH, MINUS, plain
from app.web.instants import ago, instant_text
from app.web.instants import month as month_words

MONTHS, YEARS = 12, 5
#: the first month that anybody resold in
EARLIEST = BillingMonth(2010, 1)


def window(until: BillingMonth | None, *, by_year: bool) -> list[BillingMonth]:
    """The months looked at, oldest first; five years of them by year, which begin with a January."""
    here = BillingMonth.at(clock.now())
    last = min(max(until or here, EARLIEST), here)
    if by_year:
        first = BillingMonth(max(last.year - YEARS + 1, EARLIEST.year), 1)
        last = min(BillingMonth(last.year, 12), here)
    else:
        first = last.shifted(1 - MONTHS)
    return [first.shifted(step) for step in range((last.year - first.year) * 12 + last.month - first.month + 1)]


def customers_shown(churn: Churn, months: Sequence[BillingMonth], *, by_year: bool) -> dict[str, Any]:
    periods = months_of(churn.now, churn.joined, churn.gained, churn.lost, months)
    periods = years_of(periods) if by_year else periods
    return {
        "now": churn.now,
        "chart": churn_chart(periods, by_year=by_year) if any(one.total is not None for one in periods) else None,
        "rows": [_period(one, by_year) for one in reversed(periods)],
        "newest": _period(periods[-1], by_year),
    }


def _period(one: Period, by_year: bool) -> dict[str, Any]:
    change = DASH if one.change is None else _("%(percent)s %%", percent=_signed(one.change))
    return {
        "name": str(one.last.year) if by_year else month_words(one.last),
        "total": DASH if one.total is None else f"{one.total:,}",
        "gained": f"{one.gained:,}",
        "lost": f"{one.lost:,}",
        "change": change,
    }


def _signed(value: Decimal) -> str:
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{plain(abs(value), 0, 1)}"


def spend_shown(
    rows: Sequence[Any], names: dict[Any, str], months: Sequence[BillingMonth], asked: str | None
) -> dict[str, Any] | None:
    """One currency's chart and all currencies' table; None: nothing was billed in these months."""
    currencies = sorted({row.currency for row in rows}, key=lambda one: (-_uses(rows, one), one))
    if not currencies:
        return None
    currency: str = asked if asked and asked in currencies else currencies[0]
    by_month: dict[BillingMonth, Decimal] = {}
    for row in rows:
        month = BillingMonth.of_number(row.month)
        if row.currency == currency:
            by_month[month] = by_month.get(month, Decimal(0)) + row.cost
    newest = max(by_month)
    chart = None
    if csp_words.known(currency):
        bars = [Month(month, Money(by_month.get(month, Decimal(0)), currency)) for month in months[-MONTHS:]]
        chart = months_chart(bars, label=_("Cost by invoice month, before tax"))
    return {
        "currency": currency,
        "others": [one for one in currencies if one != currency],
        "newest": newest,
        "newest_cost": csp_words.amount(by_month[newest], currency),
        "chart": chart,
        "table": [
            {
                "month": month_words(BillingMonth.of_number(row.month)),
                "account": names.get(row.account_id, DASH),
                "currency": row.currency,
                "cost": csp_words.amount(row.cost, row.currency),
            }
            for row in sorted(rows, key=lambda row: (-row.month, names.get(row.account_id, ""), row.currency))
        ],
        "accounts": [
            {
                "name": names.get(row.account_id, DASH),
                "currency": row.currency,
                "cost": csp_words.amount(row.cost, row.currency),
            }
            for row in sorted(rows, key=lambda row: (names.get(row.account_id, ""), row.currency))
            if row.month == newest.number
        ],
    }


def _uses(rows: Sequence[Any], currency: str) -> int:
    return sum(row.currency == currency for row in rows)


def standing_shown(one: Standing) -> dict[str, Any]:
    """An account's line: its last run in one sentence, the next one, and whether its figures are of part of what there is."""
    return {
        "name": one.name,
        "path": f"/csp/accounts/{one.account_id}",
        "state": NOT_STARTED if one.run is None else one.run.state,
        "said": _run_said(one.run),
        "next": _next_said(one),
        "partial": one.is_partial,
        "trouble": one.trouble if one.state == states.RECONSENT_NEEDED else None,
    }


def _run_said(run: Any) -> str:
    if run is None:
        return _("never started")
    begun: datetime = run.started_at or run.asked_at
    if run.state in LIVE:
        return _("running for %(age)s", age=ago(begun))
    when = instant_text(run.ended_at or begun)
    if run.state == COMPLETED and run.is_partial:
        return _("completed %(when)s, something was refused", when=when)
    if run.error:
        return _("ended %(when)s: %(why)s", when=when, why=run.error[:200])
    return _("ended %(when)s", when=when)


def _next_said(one: Standing) -> str:
    if one.next_at is not None:
        return _("next run %(when)s", when=instant_text(one.next_at))
    return _("no run is planned") if one.state != states.CONNECTED else ""
