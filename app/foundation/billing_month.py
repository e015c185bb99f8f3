"""The billing month and its cut-off: one function over one value, two policies. Pure: no clock, no database.

Managed professional services: "You cannot bill for previous months after the second day of the current month ends."
The billing cycle is monthly and its time is UTC, so month M closes at day 3 of M+1, 00:00:00 UTC, exclusive.
Marketplace: usage after 15:45 on the month's last day (America/Chicago) falls on the next month's bill; until 18:00
the provider sends nothing and what comes waits.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property, lru_cache, total_ordering
from zoneinfo import ZoneInfo

_TEXT = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@total_ordering
@dataclass(frozen=True)
class BillingMonth:
    """One calendar month, `year` 1970 to 9998, `month` 1 to 12. Written YYYY-MM, stored as the number YYYYMM."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1970 <= self.year <= 9998 and 1 <= self.month <= 12):
            raise ValueError(f"no billing month {self.year}-{self.month}")

    @classmethod
    def parse(cls, text: str) -> "BillingMonth":
        """'2026-10' only; ValueError for anything else, full-width digits included.

        The first year and the last are nobody's to type: every month that is read has one before it and one after it.
        """
        found = _TEXT.fullmatch(text)
        if not found or not 1971 <= int(found[1]) <= 9997:
            raise ValueError(f"{text!r} is not a month written YYYY-MM")
        return cls(int(found[1]), int(found[2]))

    @staticmethod
    @lru_cache(1024)
    def of_number(number: int) -> "BillingMonth":
        return BillingMonth(number // 100, number % 100)

    @classmethod
    def at(cls, instant: datetime) -> "BillingMonth":
        """The UTC month in which the instant lies."""
        utc = instant.astimezone(UTC)
        return cls(utc.year, utc.month)

    @cached_property
    def number(self) -> int:
        return self.year * 100 + self.month

    def shifted(self, months: int) -> "BillingMonth":
        count = self.year * 12 + self.month - 1 + months
        return BillingMonth(count // 12, count % 12 + 1)

    @cached_property
    def next(self) -> "BillingMonth":
        return self.shifted(1)

    @property
    def previous(self) -> "BillingMonth":
        return self.shifted(-1)

    @cached_property
    def starts_at(self) -> datetime:
        """The month's first instant, UTC."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def overlaps(self, since: datetime, until: datetime | None) -> bool:
        """Whether any instant of this UTC month lies in [since, until); until None: no end."""
        return since < self.next.starts_at and (until is None or until > self.starts_at)

    def __hash__(self) -> int:
        return self.number

    def __lt__(self, other: "BillingMonth") -> bool:
        return self.number < other.number

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True)
class RejectAfterGrace:
    """A month stays open for `days` days of the next one, then refuses. UTC by the guide, whatever the viewer's zone."""

    days: int = 2

    def opens_at(self, month: BillingMonth) -> datetime:
        return month.starts_at

    def closes_at(self, month: BillingMonth) -> datetime:
        return month.next.starts_at + timedelta(days=self.days)

    def waits_until(self, now: datetime) -> datetime | None:
        return None


@dataclass(frozen=True)
class RollForward:
    """A month takes what arrives before its cut-off; later usage rolls forward to the next month, never refused."""

    cutoff: time = time(15, 45)
    quiet_until: time = time(18, 0)
    zone: str = "America/Chicago"

    def opens_at(self, month: BillingMonth) -> datetime:
        return self.closes_at(month.previous)

    def closes_at(self, month: BillingMonth) -> datetime:
        return self._last_day(month, self.cutoff)

    def waits_until(self, now: datetime) -> datetime | None:
        """The end of the quiet window in which `now` lies, else None. What arrives inside waits for it."""
        local = now.astimezone(ZoneInfo(self.zone))
        month = BillingMonth(local.year, local.month)
        quiet_ends = self._last_day(month, self.quiet_until)
        return quiet_ends if self.closes_at(month) <= now < quiet_ends else None

    def _last_day(self, month: BillingMonth, at: time) -> datetime:
        return _on_last_day(month, at, self.zone)


@lru_cache(maxsize=1000)
def _on_last_day(month: BillingMonth, at: time, zone: str) -> datetime:
    """Worked out once: every page of engagements asks which months are open."""
    last = month.next.starts_at.date() - timedelta(days=1)
    return datetime.combine(last, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)


CutOff = RejectAfterGrace | RollForward

#: What a programme may choose from; the key is what its row stores and what names its book of months.
CUT_OFF_POLICIES: dict[str, CutOff] = {
    "reject-after-grace": RejectAfterGrace(days=2),
    "roll-forward": RollForward(),
}


def may_bill(month: BillingMonth, now: datetime, policy: CutOff) -> bool:
    """You cannot bill for previous months after the second day of the current month ends.

    2 March 23:59:59.999 UTC yes for February, 3 March 00:00:00.000 UTC no. Future months never.
    """
    return policy.opens_at(month) <= now < policy.closes_at(month)


def open_months(now: datetime, policy: CutOff) -> list[BillingMonth]:
    """The months that may be billed at `now`, the one that closes first at the front. At most two."""
    here = BillingMonth.at(now)
    return [month for month in (here.previous, here, here.next) if may_bill(month, now, policy)]
