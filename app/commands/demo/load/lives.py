"""Plays what is planned, engagement by engagement, in the order of time: each event from its table, each amount by its rule.

The rows are those that the actions would have left: a state is only ever reached along its arrow, every step is on History,
what is rated is in its group, the charge book and the month's sums. Nobody is told anything: no mail, no notice, no webhook.
"""

import uuid
from collections.abc import Iterator
from heapq import heappop, heappush
from random import Random
from types import SimpleNamespace
from typing import Any

from app.billing import states as entry_states
from app.billing.actions import submitted_facts
from app.billing.events import SUBMITTED
from app.billing.rating import line_description
from app.billing.standing import LINES_OF_ENTRIES
from app.commands.demo.load import names
from app.commands.demo.load.offers import Meter
from app.commands.demo.load.plots import DAY, HOUR, MINUTE, Plot, Window, instant
from app.commands.demo.load.rates import Outcome, Rates
from app.commands.demo.load.rows import Rows
from app.commands.demo.load.stage import Person, Stage
from app.engagements import states
from app.engagements.events import CREATED
from app.engagements.model import searched
from app.foundation.chains import Chain
from app.foundation.history import facts_of
from app.foundation.tenancy import system

MACHINE = Person(None, system("demo load").label, system("demo load").label)


#: until an entry is sent and has its own
NOT_YET = uuid.UUID(int=0)


class Entry:
    """A billing entry on its way. `steps`: its quantity; `fate`: 'rated' unless the dice or the clock want it otherwise."""

    def __init__(self, window: Window, meter: Meter, at: int, steps: int, by: Person, notes: str, fate: str) -> None:
        self.window, self.meter, self.at, self.steps, self.by = window, meter, at, steps, by
        self.notes, self.fate, self.place = notes, fate, meter.place_in(window.month)
        self.id, self.number = NOT_YET, ""
        self.state, self.version = entry_states.SUBMITTED, 1
        self.outcome: Outcome | None = None
        self.rated_at: int | None = None
        self.rated_by: str | None = None
        self.reason: str | None = None
        self.sequence: int | None = None

    def take(self, action: str) -> str:
        """Along the arrow of the entries' own table; returns where it came from."""
        before, self.state = self.state, entry_states.TRANSITIONS[self.state, action]
        return before


class Lives:
    """Plays slices. `end`: the second from which on nothing happens."""

    def __init__(self, stage: Stage, end: int) -> None:
        self.stage, self.end, self.rates = stage, end, Rates()

    def play(self, dice: Random, plots: list[Plot], engagements: list[str], entries: list[str]) -> Rows:
        """The rows of these plots, numbered in their order; `entries` are as many numbers as the plots have entries."""
        rows, numbers = Rows(), iter(entries)
        for plot, number in zip(plots, engagements, strict=True):
            Life(self, dice, plot, number, numbers, rows).play()
        return rows


