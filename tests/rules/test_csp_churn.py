"""Customers over time: totals told backwards from today, gained and lost, by month and by year."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.csp.dashboard.rules import months_of, years_of
from app.foundation.billing_month import BillingMonth

LAST = BillingMonth(2026, 11)
YEAR = [LAST.shifted(back) for back in range(-11, 1)]


def month(text: str) -> BillingMonth:
    return BillingMonth.parse(text)


def test_what_the_first_discovery_found_was_there_before() -> None:
    found = months_of(148, {month("2026-09"): 147}, {month("2026-10"): 3}, {month("2026-11"): 2}, YEAR)
    totals = {str(one.last): (one.total, one.gained, one.lost, one.change) for one in found}
    assert totals["2026-08"] == (None, 0, 0, None), "nothing is known, which is not nobody"
    assert totals["2026-09"] == (147, 0, 0, None)
    assert totals["2026-10"] == (150, 3, 0, Decimal("2.0"))
    assert totals["2026-11"] == (148, 0, 2, Decimal("-1.3"))


def test_customers_from_before_the_window_are_known() -> None:
    found = months_of(10, {}, {}, {}, YEAR)
    assert {one.total for one in found} == {10} and found[0].change == 0


def test_nobody_at_all() -> None:
    assert {one.total for one in months_of(0, {}, {}, {}, YEAR)} == {None}


def test_all_lost_is_zero_and_not_unknown() -> None:
    found = months_of(0, {month("2026-09"): 2}, {}, {month("2026-10"): 2}, YEAR)
    assert [one.total for one in found][-4:] == [None, 2, 0, 0]


def test_years() -> None:
    window = [month("2024-12"), *[month("2025-01").shifted(step) for step in range(23)]]
    found = years_of(
        months_of(14, {month("2024-12"): 10}, {month("2025-05"): 5, month("2026-02"): 1}, {month("2025-06"): 2}, window)
    )
    assert [(one.first.year, one.total, one.gained, one.lost, one.change) for one in found] == [
        (2024, 10, 0, 0, None),
        (2025, 13, 5, 2, Decimal("30.0")),
        (2026, 14, 1, 0, Decimal("7.7")),
    ]


counts = st.dictionaries(st.sampled_from(YEAR), st.integers(1, 500), max_size=6)


@given(st.integers(0, 2000), counts, counts)
def test_each_month_follows_from_the_one_before(
    before: int, gained: dict[BillingMonth, int], lost: dict[BillingMonth, int]
) -> None:
    now = before + sum(gained.values()) - sum(lost.values())
    found = months_of(now, {}, gained, lost, YEAR)
    assert found[-1].total == (now or None) or found[-1].total == now
    for earlier, later in pairwise(found):
        if earlier.total is not None and later.total is not None:
            assert later.total == earlier.total + later.gained - later.lost
