"""May this be billed, and what does it come to. Pure: values in, values out; the job and the preview share them."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from app.catalog import tariff as tariffs
from app.catalog.tariff import Step, Tariff
from app.foundation.billing_month import BillingMonth, CutOff, may_bill
from app.foundation.exact import LIMIT
from app.foundation.money import Money, exponent, round_half_up
from app.foundation.refusals import Refused
from app.foundation.text import N_

#: beyond it an amount is a slip of the finger; keeps minor units and their sums within 64 bits
LARGEST_AMOUNT = Decimal(10) ** 13


@dataclass(frozen=True)
class Terms:
    """What one metric's price says in one month, as rating needs it. `tariff` None: no version is in force."""

    tariff: Tariff | None
    currency: str
    metric_approved: bool
    month_limit: Decimal | None


class Rated(NamedTuple):
    """The result of rating one entry: its amount and how it came about."""

    amount: Money
    before: Decimal
    after: Decimal
    #: the month's whole cost, rounded, without and with this entry
    cost_before: Decimal
    cost_after: Decimal
    tariff: Tariff

    @property
    def steps(self) -> tuple[Step, ...]:
        """How the amount came about; worked out for who asks, not for every entry that is rated."""
        return tuple(tariffs.entry_steps(self.tariff, self.before, self.after - self.before))

    @property
    def unrounded(self) -> Decimal:
        return sum((step.amount for step in self.steps), Decimal(0))


def check_month(month: BillingMonth, now: datetime, policy: CutOff) -> None:
    """You cannot bill for previous months after the second day of the current month ends.

    2 March 23:59:59.999 UTC is in time for February, 3 March 00:00:00.000 UTC is late.
    """
    if may_bill(month, now, policy):
        return
    closed_at = policy.closes_at(month)
    if closed_at <= now:
        raise Refused("month", N_("%(month)s closed on %(closed_at)s."), month=month, closed_at=closed_at)
    raise Refused("month", N_("%(month)s has not begun yet."), month=month)


def check_active(month: BillingMonth, active_from: datetime | None, ended_at: datetime | None) -> None:
    """Work before approval was not agreed, work after completion is over: the month must touch the active time."""
    if active_from is None:
        raise Refused("month", N_("The engagement has not been approved, so nothing can be billed."))
    if not month.overlaps(active_from, None):
        raise Refused(
            "month",
            N_("The engagement became active on %(active_from)s, after %(month)s."),
            active_from=active_from,
            month=month,
        )
    if not month.overlaps(active_from, ended_at):
        raise Refused(
            "month", N_("The engagement ended on %(ended_at)s, before %(month)s."), ended_at=ended_at, month=month
        )


def end_that_counts(ended_at: datetime | None, submitted_at: datetime) -> datetime | None:
    """The end against which a submitted entry's month is checked: none for what was submitted before it.

    After a rolling cut-off an entry stands in the next month; completion that evening does not take it back.
    """
    return None if ended_at is not None and submitted_at < ended_at else ended_at


def check_quantity(quantity: Decimal, step: Decimal) -> None:
    """More than zero, less than the storage holds, in steps of the metric: 12.25 hours at a step of 0.25."""
    if not quantity.is_finite() or quantity <= 0:
        raise Refused("quantity", N_("Enter a quantity greater than 0."))
    if quantity >= LIMIT:
        raise Refused("quantity", N_("The month's quantity is too large; check it."))
    if quantity % step:
        raise Refused("quantity", N_("Enter the quantity in steps of %(step)s."), step=f"{step.normalize():f}")


#: no database takes it, or no mail
_NOT_KEPT = re.compile("[\0\ud800-\udfff]")


def check_notes(notes: str) -> None:
    """At most 500 characters, each of which a database and a mail can keep."""
    if len(notes) > 500:
        raise Refused("notes", N_("Keep the notes below 500 characters."))
    if _NOT_KEPT.search(notes):
        raise Refused("notes", N_("The notes hold a character that cannot be kept."))


def rate(terms: Terms, before: Decimal, quantity: Decimal, *, costs_before: Decimal | None = None) -> Rated:
    """amount = round(tariff(before + quantity)) - round(tariff(before)), half-up, against what is rated so far.

    A quantity below zero is a reversal: it takes back what the month then no longer costs.

    Refuses, in words for the partner: a metric that is not approved, a month without a price, a month over the plan's
    limits. So the rated entries of a month always sum to the tariff of its quantity, whatever the split or the order.

    `costs_before`: the rounded cost of `before` under these terms, where the caller has it from the entry just before.
    """
    if not terms.metric_approved:
        raise Refused("metric", N_("This metric is not approved yet."))
    if terms.tariff is None:
        raise Refused("month", N_("The plan has no price in force for this month."))
    after = before + quantity
    limit = _lowest(terms.month_limit, tariffs.limit_of(terms.tariff))
    if limit is not None and after > limit:
        raise Refused(
            "quantity",
            N_("The plan allows %(limit)s a month; %(before)s are billed already, so %(left)s are left."),
            limit=f"{limit.normalize():f}",
            before=f"{before.normalize():f}",
            left=f"{max(limit - before, Decimal(0)).normalize():f}",
        )
    if after >= LIMIT:  # more than a quantity can hold
        raise Refused("quantity", N_("The month's quantity is too large; check it."))
    places = exponent(terms.currency)
    cost_before = costs_before
    if cost_before is None:
        cost_before = round_half_up(tariffs.cost(terms.tariff, before), places)
    cost_after = round_half_up(tariffs.cost(terms.tariff, after), places)
    if abs(cost_after) >= LARGEST_AMOUNT:
        raise Refused("quantity", N_("The month's amount is too large; check the quantity."))
    amount = _money(cost_after - cost_before, terms.currency)
    return Rated(amount, before, after, cost_before, cost_after, terms.tariff)


