"""Mark-up and tax on a day, what is missing of a customer, when a budget is told of: at the edges, with the documents' examples."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.csp.customers.rules import (
    FromDay,
    Terms,
    check_budget,
    check_day,
    check_percent,
    expected,
    is_managed,
    is_trending_over,
    levels_reached,
    used_percent,
    why_incomplete,
)
from app.foundation.mark_up import MarkUp
from app.foundation.money import Money
from app.foundation.refusals import Refused

OCTOBER, MARCH = date(2026, 10, 1), date(2027, 3, 1)
ROWS = (FromDay(MARCH, Decimal(18)), FromDay(OCTOBER, Decimal(0)))


def test_the_row_in_force_on_the_charges_first_day_counts() -> None:
    terms = Terms(mark_ups=ROWS, default_mark_up=Decimal(12))
    assert terms.mark_up_on(date(2026, 9, 30)) == 12
    assert terms.mark_up_on(OCTOBER) == 0, "0 % is a choice, not the default"
    assert terms.mark_up_on(date(2027, 2, 28)) == 0
    assert terms.mark_up_on(MARCH) == 18


def test_a_charge_period_spanning_a_change_keeps_the_rate_of_its_start() -> None:
    """15 February to 14 March: sold at February's rate as a whole."""
    assert Terms(mark_ups=ROWS).mark_up_on(date(2027, 2, 15)) == 0


def test_none_is_not_zero() -> None:
    assert Terms().mark_up_on(OCTOBER) is None
    assert Terms().tax_on(OCTOBER) is None
    assert Terms(default_mark_up=Decimal(0), default_tax=Decimal(0)).mark_up_on(OCTOBER) == 0
    assert Terms(mark_ups=ROWS).mark_up_on(date(2026, 9, 30)) is None
    assert Terms(taxes=ROWS, default_tax=Decimal(20)).tax_on(date(2026, 9, 30)) == 20


@pytest.mark.parametrize(
    ("cost", "percent", "sell"),
    [
        ("80.00", "20", "96.00"),  # a mark-up; a 20 % margin would be 100.00
        ("100.80", "15", "115.92"),
        ("-94.08", "15", "-108.19"),
        ("112.89", "15", "129.82"),
        ("0.03", "15", "0.03"),
        ("900.00", "10", "990.00"),  # 1000 USD x 0.90
        ("900.00", "20", "1080.00"),  # 1000.00 less the discount of 10 %, then marked up
        ("80.00", "0", "80.00"),
    ],
)
def test_a_mark_up_is_no_margin(cost: str, percent: str, sell: str) -> None:
    assert MarkUp(Decimal(percent)).apply(Money(Decimal(cost), "EUR")).amount == Decimal(sell)


def test_managed_is_linked_and_monitored() -> None:
    assert is_managed(linked=True, monitored=True)
    assert not is_managed(linked=True, monitored=False)
    assert not is_managed(linked=False, monitored=True)


@pytest.mark.parametrize("text", ["0", "0.00", "0.01", "15.25", "999.99"])
def test_percentages_that_are_taken(text: str) -> None:
    assert check_percent(Decimal(text)) == Decimal(text)


@pytest.mark.parametrize("text", ["-0.01", "-15", "1000", "999.991", "0.001"])
def test_percentages_that_are_refused(text: str) -> None:
    with pytest.raises(Refused) as no:
        check_percent(Decimal(text))
    assert no.value.field == "percent"


@pytest.mark.parametrize(
    ("day", "fits"),
    [
        (date(2009, 12, 31), False),
        (date(2010, 1, 1), True),
        (date(2099, 12, 31), True),
        (date(2100, 1, 1), False),
        (date.min, False),
        (date.max, False),
    ],
)
def test_days_that_somebody_means(day: date, fits: bool) -> None:
    if fits:
        assert check_day(day) == day
    else:
        with pytest.raises(Refused):
            check_day(day)


def test_why_a_customer_is_incomplete() -> None:
    whole: dict[str, Any] = {
        "refused": False,
        "has_subscription": True,
        "linked": True,
        "mark_up": Decimal(0),
        "monitored": True,
    }
    assert why_incomplete(**whole) == []
    assert why_incomplete(**{**whole, "mark_up": None}) == ["no_mark_up"]
    assert why_incomplete(**{**whole, "linked": False}) == ["not_linked"]
    assert why_incomplete(**{**whole, "monitored": False}) == ["none_monitored"]
    assert why_incomplete(**{**whole, "refused": True}) == ["refused"]
    nothing: dict[str, Any] = {
        "refused": True,
        "has_subscription": False,
        "linked": False,
        "mark_up": None,
        "monitored": False,
    }
    assert why_incomplete(**nothing) == ["refused", "no_subscription", "not_linked", "no_mark_up"]


@pytest.mark.parametrize(
    ("cost", "reached"),
    [
        ("-5", []),
        ("0", []),
        ("79.99", []),
        ("79.9999999999", []),
        ("80", ["80"]),
        ("99.99", ["80"]),
        ("100", ["80", "100"]),
        ("100.0000000001", ["80", "100", "over"]),
        ("100.01", ["80", "100", "over"]),
        ("1000000", ["80", "100", "over"]),
    ],
)
def test_levels_of_a_budget_of_a_hundred(cost: str, reached: list[str]) -> None:
    assert levels_reached(Decimal(cost), Decimal("100.00")) == reached


def test_a_percentage_never_says_more_than_was_reached() -> None:
    assert used_percent(Decimal("99.9999999999"), Decimal(100)) == Decimal("99.999999")
    assert used_percent(Decimal(10) ** 20, Decimal("0.01")) == Decimal(10) ** 9
    assert used_percent(Decimal(-10), Decimal(100)) == -10


def test_what_a_month_comes_to_at_this_pace() -> None:
    june = (date(2026, 6, 1), date(2026, 6, 30))
    assert expected(Decimal(50), *june, date(2026, 6, 10)) == 150
    assert expected(Decimal(50), *june, date(2026, 6, 30)) == 50
    assert expected(Decimal(50), *june, date(2026, 7, 9)) == 50
    assert expected(Decimal(50), *june, date(2026, 5, 31)) == 1500
    assert is_trending_over(Decimal(50), Decimal(149), *june, date(2026, 6, 10))
    assert not is_trending_over(Decimal(50), Decimal(150), *june, date(2026, 6, 10))
    assert not is_trending_over(Decimal(151), Decimal(150), *june, date(2026, 6, 10)), "it is over already"


@pytest.mark.parametrize(("amount", "places"), [("0", 2), ("-1", 2), ("1.001", 2), ("1.5", 0), ("1000000000", 2)])
def test_budgets_that_are_refused(amount: str, places: int) -> None:
    with pytest.raises(Refused):
        check_budget(Decimal(amount), places)


def test_budgets_that_are_taken() -> None:
    assert check_budget(Decimal("0.01"), 2) == Decimal("0.01")
    assert check_budget(Decimal("999999999.99"), 2)
    assert check_budget(Decimal("1.234"), 3)
