"""What becomes of an engagement, by the dice: who asks when, what is decided, when it ends, and in which months it can be billed.

Times are whole seconds since 1970, UTC. Nothing here writes a row; lives.py plays what is planned.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

from app.commands.demo.load import names
from app.commands.demo.load.offers import Offer
from app.commands.demo.load.scale import Slice
from app.commands.demo.load.stage import Pair, Stage
from app.engagements import states
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth

MINUTE, HOUR, DAY = 60, 3600, 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=second)


def second_of(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(seconds=1)


@dataclass(frozen=True)
class Open:
    """When a month takes entries under one policy: from `opens` until `closes`; the month itself begins and ends elsewhere."""

    month: BillingMonth
    opens: int
    closes: int
    begins: int
    ends: int


@dataclass(frozen=True)
class Window:
    """When an engagement can be billed for a month. `still_open`: the month takes entries as we look."""

    month: BillingMonth
    since: int
    until: int
    still_open: bool


@dataclass
class Plot:
    """`steps`: (second, action, reason or wish), in order. `entries` are as many as `windows` allow: none where there is none."""

    pair: Pair
    offer: Offer
    name: str
    requested: int
    steps: list[tuple[int, str, str]] = field(default_factory=list)
    active_from: int | None = None
    ended: int | None = None
    windows: list[Window] = field(default_factory=list)
    entries: int = 0


class Plots:
    """Plans slices of a stage, each with dice of its own: the same whatever was planned before."""

    def __init__(self, stage: Stage, key: str) -> None:
        self.stage, self.key = stage, key
        self.begin, self.end = second_of(stage.first.starts_at), second_of(stage.until)
        self.weights = list(accumulate(pair.weight for pair in stage.pairs))
        self.since = {offer: second_of(offer.since.starts_at) for pair in stage.pairs for offer in pair.offers}
        last = BillingMonth.at(stage.until)
        self.calendars = {book: list(_calendar(book, stage.first, last)) for book in CUT_OFF_POLICIES}

    def of_slice(self, part: Slice) -> tuple[Random, list[Plot]]:
        """The slice's engagements in the order of their requests, and the dice with which to go on."""
        dice = Random(f"{self.key}/{part.number}")
        span = self.end - self.begin - HOUR
        first, last = (self.begin + span * share // 10**6 for share in (part.begins, part.ends))
        requested = sorted(dice.randrange(first, max(last, first + 1)) for _ in range(part.engagements))
        pairs = dice.choices(self.stage.pairs, cum_weights=self.weights, k=part.engagements)
        plots = [self._plot(dice, pair, at) for pair, at in zip(pairs, requested, strict=True)]
        billable = [plot for plot in plots if plot.windows]
        if billable:
            # a few engagements have many entries, many have a few
            weights = [min(dice.paretovariate(1.2), 30) * (1 + len(plot.windows)) for plot in billable]
            for plot in dice.choices(billable, weights, k=part.entries):
                plot.entries += 1
        return dice, plots

    def _plot(self, dice: Random, pair: Pair, requested: int) -> Plot:
        offers = [offer for offer in pair.offers if self.since[offer] <= requested] or pair.offers[:1]
        offer = dice.choice(offers)
        name = names.engagement(offer.product, dice.getrandbits(16), dice.getrandbits(16))
        plot = Plot(pair, offer, name, requested)
        age, fate = self.end - requested, dice.random()
        if age < 9 * DAY and fate < 0.6:
            return plot  # nobody has decided yet
        decided = requested + dice.randint(1, min(70 * HOUR, max(age * 3 // 4, 1)))
        if fate > 0.95:
            plot.steps.append((decided, states.REJECT, dice.choice(names.NOT_NOW)))
        elif fate > 0.91:
            plot.steps.append((decided, states.WITHDRAW, ""))
        else:
            plot.active_from = decided
            plot.steps.append((decided, states.APPROVE, ""))
            self._go_on(dice, plot, decided)
            plot.windows = list(self._windows(plot))
        return plot

    def _go_on(self, dice: Random, plot: Plot, since: int) -> None:
        """From approval on: a wish to complete that is declined, an end, or a wish that nobody has answered yet."""
        left, fate = self.end - since, dice.random()
        if left < 2 * DAY:
            return
        if left > 25 * DAY and fate < 0.4:
            ended = dice.randint(since + 20 * DAY, self.end - HOUR)
            asked = ended - dice.randint(HOUR, 5 * DAY)
            if fate < 0.03:
                plot.steps.append((asked, states.REQUEST_COMPLETION, dice.choice(names.WISHES)))
                plot.steps.append((ended, states.REJECT_COMPLETION_REQUEST, dice.choice(names.ENDED)))
            elif fate < 0.25:
                plot.steps.append((asked, states.REQUEST_COMPLETION, dice.choice(names.WISHES)))
                plot.steps.append((ended, states.MARK_AS_COMPLETE, ""))
            else:
                plot.steps.append((ended, states.MARK_AS_COMPLETE, ""))
            if fate > 0.3 and ended < self.end - 3 * DAY:
                plot.steps.append((ended + 2 * DAY, states.DELETE_INSTANCE, ""))
            plot.ended = ended
        elif fate > 0.94:
            asked = self.end - dice.randint(HOUR, min(left // 2, 12 * DAY))
            plot.steps.append((asked, states.REQUEST_COMPLETION, dice.choice(names.WISHES)))
        elif fate > 0.92:
            asked = since + left // 2
            plot.steps.append((asked, states.REQUEST_COMPLETION, dice.choice(names.WISHES)))
            plot.steps.append((asked + left // 8, states.DECLINE_KEEP_ACTIVE, dice.choice(names.NOT_YET)))

    def _windows(self, plot: Plot) -> Iterator[Window]:
        """The months in which work can be billed, as rules.check_month and rules.check_active would allow it."""
        assert plot.active_from is not None
        over = self.end if plot.ended is None else plot.ended
        for one in self.calendars[plot.offer.cut_off]:
            if one.month >= plot.offer.since and plot.active_from < one.ends and over > one.begins:
                since, until = max(plot.active_from, one.opens), min(over, one.closes, self.end) - 10 * MINUTE
                if since < until:
                    yield Window(one.month, since, until, one.closes > self.end)


def _calendar(book: str, first: BillingMonth, last: BillingMonth) -> Iterator[Open]:
    policy, month = CUT_OFF_POLICIES[book], first
    while month <= last:
        opens, closes = policy.opens_at(month), policy.closes_at(month)
        yield Open(month, *map(second_of, (opens, closes, month.starts_at, month.next.starts_at)))
        month = month.next
