"""An amount's explanation as templates show it: tiers, sum, the rounding, the bar, and a sentence where it surprises."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _

from app.billing.explanations import Explanation
from app.billing.rules import Rated
from app.catalog.model import Programme
from app.catalog.tariff import ZERO, Step, Tariff
from app.foundation.exact import SCALE
from app.foundation.money import Money
from app.web.figures import money_with_currency, plain, quantity, unit_price
from app.web.tier_bars import TierBar, tier_bar
from app.web.tiers import per_words, tier_words


@dataclass(frozen=True)
class TierRow:
    label: str
    quantity: Decimal
    price: Decimal
    #: exact, before any rounding
    amount: Decimal


@dataclass(frozen=True)
class Explained:
    """`amount` = `cost_after` - `cost_before`, each the month's whole cost rounded once; `sum_amount` is not rounded."""

    of: Explanation
    tiers: list[TierRow]
    #: the tier table's column of prices: "Unit price", "Price per 10 h", "Flat price"
    price_head: str
    sum_quantity: Decimal
    sum_amount: Decimal
    cost_before: Money
    cost_after: Money
    amount: Money
    surprise: str | None
    bar: TierBar

    @property
    def unit(self) -> str:
        return self.of.metric.unit


def explained(of: Explanation) -> Explained:
    rated, tariff, unit = of.rated, of.tariff, of.metric.unit
    currency = rated.amount.currency
    return Explained(
        of=of,
        tiers=tier_rows(tariff, rated, unit),
        price_head=price_head(tariff, unit),
        sum_quantity=rated.after - rated.before,
        sum_amount=rated.unrounded,
        cost_before=Money(rated.cost_before, currency),
        cost_after=Money(rated.cost_after, currency),
        amount=rated.amount,
        surprise=None if of.correction else surprise(tariff, rated, unit),
        bar=tier_bar(tariff, rated.before, rated.after, unit),
    )


def tier_rows(tariff: Tariff, rated: Rated, unit: str) -> list[TierRow]:
    """The tiers an amount was made of, one row each."""
    steps = _shown_steps(tariff, rated)
    swaps = _swaps(steps)
    return [TierRow(_tier(step, unit, swaps), step.quantity, step.price, step.amount) for step in steps]


def due_words(of: Explanation, programme: Programme) -> str:
    """By which policy the partner is due what it is; the percentage only where it still explains the amount."""
    percent = plain(of.remuneration.percent, 0, SCALE)
    if of.remuneration.policy == "revenue_share":
        holds = of.remuneration.due(of.gross) == of.due
        return _("revenue share of %(percent)s %% of gross", percent=percent) if holds else _("revenue share")
    holds = of.remuneration.gross(of.rated.amount) == of.gross
    return _("net; %(percent)s %% mark-up makes the gross", percent=percent) if holds else _("net, before our mark-up")


def _shown_steps(tariff: Tariff, rated: Rated) -> list[Step]:
    """The steps as a table: a graduated tier passed earlier keeps its row, a tier that only grew is one row."""
    steps = list(rated.steps)
    if tariff.model == "graduated":
        used = {step.start: step for step in steps}
        rows, start = [], ZERO
        for band in tariff.bands:
            if start >= max(rated.before, rated.after):
                break
            rows.append(used.get(start) or Step(start, band.up_to, ZERO, band.price, ZERO))
            start = band.up_to or max(rated.before, rated.after)
        return rows
    if len(steps) == 2 and steps[0].start == steps[1].start:
        left, kept = steps
        return [Step(kept.start, kept.end, kept.quantity + left.quantity, kept.price, kept.amount + left.amount)]
    return steps


def _swaps(steps: Sequence[Step]) -> bool:
    """Whether a tier is taken back and another one put in its place."""
    return any(step.quantity < 0 for step in steps)


def _tier(step: Step, unit: str, swaps: bool) -> str:
    label = tier_words(step.start, step.end, unit)
    if not swaps:
        return label
    return str(_("taken back: %(tier)s", tier=label) if step.quantity < 0 else _("now: %(tier)s", tier=label))


def price_head(tariff: Tariff, unit: str) -> str:
    if tariff.model == "block":
        return str(_("Flat price"))
    return str(_("Unit price") if tariff.charge_unit == 1 else _("Price per %(per)s", per=per_words(tariff, unit)))


def surprise(tariff: Tariff, rated: Rated, unit: str) -> str | None:
    """Why a simple or block tier repriced the month, which may make an entry cheaper than nothing."""
    if not _swaps(_shown_steps(tariff, rated)):
        return (
            str(_("The month stays in this flat tier, so the entry adds nothing."))
            if tariff.model == "block" and rated.before
            else None
        )
    reached = rated.steps[-1]
    facts = {
        "after": quantity(rated.after),
        "unit": unit,
        "price": unit_price(reached.price),
        "amount": money_with_currency(abs(rated.amount)),
    }
    lowers = rated.amount.amount < 0
    if tariff.model == "block":
        said = _(
            "The month moved into another flat tier: the earlier flat price is taken back, %(price)s takes its place.",
            **facts,
        )
    elif lowers:
        said = _("The month moved into a cheaper tier: all %(after)s %(unit)s of it are now %(price)s each.", **facts)
    else:
        said = _("The month moved into another tier: all %(after)s %(unit)s of it are now %(price)s each.", **facts)
    return f"{said} {_('So this entry lowers the month by %(amount)s.', **facts)}" if lowers else str(said)
