"""A month of one book as the operator's pages show it: its state in a word, its checklist, its totals twice over, its history."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing.month_end import undecided
from app.billing.month_ties import Tie, rated_in, ties
from app.billing.review import amounts_now
from app.catalog.queries import programmes
from app.foundation import tenancy
from app.foundation.billing_month import CUT_OFF_POLICIES
from app.foundation.history import EVENTS
from app.foundation.money import Money
from app.months import checklist, states
from app.months.checklist import Line
from app.months.model import Month, MonthClose, MonthReopening
from app.months.queries import events_of, last_close, stored_totals, waiting_reopening
from app.web.figures import money_with_currency
from app.web.instants import Deadline, deadline, duration, instant_utc
from app.web.templating import translate

BOOKS = {"reject-after-grace": _l("Reject after grace"), "roll-forward": _l("Roll forward")}
#: state -> the key of its tag; a frozen month that nothing holds up is ready
TAG_OF = {
    states.OPEN: "open",
    states.FROZEN: "month_frozen",
    states.CLOSED: "month_closed",
    states.REOPENED: "month_reopened",
}


@dataclass(frozen=True)
class ShownCheck:
    """A line of the checklist in the viewer's language; `figure` may be a link to where it is put right."""

    ok: bool
    text: str
    small: str
    figure: str
    path: str
    known: bool = True


@dataclass(frozen=True)
class TotalRow:
    """One total of one currency: as it follows from the entries, as the charge book holds it, as the close stored it."""

    label: str
    entries: Money
    lines: Money
    stored: Money | None

    @property
    def difference(self) -> Money:
        """What does not tie: with the entries, and once closed with what was stored."""
        off = self.lines - self.entries
        return off or (self.lines - self.stored if self.stored else off)


@dataclass(frozen=True)
class ShownTotals:
    currency: str
    entries: int
    lines: int
    #: how many lines the close stored; None before it
    stored: int | None
    rows: list[TotalRow]

    @property
    def difference(self) -> int:
        off = self.lines - self.entries
        return abs(off or (0 if self.stored is None else self.lines - self.stored))


@dataclass(frozen=True)
class ShownMonth:
    """Everything one book's part of the page needs."""

    row: Month
    book: str
    programmes: str
    tag: str
    cut_off: str
    checks: list[ShownCheck]
    failed: list[ShownCheck]
    totals: list[ShownTotals]
    close: MonthClose | None
    events: list[dict[str, Any]] = field(default_factory=list)
    wish: MonthReopening | None = None
    own_wish: bool = False
    undecided: str = ""

    @property
    def path(self) -> str:
        return f"/months/{self.row.month}/{self.row.book}"

    @property
    def title(self) -> str:
        """The programmes, whom the operator knows by name; the policy alone where no programme follows it."""
        return self.programmes or self.book

    @property
    def passed(self) -> int:
        return sum(check.ok and check.known for check in self.checks)

    @property
    def unknown(self) -> int:
        return sum(not check.known for check in self.checks)

    @property
    def entries(self) -> int:
        return sum(totals.entries for totals in self.totals)


def shown_month(row: Month) -> ShownMonth:
    """About fifteen statements, whatever the month holds, and one pass over its rated amounts."""
    viewer = tenancy.current()
    booked = checklist.totals_of(row)
    checks = [_check(line) for line in checklist.checklist_of(row, booked)]
    failed = [check for check in checks if not check.ok]
    close = last_close(row.id)
    wish = waiting_reopening(row.id)
    stored = {total.currency: total for total in stored_totals([row.id])} if row.state == states.CLOSED else {}
    return ShownMonth(
        row=row,
        book=str(BOOKS.get(row.book, row.book)),
        programmes=", ".join(one.name for one in programmes() if one.cut_off == row.book),
        tag="month_ready" if row.state == states.FROZEN and not failed else TAG_OF[row.state],
        cut_off=_cut_off(row),
        checks=checks,
        failed=failed,
        totals=[_totals(tie, stored.get(tie.currency)) for tie in ties(rated_in(row.book, row.month), booked)],
        close=close,
        events=_events(row),
        wish=wish,
        own_wish=wish is not None and wish.asked_by_id is not None and wish.asked_by_id == viewer.member_id,
        undecided=_undecided_words(row) if failed else "",
    )


