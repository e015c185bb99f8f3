"""Money, exact values and mark-up: what is kept, what is refused, which way a tie goes."""

from decimal import Decimal

import pytest

from app.catalog.rules import Remuneration, tax_on
from app.foundation.exact import NotExact, from_scaled, parse_exact, to_scaled
from app.foundation.mark_up import MarkUp
from app.foundation.money import Money, exponent, round_half_up

D = Decimal


@pytest.mark.parametrize(("currency", "places"), [("USD", 2), ("JPY", 0), ("KWD", 3)])
def test_each_currency_has_its_own_minor_unit(currency: str, places: int) -> None:
    assert exponent(currency) == places
    assert Money.of_minor(1234, currency).amount == D(1234).scaleb(-places)


def test_a_float_is_no_money() -> None:
    with pytest.raises(TypeError):
        Money(1.10, "USD")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money(D(1), "USD").times(0.8)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-Infinity"])
def test_money_is_finite(wrong: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        Money(D(wrong), "USD")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        Money(D(1), "USD") + Money(D(1), "EUR")
    with pytest.raises(ValueError, match="no ISO 4217"):
        Money(D(1), "ABC")


def test_what_is_not_rounded_has_no_minor_units() -> None:
    with pytest.raises(ValueError, match="not rounded"):
        _ = Money(D("1.005"), "USD").minor
    assert Money(D("1.005"), "USD").rounded().minor == 101
    assert Money(D("-1.005"), "USD").rounded().minor == -101


@pytest.mark.parametrize(
    ("value", "expected"), [("2.675", "2.68"), ("-2.675", "-2.68"), ("2.674999", "2.67"), ("0.005", "0.01")]
)
def test_ties_go_away_from_zero(value: str, expected: str) -> None:
    assert round_half_up(D(value), 2) == D(expected)


@pytest.mark.parametrize(
    "text",
    [
        "1e400",
        "NaN",
        "-1",
        "+-1",
        "Infinity",
        "1,200",
        "１２",
        "٣",
        "😀",
        "",
        " ",
        "1" * 40,
        "0x10",
        "1_000",
        "1.",
        ".5",
        "1\n2",
        "1\x00",
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(NotExact):
        parse_exact(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1200", "1200"),
        (" 12.50 ", "12.5"),
        ("0.000001", "0.000001"),
        ("007", "7"),
        ("99999999999.999999", "99999999999.999999"),
    ],
)
def test_plain_decimals_are_kept_to_the_last_digit(text: str, value: str) -> None:
    assert parse_exact(text) == D(value)
    assert from_scaled(to_scaled(parse_exact(text))) == D(value)


def test_range_and_scale_are_refused_not_rounded() -> None:
    for text in ("100000000000", "0.0000001"):
        with pytest.raises(NotExact):
            parse_exact(text)
    with pytest.raises(NotExact):
        to_scaled(D("0.0000001"))
    with pytest.raises(NotExact):
        to_scaled(D(10) ** 11)


def test_mark_up_is_on_net_and_no_margin() -> None:
    """Net 72.00 at 25 % is gross 90.00: net x 1.25, not net / 0.75."""
    assert MarkUp(D(25)).apply(Money(D(72), "USD")) == Money(D("90.00"), "USD")
    assert MarkUp(D(0)).apply(Money(D("0.01"), "USD")).minor == 1
    with pytest.raises(ValueError, match="zero or more"):
        MarkUp(D(-1))


def test_share_and_mark_up_meet_at_80_and_25_percent() -> None:
    share, net = Remuneration("revenue_share", D(80)), Remuneration("net_plus_mark_up", D(25))
    assert (share.gross(Money(D(100), "USD")), share.due(Money(D(100), "USD"))) == (
        Money(D(100), "USD"),
        Money(D("80.00"), "USD"),
    )
    assert (net.gross(Money(D(80), "USD")), net.due(Money(D(80), "USD"))) == (
        Money(D("100.00"), "USD"),
        Money(D(80), "USD"),
    )


def test_a_negative_line_gives_back_share_and_tax() -> None:
    share = Remuneration("revenue_share", D(80))
    assert share.due(Money(D("-99.10"), "USD")).minor == -7928
    assert tax_on(Money(D("-99.10"), "USD"), D(7)).minor == -694