class Life:
    """One engagement from its request to where it stands, and every entry that was billed on it."""

    def __init__(self, lives: Lives, dice: Random, plot: Plot, number: str, numbers: Iterator[str], rows: Rows) -> None:
        self.rates, self.end, self.reviewers = lives.rates, lives.end, lives.stage.reviewers
        self.dice, self.plot, self.numbers, self.rows = dice, plot, numbers, rows
        self.number, self.offer = number, plot.offer
        self.id = self._id()
        self.parties = (lives.stage.seller_id, plot.pair.partner.id, plot.pair.customer.id)
        self.of_parties = (*self.parties, False)
        self.client = dice.choice(plot.pair.customer.people)
        self.people = plot.pair.partner.people
        seller, partner, customer = self.parties
        self.chain = Chain("engagement", self.id, seller_id=seller, partner_id=partner, customer_id=customer)
        self.state, self.version, self.instance = states.PENDING, 1, states.INSTANCE_ACTIVE
        self.reason: str | None = None
        #: the open or last wish to complete: its columns, as REQUEST names them after the parties and the engagement
        self.wish: list[Any] | None = None
        self.is_set_up = False
        self.groups: dict[tuple[Meter, Any], list[Any]] = {}
        #: what lies ahead: (second, in which order it was planned, what, with what)
        self.ahead: list[tuple[int, int, Any, Any]] = []
        self.planned = 0

    def play(self) -> None:
        plot = self.plot
        for step in plot.steps:
            self._plan(step[0], self._step, step)
        entries = [self._entry() for _ in range(plot.entries)]
        for entry in sorted(entries, key=lambda one: one.at):
            entry.number, entry.id = next(self.numbers), self._id()
            self._plan(entry.at, self._submit, entry)
        asked = {"plan": self.offer.plan, "product": self.offer.product, "client": plot.pair.customer.name}
        asked["mailed_to"] = self.offer.mailed_to
        self._tell(plot.requested, CREATED, self.client, None, states.PENDING, asked, None)
        while self.ahead:
            second, _, what, with_what = heappop(self.ahead)
            what(second, with_what)
        self._leave(entries)

    def _plan(self, second: int, what: Any, with_what: Any) -> None:
        if second < self.end:
            heappush(self.ahead, (second, self.planned, what, with_what))
            self.planned += 1

    def _tell(
        self,
        second: int,
        event: str,
        by: Person,
        before: str | None,
        after: str,
        facts: dict[str, Any],
        about: uuid.UUID | None,
    ) -> None:
        at, said = instant(second), facts_of(event, facts)
        self.rows.events.append(self.chain.grow(event, at, by.member_id, by.label, before, after, about, said))

    def _id(self) -> uuid.UUID:
        """As new_id() makes them, of dice that fall the same each time.

        All of them are of the time of the request: rows are written engagement by engagement, and an index of ids that grows
        at its end takes them at once, where one that they are strewn over has to be read again and again.
        """
        random = self.dice.getrandbits(74)
        millis = self.plot.requested * 1000
        return uuid.UUID(
            int=(millis << 80) | (0x7 << 76) | (random >> 62 << 64) | (0b10 << 62) | (random & (1 << 62) - 1)
        )

    # The engagement

    def _step(self, second: int, step: tuple[int, str, str]) -> None:
        _, action, words = step
        before, self.state = self.state, states.TRANSITIONS[self.state, action]
        self.version += 1
        product, client = {"product": self.offer.product}, {"client": self.plot.pair.customer.name}
        by, facts = self.dice.choice(self.people), {**product, "reason": words}
        if action == states.APPROVE:
            facts = product
        elif action in (states.REJECT, states.REJECT_COMPLETION_REQUEST):
            self.reason = words
        elif action == states.WITHDRAW:
            by, facts = self.client, client
        elif action == states.REQUEST_COMPLETION:
            by, facts = self.client, {**client, "wish": words or "—"}
            self.wish = [states.OPEN, words, by.member_id, by.name, instant(second), None, None, None, None]
        elif action == states.MARK_AS_COMPLETE:
            asked = before == states.COMPLETION_REQUESTED
            facts = {**product, "how": "as requested" if asked else "without a request", "note": ""}
        elif action == states.DELETE_INSTANCE:
            by, facts, self.instance = self.client, {}, states.INSTANCE_REMOVED
        if before == states.COMPLETION_REQUESTED:
            self._answer(second, action, words, by)
        self._tell(second, states.EVENTS[action], by, before, self.state, facts, None)

    def _answer(self, second: int, action: str, words: str, by: Person) -> None:
        assert self.wish is not None
        outcome = {states.MARK_AS_COMPLETE: "complete", states.DECLINE_KEEP_ACTIVE: "keep-active"}.get(action, "delete")
        self.wish[0] = states.ACCEPTED if outcome == "complete" else states.REQUEST_REJECTED
        self.wish[5:] = [by.name, instant(second), outcome, words or None]

    # Its entries

    def _entry(self) -> Entry:
        dice, plot = self.dice, self.plot
        window = dice.choice(plot.windows)
        meters = [meter for meter in self.offer.meters if meter.place_in(window.month) >= 0]
        meter = meters[0] if dice.random() < 0.75 else dice.choice(meters)
        if meter.kind == "Implementation" and self.is_set_up:  # agreed once
            meter = meters[0]
        whole = int(1 / meter.step) or 1
        steps = dice.randint(1, 12 * whole) if dice.random() < 0.8 else whole * dice.randint(10, 60)
        if meter.kind == "Implementation":
            self.is_set_up, steps = True, whole
        fate, at = "rated", dice.randint(window.since, window.until)
        odds = dice.random()
        if window.still_open and odds < 0.06:
            fate = "in review" if odds < 0.015 and self.offer.threshold else "submitted"
            at = max(window.since, min(window.until, self.end - dice.randint(MINUTE, DAY)))
        elif odds > 0.985:
            fate = "withdrawn"
        elif odds > 0.978:
            steps *= 60  # minutes, where hours were meant
        return Entry(window, meter, at, steps, dice.choice(self.people), dice.choice(names.NOTES), fate)

    def _submit(self, second: int, entry: Entry) -> None:
        if entry.fate == "in review":
            self._enlarge(entry)
        quantity, _ = self.rates.quantity(entry.meter.step, entry.steps)
        light = SimpleNamespace(number=entry.number, quantity=quantity, service_month=entry.window.month)
        facts = submitted_facts(light, SimpleNamespace(metric=entry.meter))  # type: ignore[arg-type]
        self._tell(second, SUBMITTED, entry.by, None, entry_states.SUBMITTED, facts, entry.id)
        if entry.fate == "withdrawn":
            self._plan(second + self.dice.randint(20, 50), self._withdraw, entry)
        elif entry.fate != "submitted":
            self._plan(second + self.dice.randint(MINUTE, 4 * MINUTE), self._rate, entry)

    def _enlarge(self, entry: Entry) -> None:
        """As much as somebody has to look at, where the plan allows as much."""
        for _ in range(12):
            outcome = self._outcome(entry)
            if isinstance(outcome, str) or outcome.needs_review:
                break
            entry.steps *= 2
        if isinstance(self._outcome(entry), str):
            entry.steps = max(entry.steps // 16, 1)

    def _withdraw(self, second: int, entry: Entry) -> None:
        self._move(second, entry, entry_states.WITHDRAW, entry.by, {"number": entry.number})

    def _rate(self, second: int, entry: Entry) -> None:
        outcome = self._outcome(entry)
        if isinstance(outcome, str):
            self._reject(second, entry, MACHINE, outcome)
        elif outcome.needs_review:
            self._move(
                second, entry, entry_states.SEND_TO_REVIEW, MACHINE, {"number": entry.number, "amount": outcome.amount}
            )
            if entry.fate != "in review":
                self._plan(second + self.dice.randint(HOUR, 20 * HOUR), self._decide, entry)
        else:
            self._book(second, entry, MACHINE, outcome)

    def _decide(self, second: int, entry: Entry) -> None:
        """A reviewer's yes or no; a no to one in six."""
        by, outcome = self.dice.choice(self.reviewers), self._outcome(entry)
        if isinstance(outcome, str):
            self._reject(second, entry, by, outcome)
        elif self.dice.random() < 0.16:
            self._reject(second, entry, by, names.A_SLIP)
        else:
            self._book(second, entry, by, outcome)

    def _outcome(self, entry: Entry) -> Outcome | str:
        """Against what its month holds now."""
        group = self.groups.get((entry.meter, entry.window.month))
        return self.rates.rated(self.offer, entry.meter, entry.place, group[0] if group else 0, entry.steps)

    def _move(self, second: int, entry: Entry, action: str, by: Person, facts: dict[str, str]) -> None:
        before = entry.take(action)
        entry.version += 1
        self._tell(second, entry_states.EVENTS[action], by, before, entry.state, facts, entry.id)

    def _reject(self, second: int, entry: Entry, by: Person, reason: str) -> None:
        entry.reason, entry.rated_at, entry.rated_by = reason, second, by.label
        self._move(second, entry, entry_states.REJECT, by, {"number": entry.number, "reason": reason})

    def _book(self, second: int, entry: Entry, by: Person, outcome: Outcome) -> None:
        group = self.groups.setdefault((entry.meter, entry.window.month), [0, 0, 0, outcome.after])
        group[0] += entry.steps
        group[1] += outcome.amounts.rated
        group[2] += 1
        group[3] = outcome.after
        entry.outcome, entry.sequence, entry.rated_at, entry.rated_by = outcome, group[2], second, by.label
        self._move(second, entry, entry_states.RATE, by, {**outcome.facts, "number": entry.number})
        month, amounts = entry.window.month, outcome.amounts
        quantity, _ = self.rates.quantity(entry.meter.step, entry.steps)
        description = line_description(f"{self.number} {self.plot.name}", quantity, entry.meter.unit)
        self.rows.lines.append((
            self._id(), *self.of_parties, self.offer.programme_id, description[:300],
            month, month, outcome.currency, amounts.gross, amounts.due, amounts.tax, LINES_OF_ENTRIES, entry.id, instant(second),
        ))  # fmt: skip
        key = (self.parties[0], month, *self.parties[1:], outcome.currency, False, self.offer.programme_id)
        self.rows.add_to_sums(key, amounts.gross, amounts.due, amounts.tax)

    # What is left of it

    def _leave(self, entries: list[Entry]) -> None:
        plot, rows, offer = self.plot, self.rows, self.offer
        rows.engagements.append((
            self.id, *self.of_parties, self.number, offer.product_id, offer.plan_id, plot.name, "+44 20 7946 0812", "", offer.given,
            offer.edition, self.state, self.instance, self.client.member_id, self.client.name, instant(plot.requested),
            None if plot.active_from is None else instant(plot.active_from), None if plot.ended is None else instant(plot.ended),
            self.reason, self.version, searched(self.number, plot.name),
        ))  # fmt: skip
        if self.wish is not None:
            rows.requests.append((self._id(), *self.of_parties, self.id, *self.wish))
        for entry in entries:
            rows.entries.append(self._entry_row(entry))
        for (meter, month), (_, minor, count, quantity) in self.groups.items():
            rows.groups.append((
                self._id(), *self.of_parties, self.id, meter.metric_id, month, quantity, minor, count,
            ))  # fmt: skip
        rows.heads.append(("engagement", self.id, self.chain.length, self.chain.hash))

    def _entry_row(self, entry: Entry) -> tuple[Any, ...]:
        month, outcome, offer = entry.window.month, entry.outcome, self.offer
        quantity, _ = self.rates.quantity(entry.meter.step, entry.steps)
        _, version_id, terms = entry.meter.terms[entry.place]
        rated: tuple[Any, ...] = (None, terms.currency, None, None, None)
        if outcome is not None:
            rated = (outcome.amounts.rated, outcome.currency, version_id, outcome.before, outcome.after)
        return (
            entry.id, *self.of_parties, entry.number, entry_states.ENTRY, self.id, offer.programme_id, entry.meter.metric_id,
            month, month, quantity, entry.notes, entry.state, entry.by.member_id, entry.by.name, instant(entry.at),
            None if entry.rated_at is None else instant(entry.rated_at), entry.rated_by, *rated, entry.sequence, entry.reason,
            0, entry.version,
        )  # fmt: skip
