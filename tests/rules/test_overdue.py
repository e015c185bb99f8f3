"""When a job is overdue, and when a run of the self-check has been left alone, to the millisecond."""

from datetime import UTC, datetime, timedelta

import pytest

from app.foundation.timetable import is_overdue
from app.operations.rules import is_stale

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
TICK = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("every", "last", "limit"),
    [
        (3600, NOON, NOON + timedelta(hours=2, minutes=3)),
        (1, NOON, NOON + timedelta(minutes=3, seconds=2)),
        (86400, NOON, NOON + timedelta(days=2, minutes=3)),
        # never run: its first run was due five minutes after it was planned
        (3600, None, NOON + timedelta(minutes=5) + timedelta(hours=2, minutes=3)),
    ],
)
def test_a_job_is_overdue_after_twice_its_time_and_three_minutes(
    every: int, last: datetime | None, limit: datetime
) -> None:
    planned_at = NOON if last is None else NOON - timedelta(days=90)
    assert not is_overdue(limit, planned_at, last, every, 300)
    assert is_overdue(limit + TICK, planned_at, last, every, 300)


def test_a_run_is_left_alone_after_two_minutes_without_a_sign_of_life() -> None:
    assert is_stale(None, NOON)
    assert not is_stale(NOON, NOON + timedelta(minutes=2))
    assert is_stale(NOON, NOON + timedelta(minutes=2) + TICK)
