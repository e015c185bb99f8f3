"""Mark-up, rounding, tax, refunds and reconciliation of what Microsoft bills: every worked example, and laws."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.csp.invoices import rules
from app.csp.invoices.rules import Charge
from app.csp.statements.rules import BLOCKED, CHANGED, ISSUED, READY, Issued, standing

D = Decimal
AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=4)
PERCENTS = st.decimals(min_value=0, max_value=D("999.99"), places=2)


def a_line(cost, **more):
    return SimpleNamespace(
        **{
            "sequence": 1,
            "cost": cost,
            "charge_type": "cycleCharge",
            "charge_start": "2026-11-03T00:00:00Z",
            "currency": "EUR",
            **more,
        }
    )


def test_a_change_of_seats_at_15_percent():
    """10.08 a seat, 10 to 12 seats after two days: three lines, each rounded once; tax once on their sum."""
    sold = [rules.line_sell(D(cost), D(15), "EUR") for cost in ("100.80", "-94.08", "112.89")]
    assert sold == [D("115.92"), D("-108.19"), D("129.82")]
    assert rules.sum_of(sold) == D("137.55")
    assert rules.tax_of(D("137.55"), D(20), "EUR") == D("27.51")


def test_five_lines_of_three_cents_are_summed_not_marked_up_together():
    lines = [rules.line_sell(D("0.03"), D(15), "EUR")] * 5
    assert rules.sum_of(lines) == D("0.15")
    assert rules.line_sell(D("0.15"), D(15), "EUR") == D("0.17")


def test_a_mark_up_is_no_margin():
    assert rules.line_sell(D("80.00"), D(20), "USD") == D("96.00")


def test_discount_first_then_mark_up():
    """Microsoft's discount is informational: were it ours, 1000.00 - 10 % + 20 % would be 1080.00, and 1000 USD at 0.90 + 10 % 990.00."""
    assert rules.line_sell(D("1000.00") * D("0.90"), D(20), "EUR") == D("1080.00")
    assert rules.line_sell(D(1000) * D("0.90"), D(10), "EUR") == D("990.00")
    assert rules.line_sell(D("1000.00"), D(20), "EUR") == D("1200.00")


@pytest.mark.parametrize(
    ("cost", "mark_up", "currency", "sell"),
    [
        ("1234", "7.5", "JPY", "1327"),
        ("0.5", "0", "JPY", "1"),
        ("-0.5", "0", "JPY", "-1"),
        ("1.2345", "10", "KWD", "1.358"),
        ("-1.2345", "10", "KWD", "-1.358"),
        ("0.005", "0", "EUR", "0.01"),
        ("-0.005", "0", "EUR", "-0.01"),
        ("28.82860766744404945074", "15", "EUR", "33.15"),
        ("0", "999.99", "EUR", "0.00"),
        ("99999999999999999999999999999.995", "0", "EUR", "100000000000000000000000000000.00"),
    ],
)
def test_rounding_is_half_away_from_zero_to_the_currencys_unit(cost, mark_up, currency, sell):
    assert rules.line_sell(D(cost), D(mark_up), currency) == D(sell)


def test_tax_is_once_on_the_subtotal():
    """9.75 and 10.25 at 10 %: 2.00 on the total, where line by line it would be 2.01."""
    assert rules.tax_of(D("9.75") + D("10.25"), D(10), "EUR") == D("2.00")
    assert rules.tax_of(D("-137.55"), D(20), "EUR") == D("-27.51")
    assert rules.tax_of(D("137.55"), None, "EUR") == 0


def test_reconciling_has_no_tolerance():
    assert rules.reconcile(D("48212.37"), [D("48524.77"), D("-312.40")]) == (D("48212.37"), D(0))
    assert rules.reconcile(D("0.3"), [D("0.1"), D("0.2")]).difference == 0
    tiny = D("0.00000000000000000001")
    assert rules.reconcile(D(10) ** 12, [D(10) ** 12, tiny]).difference == -tiny
    assert rules.reconcile(D(0), []).difference == 0


# Which mark-up a line takes.


def rates(day):
    return D(15) if day < date(2026, 11, 3) else D(25)


def test_a_line_takes_the_mark_up_of_its_charge_start():
    price = rules.priced(a_line("100.00"), rates, {}, date(2026, 1, 1))
    assert (price.mark_up, price.sell, price.why, price.day) == (D(25), D("125.00"), "day", date(2026, 11, 3))
    before = rules.priced(a_line("100.00", charge_start="2026-11-02T23:59:59Z"), rates, {}, date(2026, 1, 1))
    assert before.mark_up == D(15)


def test_a_line_without_a_day_takes_its_documents():
    assert rules.priced(a_line("1", charge_start=""), rates, {}, date(2026, 12, 1)).mark_up == D(25)
    assert rules.priced(a_line("1", charge_start="soon"), rates, {}, date(2026, 1, 1)).mark_up == D(15)


