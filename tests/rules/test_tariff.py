"""The four tariffs at their edges, with the domain's own worked figures."""

from decimal import Decimal

import pytest

from app.catalog.tariff import BadTariff, Band, OverLimit, Tariff, cost, entry_amount, entry_steps, limit_of

D = Decimal


def bands(*pairs: tuple[str | None, str]) -> tuple[Band, ...]:
    return tuple(Band(None if up_to is None else D(up_to), D(price)) for up_to, price in pairs)


THREE = bands(("1000", "1"), ("2500", "0.90"), ("10000", "0.75"))
FIVE = bands(("1000", "1"), ("2000", "0.90"), ("3000", "0.75"), ("4000", "0.60"), (None, "0.40"))


@pytest.mark.parametrize(
    ("tariff", "quantity", "expected"),
    [
        (Tariff("per_unit", bands((None, "1"))), "5000", "5000"),
        (Tariff("simple", THREE), "5000", "3750"),
        (Tariff("graduated", THREE), "5000", "4225"),
        (Tariff("block", bands(("1000", "0"), ("2500", "2500"), ("10000", "4500"))), "5000", "4500"),
        *(
            (Tariff("simple", FIVE), q, e)
            for q, e in (("500", "500"), ("1500", "1350"), ("2500", "1875"), ("5200", "2080"))
        ),
        *(
            (Tariff("graduated", FIVE), q, e)
            for q, e in (("500", "500"), ("1500", "1450"), ("2500", "2275"), ("5200", "3730"))
        ),
        # a band reaches up to and including its limit; simple tiers are not monotone
        (Tariff("simple", FIVE), "1000", "1000"),
        (Tariff("simple", FIVE), "1001", "900.90"),
        (Tariff("simple", FIVE), "1000.000001", "900.0000009"),
        (Tariff("graduated", FIVE), "1000.5", "1000.45"),
        # the charge unit is the smallest quantity customers pay
        (Tariff("per_unit", bands((None, "12")), D(100)), "250", "30"),
        (Tariff("block", bands(("10", "99"), (None, "150"))), "0", "0"),
        (Tariff("per_unit", bands((None, "0"))), "7", "0"),
    ],
)
def test_a_month_costs(tariff: Tariff, quantity: str, expected: str) -> None:
    assert cost(tariff, D(quantity)) == D(expected)


def test_a_charge_unit_that_does_not_divide_loses_nothing() -> None:
    """Two bands whose thirds only together are 0.005 exactly round up to 0.01, as one hour at 0.12 for 24 h does."""
    day = Tariff("per_unit", bands((None, "0.12")), D(24))
    assert cost(day, D(1)) == D("0.005")
    assert entry_amount(day, D(0), D(1), 2) == D("0.01")
    thirds = Tariff("graduated", bands(("1", "0.005"), (None, "0.01")), D(3))
    assert cost(thirds, D(2)) == D("0.005")
    assert entry_amount(thirds, D(0), D(2), 2) == D("0.01")


def test_tiers_count_the_month_not_the_entry() -> None:
    """600 + 600 units in 1000 @ 1.00, then 0.90: the month is 1180.00, so the second entry adds 580.00, not 600.00."""
    tariff = Tariff("graduated", bands(("1000", "1"), (None, "0.90")))
    assert entry_amount(tariff, D(0), D(600), 2) == D("600.00")
    assert entry_amount(tariff, D(600), D(600), 2) == D("580.00")


def test_an_entry_may_be_negative_in_simple_tiers() -> None:
    """One unit more takes the whole month into the cheaper band: 1000.00 becomes 900.90."""
    tariff = Tariff("simple", FIVE)
    assert entry_amount(tariff, D(1000), D(1), 2) == D("-99.10")
    steps = entry_steps(tariff, D(1000), D(1))
    assert [(step.quantity, step.price, step.amount) for step in steps] == [
        (D(-1000), D(1), D(-1000)),
        (D(1001), D("0.90"), D("900.90")),
    ]


def test_an_entry_is_rounded_as_the_difference_of_rounded_months() -> None:
    """Three thirds of a cent: rounding each entry alone would lose one."""
    tariff = Tariff("per_unit", bands((None, "0.0033")))
    amounts = [entry_amount(tariff, D(before), D(1), 2) for before in range(3)]
    assert amounts == [D("0.00"), D("0.01"), D("0.00")]
    assert sum(amounts) == D("0.01")


def test_half_goes_away_from_zero() -> None:
    tariff = Tariff("per_unit", bands((None, "0.005")))
    assert entry_amount(tariff, D(0), D(1), 2) == D("0.01")


def test_the_explanation_of_the_picture() -> None:
    """84.50 h before, 38.25 h more, 160.00 to 100 h, then 148.125: 2,480.00000 + 3,369.84375."""
    tariff = Tariff("graduated", bands(("100", "160"), (None, "148.125")))
    steps = entry_steps(tariff, D("84.50"), D("38.25"))
    assert [(step.quantity, step.amount) for step in steps] == [
        (D("15.50"), D("2480.0")),
        (D("22.75"), D("3369.84375")),
    ]
    assert entry_amount(tariff, D("84.50"), D("38.25"), 2) == D("5849.84")


def test_beyond_the_last_band_there_is_no_price() -> None:
    tariff = Tariff("graduated", THREE)
    assert limit_of(tariff) == D(10000)
    assert cost(tariff, D(10000)) == D(7975)
    for model in ("graduated", "simple", "block"):
        with pytest.raises(OverLimit):
            cost(Tariff(model, THREE), D("10000.000001"))


def test_large_values_lose_nothing() -> None:
    """17 digits times 17 digits: more than decimal's default precision carries."""
    tariff = Tariff("per_unit", bands((None, "98765432109.876543")))
    exact = int("12345678901234567") * int("98765432109876543")
    assert cost(tariff, D("12345678901.234567")).scaleb(12) == exact


@pytest.mark.parametrize(
    ("model", "broken"),
    [
        ("graduated", bands((None, "1"), ("10", "2"))),
        ("graduated", bands(("10", "1"), ("10", "2"))),
        ("simple", bands(("0", "1"))),
        ("per_unit", bands(("10", "1"), (None, "2"))),
        ("simple", bands((None, "-1"))),
        ("graduated", ()),
        ("guess", bands((None, "1"))),
    ],
)
def test_bands_that_make_no_tariff_are_refused(model: str, broken: tuple[Band, ...]) -> None:
    with pytest.raises(BadTariff):
        Tariff(model, broken)  # type: ignore[arg-type]
