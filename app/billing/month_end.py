"""What a month's end asks of billing: nothing undecided, entries and charge lines and groups at the same figures.

Offered to the months room, which knows no entries.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, and_, func, select, type_coerce

from app.billing import states
from app.billing.model import IS_UNDECIDED, BillingEntry, Correction, RatingGroup
from app.billing.month_ties import Rated, of_book, rated_in, ties
from app.billing.rules import is_overdue
from app.catalog.model import Metric, Plan, Product, Programme
from app.engagements.queries import Partner
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.text import N_
from app.months.checklist import Line, Total

#: named in a line of the checklist; the rest is a number
NAMED = 3


def lines(book: str, month: BillingMonth, booked: Sequence[Total]) -> Iterator[Line]:
    """In the order of the page. The month's rated entries are read once, for all lines that ask of them."""
    rated = rated_in(book, month)
    yield _decided(book, month, rated)
    yield _corrections(book, month)
    yield _failed(book, month)
    yield _ties(rated, booked)
    yield _groups(book, month, rated)


def undecided(book: str, month: BillingMonth, limit: int = 100) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, number, submitted_at, partner_name) of what has no decision yet, oldest first."""
    return db.session.execute(
        select(BillingEntry.id, BillingEntry.number, BillingEntry.submitted_at, Partner.name.label("partner_name"))
        .join(Partner, Partner.id == BillingEntry.partner_id)
        .where(IS_UNDECIDED, *of_book(BillingEntry, book), _booked_in(month))
        .order_by(BillingEntry.submitted_at, BillingEntry.id)
        .limit(limit)
    ).all()


def corrections_waiting(book: str, month: BillingMonth, limit: int = 100) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, number, engagement_id, asked_at, partner_name) of corrections that were to be booked in the month."""
    return db.session.execute(
        select(
            Correction.id, Correction.number, Correction.engagement_id, Correction.asked_at, Partner.name.label("partner_name")
        )
        .join(Partner, Partner.id == Correction.partner_id)
        .where(Correction.state == states.REQUESTED, *of_book(Correction, book), Correction.booked_month == month)
        .order_by(Correction.asked_at, Correction.id)
        .limit(limit)
    ).all()  # fmt: skip


def _booked_in(month: BillingMonth) -> ColumnElement[bool]:
    """Among few undecided entries, which have an index: said so that no database goes through all of the month's instead."""
    return type_coerce(BillingEntry.booked_month, Integer) + 0 == month.number


def _decided(book: str, month: BillingMonth, rated: Rated) -> Line:
    claim, found = N_("Every entry is rated, rejected or withdrawn"), undecided(book, month)
    if not found:
        return Line(claim, True, N_("%(rated)s rated"), {"rated": rated.entries}, 0)
    late = sum(is_overdue(row.submitted_at, clock.now()) for row in found)
    facts = {"names": _named(found), "late": late}
    evidence = N_("%(names)s; %(late)s overdue") if late else N_("%(names)s")
    return Line(claim, False, evidence, facts, len(found), "/reviews/rating")


def _corrections(book: str, month: BillingMonth) -> Line:
    claim, found = N_("Every correction is decided"), corrections_waiting(book, month)
    if not found:
        return Line(claim, True, N_("none waits that was to be booked here"), {}, 0)
    path = f"/engagements/{found[0].engagement_id}/corrections/{found[0].id}"
    return Line(claim, False, N_("%(names)s"), {"names": _named(found)}, len(found), path)


def _failed(book: str, month: BillingMonth) -> Line:
    failed = and_(IS_UNDECIDED, BillingEntry.state == states.SUBMITTED, BillingEntry.failure.is_not(None))
    rows = db.session.execute(
        select(BillingEntry.number, Partner.name.label("partner_name"))
        .join(Partner, Partner.id == BillingEntry.partner_id)
        .where(failed, _booked_in(month), *of_book(BillingEntry, book))
        .order_by(BillingEntry.submitted_at)
        .limit(100)
    ).all()
    claim = N_("No row failed and is tried again")
    if not rows:
        return Line(claim, True, N_("rating left none behind"), {}, 0)
    return Line(claim, False, N_("%(names)s"), {"names": _named(rows)}, len(rows), "/reviews/rating?overdue=only")


