"""Charts as geometry: bars stand on zero, foot with their amounts, and say what is worth saying."""

from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.web.charts import Drawing, Month, grid_step, months_chart, short

OCTOBER = BillingMonth(2026, 10)


def usd(amount: int | str) -> Money:
    return Money(Decimal(amount), "USD")


def year(*amounts: int, waiting: int = 0) -> list[Month]:
    months = [Month(OCTOBER.shifted(n - len(amounts) + 1), usd(amount)) for n, amount in enumerate(amounts)]
    if waiting:
        months[-1] = Month(months[-1].month, months[-1].rated, usd(waiting))
    return months


@pytest.fixture(autouse=True)
def in_context(app):
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "0"), ("950", "950"), ("999.49", "999"), ("999.5", "1k"), ("1000", "1k"), ("97780.55", "97.8k"),
        ("89949", "89.9k"), ("999949", "999.9k"), ("999950", "1M"), ("1254000", "1.25M"), ("-4500", "\u22124.5k"),
    ],
)  # fmt: skip
def test_amounts_at_bars(amount: str, words: str) -> None:
    assert short(Decimal(amount)) == words


@pytest.mark.parametrize(
    ("most", "step"), [("0", 25), ("97780", 25_000), ("100000", 25_000), ("100001", 50_000), ("3", 1)]
)
def test_grid_lines_are_round(most: str, step: int) -> None:
    assert grid_step(Decimal(most)) == step


def test_the_picture_of_a_year() -> None:
    chart = months_chart(year(41000, 38600, 48000, 52000, 62000, 58000, 66000, 73000, 64000, 78000, 89900, 86420, waiting=11360), label="Rated revenue")  # fmt: skip
    assert chart.has_waiting
    wide = chart.wide
    assert [words for _, words in wide.grid] == ["25k", "50k", "75k", "100k"]
    said = {bar.name: bar.words for bar in wide.bars if bar.words}
    assert said == {"Dec": "38.6k", "Oct": "97.8k"}  # the newest is the highest as well
    assert [bar.name for bar in wide.bars if bar.year] == ["Nov", "Jan"]
    newest = wide.bars[-1]
    assert newest.newest
    assert newest.hatch_height > 0
    assert newest.hatch_y < newest.y
    assert len(chart.small.bars) == 6
    assert "USD\xa097,780.00 in October 2026" in chart.label


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # nothing is written
@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=12, max_size=12),
    st.integers(0, 10**9),
)
def test_bars_stand_on_zero_and_inside(app: Flask, amounts: list[int], waiting: int) -> None:
    with app.test_request_context():
        chart = months_chart(year(*amounts, waiting=waiting), label="Any")
        for drawn in (chart.wide, chart.small):
            check(drawn)


def check(drawn: Drawing) -> None:
    for bar in drawn.bars:
        assert bar.height >= 0
        assert bar.hatch_height >= 0
        assert drawn.left <= bar.x
        assert bar.x + bar.width <= drawn.width
        assert bar.y >= 0
        assert bar.y + bar.height <= drawn.height
        stands = abs(bar.y + bar.height - drawn.base) <= 0.2 or abs(bar.y - drawn.base) <= 0.2
        assert stands, "a bar begins at zero"
    assert len(drawn.grid) <= 9
    assert sum(bool(bar.words) for bar in drawn.bars) <= 3


def test_a_flat_year_names_the_newest_alone() -> None:
    bars = months_chart(year(*[500] * 12), label="Any").wide.bars
    assert [bar.words for bar in bars if bar.words] == ["500"]
    assert [bar.words for bar in months_chart(year(*[0] * 12), label="Any").wide.bars if bar.words] == ["0"]