@lru_cache(4096)
def _money(rounded: Decimal, currency: str) -> Money:
    """One object for all entries of one amount, so that its minor units are worked out once: a price list knows few amounts.

    What is rounded to the same places is spelled alike where it is equal.
    """
    return Money(rounded, currency)


@dataclass(frozen=True)
class Corrected:
    """What a correction books: the wrong quantity taken back, the right one billed anew, None where that is nothing."""

    reversal: Rated
    rebill: Rated | None

    @property
    def difference(self) -> Money:
        """By how much the service month's cost changes."""
        return self.reversal.amount + self.rebill.amount if self.rebill else self.reversal.amount


def correct(terms: Terms, month_holds: Decimal, wrong: Decimal, right: Decimal) -> Corrected:
    """Both lines by the same delta as every rating: against what the service month holds now, at the price it was rated with.

    Taking `wrong` out of the month and putting `right` in leaves exactly the tariff of what the month then holds, in every
    model and whatever was rated in between. The plan's monthly limit counts for more, never against taking back.
    """
    if right == wrong:
        raise Refused("quantity", N_("This is the quantity that was billed; enter the right one."))
    free = Terms(terms.tariff, terms.currency, True, None)
    reversal = rate(free, month_holds, -wrong)
    if right == 0:
        return Corrected(reversal, None)
    bound = Terms(terms.tariff, terms.currency, True, terms.month_limit if right > wrong else None)
    return Corrected(reversal, rate(bound, reversal.after, right))


def needs_review(amount: Money, threshold: Money | None) -> bool:
    """An amount above the programme's threshold, either way, waits for a person. Exactly at it: no.

    An amount in another currency than the threshold's cannot be compared with it, so a person looks.
    """
    return threshold is not None and (amount.currency != threshold.currency or abs(amount.amount) > threshold.amount)


@dataclass(frozen=True)
class Amounts:
    """What stands in the charge book for some rated amount, whole minor units of one currency."""

    rated: int
    gross: int
    due: int
    tax: int


def undone(rated: int, original: Amounts, standing: Amounts) -> Amounts | None:
    """What a reversal of `rated` takes back of gross, due and tax. None: as any amount, because it adds to the month, or
    takes back more than stands.

    Each line of a month was rounded by itself, so rounding the reversal by itself might leave or take a cent. It undoes what
    stands instead: all of it where nothing of the amount is left, the original's own line where it takes back just that
    amount, else its share of what stands for the whole group. So a month whose entries are all taken back leaves nothing, of
    due and tax neither. Never beyond its own gross, nor the other way: where rounding alone stands, a cent of it is left.
    """
    if rated == -original.rated != -standing.rated:
        return Amounts(rated, -original.gross, -original.due, -original.tax)
    if not 0 < -rated <= standing.rated:
        return None
    gross, due, tax = (_share(part, rated, standing.rated) for part in (standing.gross, standing.due, standing.tax))
    gross = min(gross, 0)
    return Amounts(rated, gross, max(min(due, 0), gross), min(tax, 0))


def _share(part: int, rated: int, whole: int) -> int:
    """part * rated / whole, half-up, away from zero."""
    return int(round_half_up(Decimal(part) * rated / whole, 0))


def check_second_person(asked_by: uuid.UUID | None, decider: uuid.UUID | None) -> None:
    """Who asked for a correction never decides it."""
    if decider is not None and asked_by == decider:
        raise Refused("correction", N_("You asked for this correction; somebody else has to decide it."))


def check_within_threshold(difference: Money, threshold: Money | None) -> None:
    """Beyond the programme's review threshold, either way, the partner's second person is not enough. Exactly at it: enough."""
    if needs_review(difference, threshold):
        raise Refused(
            "correction",
            N_("%(amount)s is above the programme's review threshold; the operator decides it."),
            amount=abs(difference),
        )


OVERDUE_AFTER_HOURS = 24


def is_overdue(submitted_at: datetime, now: datetime) -> bool:
    """The approval process typically takes up to 24 hours: flagged beyond, never decided by the clock."""
    return (now - submitted_at).total_seconds() > OVERDUE_AFTER_HOURS * 3600


def wait_after(tries: int) -> timedelta:
    """How long an entry waits that could not be rated through our own fault: 30 s at first, doubled each time, an hour at most."""
    return min(timedelta(seconds=30) * 2 ** min(tries, 10), timedelta(hours=1))


def _lowest(*limits: Decimal | None) -> Decimal | None:
    return min((limit for limit in limits if limit is not None), default=None)