def _ties(rated: Rated, booked: Sequence[Total]) -> Line:
    claim, found = N_("Rated entries and charge lines come to the same"), ties(rated, booked)
    off = [tie.currency for tie in found if not tie.holds]
    count = sum(tie.lines for tie in found)
    if off:
        return Line(claim, False, N_("they differ in %(currencies)s"), {"currencies": ", ".join(off)}, len(off))
    return Line(claim, True, N_("gross, due and tax of %(count)s lines"), {"count": count}, 0)


def _groups(book: str, month: BillingMonth, rated: Rated) -> Line:
    """The month's own work, wherever it is booked: what its entries come to, and what rating believes they do."""
    claim = N_("The month's work comes to its tariff")
    elsewhere, groups = _booked_elsewhere(book, month), _groups_of(book, month)
    here = rated.own_work
    entries = {currency: here.get(currency, 0) + elsewhere.get(currency, 0) for currency in {*here, *elsewhere}}
    off = [
        str(Money.of_minor(entries.get(c, 0) - groups.get(c, 0), c))
        for c in {*entries, *groups}
        if entries.get(c, 0) != groups.get(c, 0)
    ]
    if off:
        return Line(claim, False, N_("off by %(amounts)s"), {"amounts": ", ".join(sorted(off))}, len(off))
    done = [Money.of_minor(entries[currency], currency) for currency in sorted(entries)]
    if not done:
        return Line(claim, True, N_("nothing was done in it"), {}, 0)
    said = done[0] if len(done) == 1 else ", ".join(str(money) for money in done)
    return Line(claim, True, N_("%(amounts)s as the plans state it, wherever it is booked"), {"amounts": said}, 0)


def _booked_elsewhere(book: str, month: BillingMonth) -> dict[str, int]:
    """Currency -> what the service month's entries that are booked in another month come to: corrections, few.

    An entry that corrects nothing is booked in its own month. One that does names what it corrects, and is found by that.
    """
    rows = (
        select(BillingEntry.currency, func.sum(BillingEntry.amount_minor))
        .where(
            BillingEntry.corrects_id > uuid.UUID(int=0),  # not null, in words that both databases look up in the index
            BillingEntry.service_month == month,
            BillingEntry.booked_month != month,
            BillingEntry.state == states.RATED,
            *of_book(BillingEntry, book),
        )
        .group_by(BillingEntry.currency)
    )
    return {currency: int(minor or 0) for currency, minor in db.session.execute(rows)}


def _groups_of(book: str, month: BillingMonth) -> dict[str, int]:
    """Currency -> what the service month's groups come to. A product is under one programme for good."""
    rows = (
        select(Programme.currency, func.sum(RatingGroup.amount_minor))
        .select_from(RatingGroup)
        .join(Metric, Metric.id == RatingGroup.metric_id)
        .join(Plan, Plan.id == Metric.plan_id)
        .join(Product, Product.id == Plan.product_id)
        .join(Programme, Programme.id == Product.programme_id)
        .where(RatingGroup.service_month == month, RatingGroup.is_test.is_(False), Programme.cut_off == book)
        .group_by(Programme.currency)
    )
    return {currency: int(minor or 0) for currency, minor in db.session.execute(rows)}


def _named(rows: Sequence[Any]) -> str:
    """'BE-3188, BE-3190 of Harborline Consulting, ...': the first few, and that there are more."""
    names: dict[str, list[str]] = {}
    for row in rows[:NAMED]:
        names.setdefault(row.partner_name, []).append(row.number)
    said = "; ".join(f"{', '.join(numbers)} ({partner})" for partner, numbers in names.items())
    return f"{said}; …" if len(rows) > NAMED else said
