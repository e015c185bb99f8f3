"""Months taken through their life as the job and the operator do, and corrections asked for and decided."""

from datetime import datetime, timedelta
from decimal import Decimal

from app.billing import corrections
from app.billing.model import BillingEntry, Correction
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.months import actions as months
from app.months import closing
from app.months.model import Month, MonthClose
from app.parties.model import Organisation
from tests.makers.engagements import moved_to
from tests.makers.parties import as_operator, as_partner

BOOK = "reject-after-grace"


def freeze_month(month: BillingMonth, *, book: str = BOOK) -> Month:
    """As the job does it, a moment after the cut-off; a month that is frozen already is left as it is."""
    with (
        clock.pinned(CUT_OFF_POLICIES[book].closes_at(month) + timedelta(seconds=2)),
        acting_for_all("a test's month") as job,
    ):
        row = months.hold(book, month)
        if not months.is_frozen(row):
            months.freeze(row, by=job)
    return row


def close_month(month: BillingMonth, *, book: str = BOOK, by: Viewer | None = None) -> MonthClose:
    """Frozen if it is not, and closed by somebody of the operator with every role."""
    row = freeze_month(month, book=book)
    with viewing(by or as_operator()) as olga:
        return closing.close(row, by=olga)


def ask_correction(
    entry: BillingEntry, quantity: str, *, by: Viewer | None = None, reason: str = "Minutes, not hours.", at: datetime | None = None
) -> Correction:  # fmt: skip
    """Asked for by somebody of the partner with every role."""
    with acting_for_all("a test's partner"):
        partner = one(Organisation, entry.partner_id)
    with moved_to(at), viewing(by or as_partner(partner)) as ada:
        wish = corrections.Wish(Decimal(quantity), reason)
        return corrections.ask(one(BillingEntry, entry.id), wish, by=ada)


def correct(entry: BillingEntry, quantity: str, *, at: datetime | None = None) -> Correction:
    """Asked for by the partner, approved by the operator's rating reviewer."""
    asked = ask_correction(entry, quantity, at=at)
    with moved_to(at), viewing(as_operator()) as olga:
        return corrections.approve(one(Correction, asked.id), by=olga)
