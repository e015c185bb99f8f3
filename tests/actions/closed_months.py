"""October 2026, lived through and over: what the tests of corrections and of closing have in common."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.billing.model import BillingEntry, Correction
from app.charges.model import ChargeLine
from app.engagements.model import Engagement
from app.foundation import clock, job_results
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.months import checklist
from app.months.checklist import said
from app.months.model import Month
from app.months.queries import rows_of
from app.parties.model import Organisation
from tests.makers import (
    as_operator,
    as_partner,
    freeze_month,
    make_engagement,
    make_entry,
    make_member,
    make_product,
    make_programme,
)
from tests.makers.months import BOOK
from tests.makers.parties import the_operator

D = Decimal
OCTOBER, NOVEMBER = BillingMonth(2026, 10), BillingMonth(2026, 11)
WORK = datetime(2026, 10, 12, 9, tzinfo=UTC)
#: a working day on which October is long over
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
TIERED = [("1000", "1"), (None, "0.90")]


def tiered(**settings: Any) -> Engagement:
    with clock.pinned(datetime(2026, 9, 1, tzinfo=UTC)):
        product = make_product(make_programme(**settings), model="graduated", bands=TIERED)
    return make_engagement(product, at=datetime(2026, 9, 2, tzinfo=UTC))


def of_october(engagement: Engagement, *quantities: str, freeze: bool = True) -> list[BillingEntry]:
    entries = [make_entry(engagement, quantity, month=OCTOBER, at=WORK, rated=True) for quantity in quantities]
    if freeze:
        freeze_month(OCTOBER)
    return entries


def partner_of(engagement: Engagement) -> Organisation:
    with acting_for_all("a test's partner"):
        return one(Organisation, engagement.partner_id)


def abe_of(engagement: Engagement) -> Viewer:
    """A second person of the same partner."""
    partner = partner_of(engagement)
    with acting_for_all("a test's second member"):
        number = len(db.session.scalars(select(Correction.id)).all())
    return as_partner(partner, member=make_member(partner, f"abe{number}@northbridge.example"))


def rows(kind: str) -> list[BillingEntry]:
    with acting_for_all("a test looks"):
        return list(
            db.session.scalars(select(BillingEntry).where(BillingEntry.kind == kind).order_by(BillingEntry.number))
        )


def line(entry: BillingEntry) -> tuple[int, int, int]:
    with acting_for_all("a test looks"):
        found = db.session.scalars(select(ChargeLine).where(ChargeLine.source_id == entry.id)).one()
    return found.gross_minor, found.due_minor, found.tax_minor


def refused(do: Any) -> Refused:
    with pytest.raises(Refused) as no:
        do()
    return no.value


def engagement(**programme: Any) -> Engagement:
    with clock.pinned(datetime(2026, 9, 1, tzinfo=UTC)):
        product = make_product(make_programme(**programme))
    return make_engagement(product, at=datetime(2026, 9, 2, tzinfo=UTC))


def row_of(month: BillingMonth, book: str = BOOK) -> Month:
    with acting_for_all("a test looks"):
        db.session.expire_all()
        return rows_of(book, [month])[month]


def olga_and_otto() -> tuple[Any, Any]:
    operator = the_operator()
    return as_operator(operator), as_operator(
        operator, member=make_member(operator, "otto@operator.example", capacity="operator")
    )


def in_the_way(row: Month) -> list[str]:
    with viewing(as_operator()):
        return [said(line) for line in checklist.in_the_way(row, checklist.totals_of(row))]


def note_job(name: str, *, ok: bool, message: str = "") -> None:
    with acting_for_all("a test's job"):
        job_results.note(name, started_at=NOW, finished_at=NOW, ok=ok, message=message, rows=0)