def _check(line: Line) -> ShownCheck:
    return ShownCheck(
        line.holds,
        translate(line.claim, line.facts),
        translate(line.evidence, line.facts),
        _figure(line),
        "" if line.holds else line.path,
        line.known,
    )


def _cut_off(row: Month) -> str:
    """When its clock ran out, or will. Freezing, closing and reopening are words of their own, told by tag and history."""
    at = deadline(CUT_OFF_POLICIES[row.book].closes_at(row.month))
    assert isinstance(at, Deadline)
    when = f"{at.utc}, {at.local}" if at.local else at.utc
    facts = {"when": when, "left": at.left}
    return str(
        _("cut-off %(when)s, %(left)s ago", **facts) if at.passed else _("cut-off %(when)s, in %(left)s", **facts)
    )


def _figure(line: Line) -> str:
    match line.figure:
        case timedelta():
            return duration(line.figure)
        case datetime():
            return instant_utc(line.figure)
        case int() if not line.holds:
            return str(_("%(count)s open", count=line.figure))
        case None | 0:
            return ""
        case _:
            return str(line.figure)


def _totals(tie: Tie, stored: Any) -> ShownTotals:
    def row(label: str, entries: int, lines: int, kept: int | None) -> TotalRow:
        here, there = Money.of_minor(entries, tie.currency), Money.of_minor(lines, tie.currency)
        return TotalRow(label, here, there, None if kept is None else Money.of_minor(kept, tie.currency))

    kept = None if stored is None else (int(stored.gross_minor), int(stored.due_minor), int(stored.tax_minor))
    gross, due, tax = kept or (None, None, None)
    expected, booked = tie.from_entries, tie.in_lines
    margin = None if gross is None or due is None else gross - due
    return ShownTotals(
        tie.currency,
        tie.entries,
        tie.lines,
        None if stored is None else int(stored.lines),
        [
            row(_("Customers owe, gross"), expected.gross, booked.gross, gross),
            row(_("Partners are due"), expected.due, booked.due, due),
            row(_("Margin"), expected.gross - expected.due, booked.gross - booked.due, margin),
            row(_("Tax"), expected.tax, booked.tax, tax),
        ],
    )


def _events(row: Month) -> list[dict[str, Any]]:
    return [
        {
            "icon": EVENTS[event.event].icon,
            "text": translate(EVENTS[event.event].sentence, _readable(event.facts, row)),
            "at": event.at,
            "by": event.by_label,
        }
        for event in events_of(row.id)
    ]


def _readable(facts: str, row: Month) -> dict[str, Any]:
    read = {**json.loads(facts), "month": row.month}
    if "root" in read:
        read["root"] = f"{read['root'][:12]}…"  # the whole of it stands beside, and in what the command prints
        read["totals"] = ", ".join(_money(text) for text in read["totals"].split(", "))
    if "how" in read:
        read["how"] = _(read["how"])
    return read


def _money(text: str) -> str:
    """History keeps '1875.00 USD'; people read USD 1,875.00."""
    number, _space, currency = text.partition(" ")
    try:
        return money_with_currency(Money(Decimal(number), currency))
    except (ValueError, ArithmeticError):
        return str(_("nothing"))


def _undecided_words(row: Month) -> str:
    """'3 entries of 2 partners, USD 4,310.50 provisional' for the notice; nothing where all is decided."""
    found = undecided(row.book, row.month)
    if not found:
        return ""
    sums: dict[str, Money] = {}
    for amount in amounts_now(one.id for one in found).values():
        if amount is not None:
            sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
    said = ", ".join(money_with_currency(sums[key]) for key in sorted(sums))
    facts = {"entries": len(found), "partners": len({one.partner_name for one in found}), "amount": said or "—"}
    return str(
        _("Entries without a decision: %(entries)s, of partners: %(partners)s; %(amount)s provisional.", **facts)
    )


def earlier(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "month": row.month,
            "book": row.book,
            "path": f"/months/{row.month}#{row.book}",
            "tag": TAG_OF[row.state],
            "closed_at": row.closed_at,
        }
        for row in rows
    ]