def test_a_refund_takes_the_originals_mark_up():
    price = rules.priced(a_line("-94.08"), rates, {1: "2026-11-01T00:00:00Z"}, date(2026, 1, 1))
    assert (price.mark_up, price.sell, price.why) == (D(15), D("-108.19"), "original")


def test_a_customer_credit_passes_through():
    for word in ("customerCredit", "CustomerCredit", "customer_credit"):
        price = rules.priced(a_line("-10.00", charge_type=word), lambda day: None, {}, date(2026, 1, 1))
        assert (price.mark_up, price.sell, price.why) == (0, D("-10.00"), "credit")


def test_not_set_is_not_zero():
    assert rules.priced(a_line("1"), lambda day: None, {}, date(2026, 1, 1)).sell is None
    assert rules.priced(a_line("1"), lambda day: D(0), {}, date(2026, 1, 1)).sell == D(1)
    assert rules.priced(a_line("1", currency="???"), lambda day: D(0), {}, date(2026, 1, 1)).sell is None


# Which charge a refund gives back.


def charge(start, end, quantity="10", place=1):
    return Charge(f"2026-{start}T00:00:00Z", f"2026-{end}T00:00:00Z", quantity, (1, place))


def start_of(day, quantity, charges):
    found = rules.original_of(f"2026-{day}T00:00:00Z", quantity, charges)
    return found and (found[0].start[5:10], found[1])


def test_the_original_is_the_charge_whose_period_has_the_refunds_start():
    cycle, rest = charge("11-01", "11-30"), charge("11-03", "11-30", "12", 2)
    assert start_of("11-03", "-10", [cycle, rest]) == ("11-01", True)
    assert start_of("11-10", "-12", [cycle, rest]) == ("11-03", True)
    assert start_of("11-10", "-7", [cycle, rest]) == ("11-03", False)
    assert start_of("12-01", "-10", [cycle, rest]) is None
    assert start_of("10-31", "-10", [cycle]) is None


def test_an_end_may_be_the_last_day_or_the_first_after_it():
    first, second = charge("11-01", "12-01"), charge("12-01", "01-01".replace("01-01", "12-31"), "10", 2)
    assert start_of("12-01", "-10", [first, second]) == ("12-01", False)
    assert start_of("11-30", "-10", [charge("11-01", "11-30")]) == ("11-01", False)
    assert rules.original_of("", "-1", [first]) is None


# Laws.


@given(AMOUNTS, PERCENTS)
def test_a_full_refund_at_the_originals_mark_up_leaves_nothing(cost, mark_up):
    assert rules.line_sell(cost, mark_up, "EUR") + rules.line_sell(-cost, mark_up, "EUR") == 0


@given(AMOUNTS, PERCENTS)
def test_a_line_is_never_more_than_half_a_unit_off(cost, mark_up):
    exact = rules.EXACT.multiply(cost, 1 + mark_up / 100)
    assert abs(rules.line_sell(cost, mark_up, "EUR") - exact) <= D("0.005")


@given(
    st.decimals(min_value=-(10**17), max_value=10**17, places=9) | AMOUNTS,
    PERCENTS,
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_the_quick_way_for_short_amounts_is_the_exact_one(cost, mark_up, currency):
    text = f"{cost:f}"
    price = rules.priced(a_line(text, currency=currency), lambda day: mark_up, {}, date(2026, 1, 1))
    assert price.sell == rules.line_sell(D(text), mark_up, currency)


@given(st.lists(AMOUNTS, max_size=30), st.randoms())
def test_reconciling_knows_no_order(amounts, dice):
    total = rules.sum_of(amounts)
    shuffled = [*amounts]
    dice.shuffle(shuffled)
    assert rules.reconcile(total, shuffled) == (total, 0)


# Whether a statement may be issued.


def test_standing():
    known: dict[str, Any] = {"sell": D("137.55"), "lines": 3, "tax_rate": D(20), "held": False}
    latest = Issued(1, 3, D("137.55"), D(20))
    assert standing(**known, latest=None) == READY
    assert standing(**known, latest=latest) == ISSUED
    assert standing(**{**known, "held": True}, latest=latest) == ISSUED
    assert standing(**{**known, "held": True}, latest=None) == BLOCKED
    assert standing(**{**known, "sell": None}, latest=None) == BLOCKED
    for changed in ({"sell": D("137.56")}, {"lines": 4}, {"tax_rate": None}, {"tax_rate": D(19)}):
        assert standing(**{**known, **changed}, latest=latest) == CHANGED
    assert standing(**{**known, "sell": D("137.550")}, latest=latest) == ISSUED
