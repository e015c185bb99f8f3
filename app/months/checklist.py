"""What must be done before a month is closed. Rooms that know about billing offer their lines; this one knows none of them.

    checklist.offer(lines_of)        # (book, month, totals) -> Lines, in the order of the page
    checklist.count_with(totals_of)  # (book, month) -> what is booked in it, by programme and currency

A close counts once: what its lines are checked against are the totals that it stores. Fed in create_app, as what waits and what is measured is.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.foundation import clock, job_results
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.job_results import JobResult
from app.foundation.refusals import Refused
from app.foundation.text import N_, filled
from app.months import states
from app.months.model import Month


@dataclass(frozen=True)
class Line:
    """One thing that must hold. `claim` and `evidence` are marked for translation; `facts` stand in both."""

    claim: str
    holds: bool
    evidence: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    #: what stands at the line's end: a count, an amount in words, an instant
    figure: Any = None
    #: where it is put right
    path: str = ""
    #: False where nobody has looked yet: then nothing is claimed, and nothing is in the way
    known: bool = True


@dataclass(frozen=True)
class Total:
    """What is booked in a month under one programme in one currency, minor units."""

    programme_id: uuid.UUID
    currency: str
    lines: int
    gross_minor: int
    due_minor: int
    tax_minor: int


Lines = Callable[[str, BillingMonth, Sequence[Total]], Iterable[Line]]
Totals = Callable[[str, BillingMonth], Sequence[Total]]
#: Fed in create_app, once a process.
LINES: list[Lines] = []
TOTALS: list[Totals] = []


def offer(lines: Lines) -> None:
    """Register a room's lines. Safe to call again with the same function."""
    if lines not in LINES:
        LINES.append(lines)


def count_with(totals: Totals) -> None:
    if totals not in TOTALS:
        TOTALS.append(totals)


class NotReady(Refused):
    """Something is in the way of the close; `lines` say what."""

    def __init__(self, month: BillingMonth, lines: Sequence[Line]) -> None:
        self.lines = list(lines)
        what = "; ".join(said(line) for line in lines)
        super().__init__("month", N_("%(month)s cannot be closed yet: %(what)s."), month=month, what=what)


def said(line: Line) -> str:
    """A line in plain English, for the command line and the log."""
    claim, evidence = filled(line.claim, line.facts), filled(line.evidence, line.facts)
    words = f"not yet: {claim[0].lower()}{claim[1:]}"
    return f"{words} ({evidence})" if evidence else words


def checklist_of(month: Month, totals: Sequence[Total]) -> list[Line]:
    """Every line, whether it holds or not, against the month's totals. Reads as whoever looks; the close as the system."""
    lines = [_cut_off(month)]
    for offered in LINES:
        lines += offered(month.book, month.month, totals)
    results = job_results.results()
    return [*lines, _jobs(results), _history(results)]


def in_the_way(month: Month, totals: Sequence[Total]) -> list[Line]:
    return [line for line in checklist_of(month, totals) if not line.holds]


def totals_of(month: Month) -> list[Total]:
    """What is booked in the month now, one row a programme and currency, whichever wing booked it."""
    sums: dict[tuple[uuid.UUID, str], Total] = {}
    for count in TOTALS:
        for one in count(month.book, month.month):
            key = (one.programme_id, one.currency)
            sums[key] = _sum(sums[key], one) if key in sums else one
    return [sums[key] for key in sorted(sums, key=lambda key: (key[1], str(key[0])))]


def _sum(one: Total, more: Total) -> Total:
    return Total(
        one.programme_id, one.currency, one.lines + more.lines, one.gross_minor + more.gross_minor,
        one.due_minor + more.due_minor, one.tax_minor + more.tax_minor,
    )  # fmt: skip


def _cut_off(month: Month) -> Line:
    closes_at = CUT_OFF_POLICIES[month.book].closes_at(month.month)
    facts = {"at": closes_at}
    if month.state == states.REOPENED:
        return Line(
            N_("No entry is accepted any more"), False, N_("reopened; it takes entries until it is frozen by hand")
        )
    if month.state == states.OPEN:
        return Line(N_("No entry is accepted any more"), False, N_("the month takes entries until %(at)s"), facts)
    return Line(N_("No entry is accepted any more"), True, N_("cut-off at %(at)s"), facts, clock.now() - closes_at)


def _jobs(results: Sequence[JobResult]) -> Line:
    failed = sorted(result.name for result in results if not result.last_ok and result.name != "check_history")
    facts = {"names": ", ".join(failed), "count": len(results)}
    if failed:
        return Line(
            N_("Background jobs ended well"), False, N_("failed at their last run: %(names)s"), facts, len(failed)
        )
    return Line(N_("Background jobs ended well"), True, N_("last run of each of %(count)s jobs"), facts, 0)


def _history(results: Sequence[JobResult]) -> Line:
    """As the hourly job found them; walking every chain is too much for a page."""
    walked = next((result for result in results if result.name == "check_history"), None)
    claim = N_("History chains verify")
    if walked is None:
        return Line(claim, True, N_("the hourly check has not run yet; the close marks every chain"), known=False)
    at: datetime = walked.last_finished_at
    return Line(claim, walked.last_ok, N_("%(message)s"), {"message": walked.last_message}, at)
