"""Customers over time: totals, gained and lost, by month or by year. Pure.

What an account's first completed discovery finds was there before: it is joined with the account and not gained in that month. Before
the first of it nothing is known, which is not zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.foundation.billing_month import BillingMonth

Counts = Mapping[BillingMonth, int]


@dataclass(frozen=True)
class Period:
    """A month, or a year by its last month looked at. `total`: customers at its end; None: before anything is known."""

    first: BillingMonth
    last: BillingMonth
    total: int | None
    gained: int
    lost: int
    #: percent on the total of the period before; None: there is none, or it was nobody
    change: Decimal | None


def months_of(now: int, joined: Counts, gained: Counts, lost: Counts, months: Sequence[BillingMonth]) -> list[Period]:
    """One period a month, oldest first. `now`: customers today; the counts reach from the first of `months` until today."""
    known_since = min((*joined, *gained, *lost), default=None)
    found = list[Period]()
    before: int | None = _total_after(now, joined, gained, lost, months[0].previous)
    for month in months:
        total: int | None = _total_after(now, joined, gained, lost, month)
        if not total and (known_since is None or month < known_since):
            total = None
        found.append(Period(month, month, total, gained.get(month, 0), lost.get(month, 0), _change(before, total)))
        before = total
    return found


def years_of(months: Sequence[Period]) -> list[Period]:
    """The same by year; a year's change is on the year before it, as far as that is among the months."""
    found = list[Period]()
    for year in sorted({one.first.year for one in months}):
        of_year = [one for one in months if one.first.year == year]
        total = of_year[-1].total
        before = found[-1].total if found else None
        gained, lost = sum(one.gained for one in of_year), sum(one.lost for one in of_year)
        found.append(Period(of_year[0].first, of_year[-1].last, total, gained, lost, _change(before, total)))
    return found


def _total_after(now: int, joined: Counts, gained: Counts, lost: Counts, month: BillingMonth) -> int:
    """Backwards from today: less who came after the month, more who left after it."""
    came = sum(count for counts in (joined, gained) for at, count in counts.items() if at > month)
    return now - came + sum(count for at, count in lost.items() if at > month)


def _change(before: int | None, total: int | None) -> Decimal | None:
    if not before or total is None:
        return None
    return (Decimal(total - before) * 100 / before).quantize(Decimal("0.1"))
