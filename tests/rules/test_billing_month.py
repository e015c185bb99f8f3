"""The billing month and its cut-off, at the last microsecond on both sides."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.foundation.billing_month import (
    CUT_OFF_POLICIES,
    BillingMonth,
    RejectAfterGrace,
    RollForward,
    may_bill,
    open_months,
)

GRACE, ROLL = RejectAfterGrace(), RollForward()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def month(text: str) -> BillingMonth:
    return BillingMonth.parse(text)


@pytest.mark.parametrize("text", ["2026-10", "1971-01", "9997-12"])
def test_a_month_reads_as_it_is_written(text: str) -> None:
    assert str(month(text)) == text
    assert BillingMonth.of_number(month(text).number) == month(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-1",
        "2026-13",
        "2026-00",
        "26-10",
        "2026-10-01",
        " 2026-10",
        "２０２６-１０",
        "0001-01",
        "9999-01",
        "9998-12",
        "1970-01",
        "2026-10\n",
    ],
)
def test_nothing_else_is_a_month(text: str) -> None:
    with pytest.raises(ValueError):
        month(text)


def test_months_follow_each_other_over_the_year() -> None:
    assert month("2026-12").next == month("2027-01")
    assert month("2027-01").previous == month("2026-12")
    assert month("2026-10").shifted(-22) == month("2024-12")
    assert sorted([month("2027-01"), month("2026-12")])[0] == month("2026-12")


@pytest.mark.parametrize(
    ("case", "now", "billed", "verdict"),
    [
        ("ordinary", "2026-03-15T10:00:00", "2026-03", True),
        ("grace, last instant", "2026-03-02T23:59:59.999999", "2026-02", True),
        ("one tick later", "2026-03-03T00:00:00", "2026-02", False),
        ("grace does not reach back two months", "2026-03-01T09:00:00", "2026-01", False),
        ("year turn", "2027-01-02T12:00:00", "2026-12", True),
        ("leap year", "2028-03-02T00:00:00", "2028-02", True),
        ("leap day itself", "2028-02-29T12:00:00", "2028-02", True),
        ("a Sunday is a day like others", "2026-08-02T12:00:00", "2026-07", True),
        ("no extension after a weekend", "2026-08-03T00:00:00", "2026-07", False),
        ("the month's first instant", "2026-03-01T00:00:00", "2026-03", True),
        ("an instant before it", "2026-02-28T23:59:59.999999", "2026-03", False),
        ("future months never", "2026-03-15T10:00:00", "2026-04", False),
        ("not even far away", "2026-03-15T10:00:00", "2099-01", False),
    ],
)
def test_reject_after_grace(case: str, now: str, billed: str, verdict: bool) -> None:
    assert may_bill(month(billed), utc(now), GRACE) is verdict, case


@pytest.mark.parametrize(
    ("case", "local", "billed", "verdict"),
    [
        (
            "Los Angeles: still the 2nd there, closed in UTC",
            datetime(2027, 1, 2, 16, 0, tzinfo=ZoneInfo("America/Los_Angeles")),
            "2026-12",
            False,
        ),
        (
            "Los Angeles: a second earlier",
            datetime(2027, 1, 2, 15, 59, 59, tzinfo=ZoneInfo("America/Los_Angeles")),
            "2026-12",
            True,
        ),
        (
            "Tokyo: already March there, February in UTC",
            datetime(2026, 3, 1, 8, 0, tzinfo=ZoneInfo("Asia/Tokyo")),
            "2026-03",
            False,
        ),
        ("Tokyo: an hour later", datetime(2026, 3, 1, 9, 0, tzinfo=ZoneInfo("Asia/Tokyo")), "2026-03", True),
        (
            "Prague: the night the clocks go back",
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Prague")),
            "2026-10",
            True,
        ),
    ],
)
def test_the_viewers_zone_changes_nothing(case: str, local: datetime, billed: str, verdict: bool) -> None:
    assert may_bill(month(billed), local, GRACE) is verdict, case


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-01T20:00:00", ["2026-10", "2026-11"]),
        ("2026-11-02T23:59:59.999999", ["2026-10", "2026-11"]),
        ("2026-11-03T00:00:00", ["2026-11"]),
        ("2026-10-31T23:59:59", ["2026-10"]),
    ],
)
def test_open_months_begin_with_the_one_that_closes_first(now: str, expected: list[str]) -> None:
    assert [str(m) for m in open_months(utc(now), GRACE)] == expected


def test_one_month_at_least_and_two_at_most_are_open() -> None:
    at = utc("2025-12-28T00:00:00")
    for policy in CUT_OFF_POLICIES.values():
        for hours in range(0, 24 * 70, 5):
            assert 1 <= len(open_months(at + timedelta(hours=hours), policy)) <= 2


@pytest.mark.parametrize(
    ("local", "billed"),
    [
        (datetime(2026, 3, 31, 15, 44, 59, tzinfo=ZoneInfo("America/Chicago")), "2026-03"),
        (datetime(2026, 3, 31, 15, 45, tzinfo=ZoneInfo("America/Chicago")), "2026-04"),
        (datetime(2026, 12, 31, 15, 45, tzinfo=ZoneInfo("America/Chicago")), "2027-01"),
        (datetime(2028, 2, 29, 15, 44, tzinfo=ZoneInfo("America/Chicago")), "2028-02"),
    ],
)
def test_roll_forward_puts_late_usage_on_the_next_bill(local: datetime, billed: str) -> None:
    assert open_months(local, ROLL) == [month(billed)]


def test_the_quiet_window_lasts_until_six() -> None:
    chicago = ZoneInfo("America/Chicago")
    ends = datetime(2026, 3, 31, 18, 0, tzinfo=chicago)
    assert ROLL.waits_until(datetime(2026, 3, 31, 15, 45, tzinfo=chicago)) == ends
    assert ROLL.waits_until(datetime(2026, 3, 31, 17, 59, 59, tzinfo=chicago)) == ends
    assert ROLL.waits_until(ends) is None
    assert ROLL.waits_until(datetime(2026, 3, 31, 15, 44, 59, tzinfo=chicago)) is None
    assert GRACE.waits_until(ends) is None


def test_overlap_is_half_open() -> None:
    march = month("2026-03")
    assert march.overlaps(utc("2026-03-31T23:59:59.999999"), None)
    assert not march.overlaps(utc("2026-04-01T00:00:00"), None)
    assert march.overlaps(utc("2026-01-01T00:00:00"), utc("2026-03-01T00:00:00.000001"))
    assert not march.overlaps(utc("2026-01-01T00:00:00"), utc("2026-03-01T00:00:00"))
