"""Laws of rating that hold for every tariff, quantity and split."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.billing.rules import Terms, rate
from app.catalog.rules import Remuneration
from app.catalog.tariff import Band, Model, Tariff, cost, entry_amount, entry_steps
from app.foundation.money import Money, round_half_up

quantities = st.decimals(
    min_value=Decimal("0.000001"), max_value=Decimal(20000), places=6, allow_nan=False, allow_infinity=False
)
prices = st.decimals(min_value=0, max_value=5000, places=6, allow_nan=False, allow_infinity=False)
places = st.sampled_from([0, 2, 3])


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Any tariff whose last band is open, so that no split of a month is over its limit."""
    model: Model = draw(st.sampled_from(["per_unit", "graduated", "simple", "block"]))
    limits = [] if model == "per_unit" else sorted(draw(st.sets(quantities, max_size=4)))
    bands = tuple(Band(limit, draw(prices)) for limit in [*limits, None])
    return Tariff(model, bands, draw(st.sampled_from([Decimal(1), Decimal(10), Decimal("0.25")])))


@given(tariffs(), st.lists(quantities, min_size=1, max_size=8), places)
def test_entries_of_a_month_sum_to_its_tariff(tariff: Tariff, parts: list[Decimal], digits: int) -> None:
    """Whatever the model, however it was split, in whatever order it was rated."""
    before, total = Decimal(0), Decimal(0)
    for part in parts:
        total += entry_amount(tariff, before, part, digits)
        before += part
    assert total == round_half_up(cost(tariff, sum(parts, Decimal(0))), digits)


@given(tariffs(), st.lists(quantities, min_size=1, max_size=6), st.randoms(use_true_random=False), places)
def test_the_order_of_rating_moves_no_total(tariff: Tariff, parts: list[Decimal], dice: object, digits: int) -> None:
    shuffled = list(parts)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]

    def total(order: list[Decimal]) -> Decimal:
        before, added = Decimal(0), Decimal(0)
        for part in order:
            added += entry_amount(tariff, before, part, digits)
            before += part
        return added

    assert total(parts) == total(shuffled)


@given(tariffs(), st.one_of(st.just(Decimal(0)), quantities), quantities)
def test_steps_explain_the_whole_amount(tariff: Tariff, before: Decimal, quantity: Decimal) -> None:
    steps = entry_steps(tariff, before, quantity)
    # thirds of a charge unit do not end; 60 digits carry far beyond any rounding
    assert abs(
        sum((s.amount for s in steps), Decimal(0)) - (cost(tariff, before + quantity) - cost(tariff, before))
    ) < Decimal("1e-30")
    assert sum((s.quantity for s in steps), Decimal(0)) == quantity


@given(tariffs(), st.one_of(st.just(Decimal(0)), quantities), quantities)
def test_the_rule_and_the_maths_agree(tariff: Tariff, before: Decimal, quantity: Decimal) -> None:
    rated = rate(Terms(tariff, "USD", True, None), before, quantity)
    assert rated.amount.amount == entry_amount(tariff, before, quantity, 2) == rated.cost_after - rated.cost_before
    assert rated.after == before + quantity


@given(tariffs(), quantities, quantities)
def test_graduated_and_per_unit_never_fall(tariff: Tariff, before: Decimal, quantity: Decimal) -> None:
    if tariff.model in ("graduated", "per_unit"):
        assert entry_amount(tariff, before, quantity, 2) >= 0


amounts = st.integers(min_value=-(10**12), max_value=10**12).map(lambda minor: Money.of_minor(minor, "USD"))
percents = st.decimals(min_value=0, max_value=400, places=4, allow_nan=False, allow_infinity=False)


@given(amounts, percents, st.sampled_from(["revenue_share", "net_plus_mark_up"]))
def test_remuneration_is_symmetric_and_rounded(amount: Money, percent: Decimal, policy: str) -> None:
    """What is charged and due for a reversal is exactly what was charged and due."""
    pay = Remuneration(policy, percent)  # type: ignore[arg-type]
    assert pay.gross(-amount) == -pay.gross(amount)
    assert pay.due(-amount) == -pay.due(amount)
    assert isinstance(pay.gross(amount).minor, int)
    assert isinstance(pay.due(amount).minor, int)
