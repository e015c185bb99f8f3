"""The Inbox: every decision that waits for one member, from each room's own kinds, and what colleagues passed on.

A line is a kind and what waits; nothing is stored about it but who passed it to whom. Each kind gives at most so many, its
oldest, in a statement or two of its own.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from app.foundation import clock
from app.foundation.money import Money
from app.foundation.permissions import declare
from app.foundation.tenancy import Viewer
from app.foundation.text import N_
from app.foundation.waiting import KINDS, Kind, Waiting
from app.notices.delegations import Passed, newest_of

VIEW = declare("inbox:view", N_("See what waits for oneself, pass it to a colleague, read one's notices"))

#: of each kind; an inbox with more shows the oldest and says so
MOST_A_KIND = 200
OVERDUE_AFTER = timedelta(hours=24)


class Line(NamedTuple):
    """One decision that waits for the viewer."""

    kind: Kind
    waiting: Waiting
    passed: Passed | None = None

    @property
    def key(self) -> str:
        """In forms and addresses: engagement-request:<id>."""
        return f"{self.kind.name}:{self.waiting.id}"

    @property
    def in_bulk(self) -> bool:
        return self.kind.approve is not None and self.kind.reject is not None

    def overdue(self, now: datetime) -> bool:
        """24 hours to the second are still in time."""
        return now - self.waiting.since > OVERDUE_AFTER


@dataclass(frozen=True)
class Inbox:
    """`full`: kinds of which more may wait than are shown."""

    lines: Sequence[Line]
    full: Sequence[Kind] = ()

    def find(self, key: str) -> Line | None:
        return next((line for line in self.lines if line.key == key), None)


def inbox_of(
    viewer: Viewer, *, most: int = MOST_A_KIND, only: Iterable[str] | None = None, told_who_passed: bool = True
) -> Inbox:
    """What waits for the viewer, who must be the one that looks; oldest first. `only`: of these kinds."""
    wanted = [kind for kind in KINDS.values() if only is None or kind.name in set(only)]
    waits = [(kind, kind.waiting_for(viewer, most)) for kind in wanted]
    passed = newest_of([one.id for _, found in waits for one in found]) if told_who_passed else {}
    lines = [Line(kind, one, passed.get((kind.name, one.id))) for kind, found in waits for one in found]
    lines.sort(key=lambda line: (line.waiting.since, line.kind.name, line.waiting.id))
    return Inbox(lines, [kind for kind, found in waits if len(found) >= most])


def by_value(lines: Iterable[Line]) -> list[Line]:
    """The largest first, currency by currency; what has no value last, oldest first."""

    def rank(line: Line) -> tuple[bool, str, Decimal, datetime]:
        value = line.waiting.value
        if value is None:
            return (True, "", Decimal(0), line.waiting.since)
        return (False, value.currency, -value.amount, line.waiting.since)

    return sorted(lines, key=rank)


def totals(lines: Iterable[Line]) -> list[Money]:
    """What the lines with a value come to, one amount a currency."""
    sums: dict[str, Money] = {}
    for line in lines:
        if (value := line.waiting.value) is not None:
            sums[value.currency] = sums.get(value.currency, Money.zero(value.currency)) + value
    return [sums[currency] for currency in sorted(sums)]


def parse_key(text: str) -> tuple[str, uuid.UUID] | None:
    """'engagement-request:<id>' as its kind and id; None for anything else."""
    name, _, row_id = text.partition(":")
    if name not in KINDS or len(row_id) != 36:
        return None
    try:
        return name, uuid.UUID(row_id)
    except ValueError:
        return None


def is_overdue(since: datetime) -> bool:
    return clock.now() - since > OVERDUE_AFTER
