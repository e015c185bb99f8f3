"""What a month's end asks of billing: nothing undecided, entries and charge lines and groups at the same figures.

Offered to the months room, which knows no entries.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, and_, func, select

from app.billing import states
from app.billing.model import IS_UNDECIDED, BillingEntry, Correction, RatingGroup
from app.billing.month_ties import of_book, ties
from app.billing.rules import is_overdue
from app.engagements.queries import Partner
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.text import N_
from app.months.checklist import Line

#: named in a line of the checklist; the rest is a number
NAMED = 3


def lines(book: str, month: BillingMonth) -> Iterator[Line]:
    """In the order of the page."""
    yield _decided(book, month)
    yield _corrections(book, month)
    yield _failed(book, month)
    yield _ties(book, month)
    yield _groups(book, month)


def undecided(book: str, month: BillingMonth, limit: int = 100) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, number, submitted_at, partner_name) of what has no decision yet, oldest first."""
    return db.session.execute(
        select(BillingEntry.id, BillingEntry.number, BillingEntry.submitted_at, Partner.name.label("partner_name"))
        .join(Partner, Partner.id == BillingEntry.partner_id)
        .where(IS_UNDECIDED, *of_book(BillingEntry, book), BillingEntry.booked_month == month)
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


def _decided(book: str, month: BillingMonth) -> Line:
    claim, found = N_("Every entry is rated, rejected or withdrawn"), undecided(book, month)
    if not found:
        rated = select(func.count(BillingEntry.id)).where(
            BillingEntry.state == states.RATED, BillingEntry.booked_month == month, *of_book(BillingEntry, book)
        )
        return Line(claim, True, N_("%(rated)s rated"), {"rated": db.session.scalar(rated) or 0}, 0)
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
        .where(failed, BillingEntry.booked_month == month, *of_book(BillingEntry, book))
        .order_by(BillingEntry.submitted_at)
        .limit(100)
    ).all()
    claim = N_("No row failed and is tried again")
    if not rows:
        return Line(claim, True, N_("rating left none behind"), {}, 0)
    return Line(claim, False, N_("%(names)s"), {"names": _named(rows)}, len(rows), "/reviews/rating?overdue=only")


def _ties(book: str, month: BillingMonth) -> Line:
    claim, found = N_("Rated entries and charge lines come to the same"), ties(book, month)
    off = [tie.currency for tie in found if not tie.holds]
    count = sum(tie.lines for tie in found)
    if off:
        return Line(claim, False, N_("they differ in %(currencies)s"), {"currencies": ", ".join(off)}, len(off))
    return Line(claim, True, N_("gross, due and tax of %(count)s lines"), {"count": count}, 0)


def _groups(book: str, month: BillingMonth) -> Line:
    """The month's own work, wherever it is booked: what its entries come to, and what rating believes they do."""
    claim = N_("The month's work comes to its tariff")
    entries = _sums(BillingEntry, book, month, BillingEntry.state == states.RATED)
    groups = _sums(RatingGroup, book, month)
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


def _sums(model: Any, book: str, month: BillingMonth, *where: Any) -> dict[str, int]:
    """Currency -> what the service month's rows come to. A group has the currency and programme of its entries."""
    if model is BillingEntry:
        rows = (
            select(BillingEntry.currency, func.sum(BillingEntry.amount_minor))
            .where(BillingEntry.service_month == month, *where, *of_book(BillingEntry, book))
            .group_by(BillingEntry.currency)
        )
        return {currency: int(minor or 0) for currency, minor in db.session.execute(rows)}
    first = and_(
        BillingEntry.engagement_id == RatingGroup.engagement_id,
        BillingEntry.metric_id == RatingGroup.metric_id,
        BillingEntry.service_month == RatingGroup.service_month,
        BillingEntry.rated_sequence == 1,
    )
    rows = (
        select(BillingEntry.currency, func.sum(RatingGroup.amount_minor))
        .join(BillingEntry, first)
        .where(RatingGroup.service_month == month, *of_book(BillingEntry, book))
        .group_by(BillingEntry.currency)
    )
    return {currency: int(minor or 0) for currency, minor in db.session.execute(rows)}


def _named(rows: Sequence[Any]) -> str:
    """'BE-3188, BE-3190 of Harborline Consulting, ...': the first few, and that there are more."""
    names: dict[str, list[str]] = {}
    for row in rows[:NAMED]:
        names.setdefault(row.partner_name, []).append(row.number)
    said = "; ".join(f"{', '.join(numbers)} ({partner})" for partner, numbers in names.items())
    return f"{said}; …" if len(rows) > NAMED else said
