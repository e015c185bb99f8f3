"""The scale beside a drawn tariff: steps that people count in, as few as show something, none of the curve above it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.tariff_chart import MOST_GRID_LINES, scale


@pytest.mark.parametrize(
    ("most", "step", "lines"),
    [
        ("220312.50", "50000", 5),
        ("200000", "50000", 4),
        ("250000.01", "100000", 3),
        ("100000", "20000", 5),
        ("999", "200", 5),
        ("1", "0.2", 5),
        ("0.05", "0.01", 5),
    ],
)
def test_steps_that_people_count_in(most: str, step: str, lines: int) -> None:
    assert scale(Decimal(most)) == (Decimal(step), lines)


@given(st.decimals(min_value="0.000001", max_value="1e15", places=6).filter(bool))
def test_the_scale_reaches_what_it_measures_and_not_much_further(most: Decimal) -> None:
    step, lines = scale(most)
    assert step * (lines - 1) < most <= step * lines and 1 < lines <= MOST_GRID_LINES
    assert step.normalize().as_tuple().digits in ((1,), (2,), (2, 5), (5,))
