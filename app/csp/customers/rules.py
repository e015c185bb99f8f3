"""What holds for CSP customers: mark-up and tax on a day, who is managed, what is missing, when a budget is told of. Pure.

A line's charge start picks the row: "a charge period spanning a change keeps the rate of its start", no splitting. It is a mark-up
and no margin: 20 % on a cost of 80.00 sells at 96.00. 0 % is somebody's choice; no row and no default is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.foundation.refusals import Refused
from app.foundation.text import N_

#: Percent with two decimals, 0.00 to 999.99: below 0 would be a discount, which is another thing.
PERCENT_PLACES, PERCENT_LIMIT = 2, Decimal(1000)
#: Days that somebody can mean: reselling is no older, and nobody sells on terms of a century ahead.
FIRST_DAY, LAST_DAY = date(2010, 1, 1), date(2099, 12, 31)

RESELLER, FORMER = "reseller", "former"

#: What a budget's use is told at: 80 % reached, 100 % reached, and the first time above it.
NEARLY, USED, OVER = "80", "100", "over"
LEVELS = (NEARLY, USED, OVER)
MOST_BUDGET = Decimal(10) ** 11
MOST_RECIPIENTS = 20
#: A percentage that is larger is shown as this much: the column holds no more digits, and nobody needs them.
MOST_PERCENT = Decimal(10) ** 9


@dataclass(frozen=True)
class FromDay:
    """A percentage from a day on, until the next row's day."""

    valid_from: date
    percent: Decimal


@dataclass(frozen=True)
class Terms:
    """What one customer is sold on: its own rows, newest day first, and what its account says where it has none."""

    mark_ups: Sequence[FromDay] = ()
    taxes: Sequence[FromDay] = ()
    default_mark_up: Decimal | None = None
    default_tax: Decimal | None = None
    is_managed: bool = False

    def mark_up_on(self, day: date) -> Decimal | None:
        """Percent on cost; None: none was set, which is not 0."""
        return _on(self.mark_ups, day, self.default_mark_up)

    def tax_on(self, day: date) -> Decimal | None:
        return _on(self.taxes, day, self.default_tax)


def _on(rows: Sequence[FromDay], day: date, default: Decimal | None) -> Decimal | None:
    """The row of the latest day that is not after `day`: set from 1 March, it counts on 1 March and not on 28 February."""
    for row in rows:
        if row.valid_from <= day:
            return row.percent
    return default


def is_managed(*, linked: bool, monitored: bool) -> bool:
    """Linked to an organisation, and at least one subscription is monitored."""
    return linked and monitored


def check_percent(percent: Decimal, *, field: str = "percent") -> Decimal:
    if percent < 0:
        raise Refused(field, N_("A percentage is never negative. Enter 0 to add nothing."))
    if percent >= PERCENT_LIMIT or percent != round(percent, PERCENT_PLACES):
        raise Refused(field, N_("Enter 0.00 to 999.99 percent, with at most two decimals."))
    return percent


def check_day(day: date, *, field: str = "valid_from") -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Refused(field, N_("Choose a day between 1 January 2010 and 31 December 2099."))
    return day


# What is missing, and what to do about it.

REFUSED, NO_SUBSCRIPTION, NOT_LINKED = "refused", "no_subscription", "not_linked"
NO_MARK_UP, NONE_MONITORED = "no_mark_up", "none_monitored"
#: in the order in which one would see to them
REASONS = (REFUSED, NO_SUBSCRIPTION, NOT_LINKED, NO_MARK_UP, NONE_MONITORED)


def why_incomplete(
    *, refused: bool, has_subscription: bool, linked: bool, mark_up: Decimal | None, monitored: bool
) -> list[str]:
    """What keeps the customer's own view closed, or the partner from billing it; empty: nothing.

    Its people see their cloud once it is linked, has a mark-up and at least one subscription is monitored.
    """
    missing = {
        REFUSED: refused,
        NO_SUBSCRIPTION: not has_subscription,
        NOT_LINKED: not linked,
        NO_MARK_UP: mark_up is None,
        NONE_MONITORED: has_subscription and not monitored,
    }
    return [reason for reason in REASONS if missing[reason]]


# Budgets. They never stop consumption; they tell.


def check_budget(amount: Decimal, places: int) -> Decimal:
    """`places`: how many decimals the currency has."""
    if amount <= 0:
        raise Refused("amount", N_("A budget is more than zero. Leave it empty to have none."))
    if amount >= MOST_BUDGET / 100:
        raise Refused("amount", N_("A budget is below 1,000,000,000."))
    if amount != round(amount, places):
        raise Refused("amount", N_("Write at most %(places)s decimals in this currency."), places=places)
    return amount


def used_percent(cost: Decimal, budget: Decimal) -> Decimal:
    """How much of the budget an estimate uses, to six decimals, rounded down, so that 99.9999999 % is not yet 100 %."""
    whole = cost * 100 / budget
    return max(min(whole, MOST_PERCENT), -MOST_PERCENT).quantize(Decimal("0.000001"), rounding="ROUND_DOWN")


def levels_reached(cost: Decimal, budget: Decimal) -> list[str]:
    """79.99 of 100.00: none. 80.00: "80". 100.00: "80", "100". 100.01: all three. By amounts, not by a rounded percentage."""
    reached = {NEARLY: cost * 100 >= budget * 80, USED: cost >= budget, OVER: cost > budget}
    return [level for level in LEVELS if reached[level]]


def expected(cost: Decimal, begins: date, ends: date, today: date) -> Decimal:
    """What the period comes to if it goes on as until now: the estimate by the days gone, today included, times its days.

    Ten days of a month of thirty have cost 50.00: 150.00. On the last day and after it: what there is.
    """
    days = (ends - begins).days + 1
    gone = min(max((today - begins).days + 1, 1), days)
    return cost * days / gone


def is_trending_over(cost: Decimal, budget: Decimal, begins: date, ends: date, today: date) -> bool:
    """Not over yet, but it will be at this pace."""
    return cost <= budget < expected(cost, begins, ends, today)
