"""Laws of corrections: in every tariff, whatever is rated and corrected in whatever order, a month comes to its tariff."""

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.billing.rules import Amounts, Terms, correct, rate, undone
from app.catalog.rules import Remuneration, tax_on
from app.catalog.tariff import Tariff, cost, entry_steps
from app.foundation.money import Money, round_half_up
from tests.properties.test_rating_laws import quantities, tariffs

NOTHING = Decimal(0)
currencies = st.sampled_from(["JPY", "USD", "KWD"])
PLACES = {"JPY": 0, "USD": 2, "KWD": 3}
percents = st.decimals(min_value=0, max_value=100, places=3, allow_nan=False, allow_infinity=False)
policies = st.sampled_from(["revenue_share", "net_plus_mark_up"])
#: what happens in a month: something is rated, or one of what stands is corrected to a quantity or to nothing
events = st.lists(
    st.tuples(quantities, st.one_of(st.none(), st.integers(min_value=0, max_value=50)), st.booleans()), min_size=1, max_size=10
)  # fmt: skip


@dataclass
class Month:
    """One group of a service month, as rating and corrections leave it."""

    tariff: Tariff
    currency: str
    pay: Remuneration
    tax: Decimal
    holds: Decimal = NOTHING
    amount: Decimal = NOTHING
    #: what stands of entries that nobody took back: quantity and line
    entries: list[tuple[Decimal, Amounts]] = field(default_factory=list)
    lines: list[Amounts] = field(default_factory=list)

    @property
    def terms(self) -> Terms:
        return Terms(self.tariff, self.currency, True, None)

    @property
    def standing(self) -> Amounts:
        return Amounts(*(sum(getattr(line, name) for line in self.lines) for name in ("rated", "gross", "due", "tax")))

    def put(self, amount: Money, after: Decimal, line: Amounts | None = None) -> Amounts:
        self.holds, self.amount = after, self.amount + amount.amount
        if line is None:
            gross = self.pay.gross(amount)
            line = Amounts(amount.minor, gross.minor, self.pay.due(amount).minor, tax_on(gross, self.tax).minor)
        self.lines.append(line)
        return line

    def rate(self, quantity: Decimal) -> None:
        rated = rate(self.terms, self.holds, quantity)
        self.entries.append((quantity, self.put(rated.amount, rated.after)))

    def correct(self, place: int, quantity: Decimal) -> None:
        wrong, original = self.entries.pop(place % len(self.entries))
        if wrong == quantity:
            self.entries.append((wrong, original))
            return
        both = correct(self.terms, self.holds, wrong, quantity)
        back = both.reversal
        self.put(back.amount, back.after, undone(back.amount.minor, original, self.standing))
        if both.rebill:
            self.entries.append((quantity, self.put(both.rebill.amount, both.rebill.after)))


def lived(month: Month, told: list[tuple[Decimal, int | None, bool]]) -> None:
    for quantity, place, to_nothing in told:
        if place is None or not month.entries:
            month.rate(quantity)
        else:
            month.correct(place, NOTHING if to_nothing else quantity)


@given(tariffs(), currencies, events)
def test_a_month_comes_to_its_tariff_whatever_was_corrected(
    tariff: Tariff, currency: str, told: list[tuple[Decimal, int | None, bool]]
) -> None:
    """Per unit, graduated, simple and block; with ratings between any two corrections, and corrections of corrections."""
    month = Month(tariff, currency, Remuneration("revenue_share", Decimal(80)), NOTHING)
    lived(month, told)
    assert month.holds == sum((quantity for quantity, _ in month.entries), NOTHING)
    assert month.amount == round_half_up(cost(tariff, month.holds), PLACES[currency])


@given(tariffs(), currencies, policies, percents, percents, events)
def test_every_line_keeps_its_signs(
    tariff: Tariff,
    currency: str,
    policy: str,
    percent: Decimal,
    tax: Decimal,
    told: list[tuple[Decimal, int | None, bool]],
) -> None:
    """Due and tax never go against the gross, and due never beyond it: in no line, however it came about."""
    month = Month(tariff, currency, Remuneration(policy, percent), tax)  # type: ignore[arg-type]
    lived(month, told)
    for line in month.lines:
        assert line.gross * line.due >= 0
        assert abs(line.due) <= abs(line.gross)
        assert line.gross * line.tax >= 0


@given(
    tariffs(),
    currencies,
    policies,
    percents,
    percents,
    st.lists(quantities, min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_a_month_taken_back_whole_leaves_nothing(
    tariff: Tariff, currency: str, policy: str, percent: Decimal, tax: Decimal, parts: list[Decimal], dice: object
) -> None:  # fmt: skip
    """Gross, due and tax, in whatever order it is taken back: not a cent of the roundings is left.

    But for a month that some reversal made dearer, which only a tariff can do whose later tier is cheaper in total, or one of
    which only roundings stand, against their own gross.
    """
    month = Month(tariff, currency, Remuneration(policy, percent), tax)  # type: ignore[arg-type]
    for part in parts:
        month.rate(part)
    usual = True
    while month.entries:
        before, stood = month.amount, month.standing
        month.correct(dice.randrange(len(month.entries)), NOTHING)  # type: ignore[attr-defined]
        usual = usual and month.amount <= before and _goes_together(stood)
    assert (month.holds, month.amount) == (NOTHING, NOTHING)
    if usual and all(line.rated >= 0 for line in month.lines[: len(parts)]):
        assert month.standing == Amounts(0, 0, 0, 0)


def _goes_together(stood: Amounts) -> bool:
    return 0 <= stood.due <= stood.gross and stood.tax >= 0 and (stood.gross > 0 or stood.tax == 0)


@given(tariffs(), quantities, quantities)
def test_steps_of_a_reversal_are_those_of_the_entry_backwards(
    tariff: Tariff, before: Decimal, quantity: Decimal
) -> None:
    there = entry_steps(tariff, before, quantity)
    back = entry_steps(tariff, before + quantity, -quantity)
    assert sum((s.amount for s in back), NOTHING) == -sum((s.amount for s in there), NOTHING)
    assert sum((s.quantity for s in back), NOTHING) == -quantity


@given(tariffs(), quantities, quantities, quantities)
def test_the_difference_is_what_the_month_changes_by(
    tariff: Tariff, rest: Decimal, wrong: Decimal, right: Decimal
) -> None:
    if wrong == right:
        return
    both = correct(Terms(tariff, "USD", True, None), rest + wrong, wrong, right)
    was, becomes = (round_half_up(cost(tariff, rest + part), 2) for part in (wrong, right))
    assert both.difference.amount == becomes - was
