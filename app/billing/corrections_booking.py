"""Booking an approved correction: the reversal and what is billed anew, each a rated row with its own line in the charge book."""

from decimal import Decimal
from typing import Any

from app.billing import corrections_events as events
from app.billing import states
from app.billing.corrections_outlook import Outlook
from app.billing.model import BillingEntry, Correction, RatingGroup
from app.billing.rating import plain_quantity
from app.billing.rules import Rated
from app.billing.standing import LINES_OF_ENTRIES, line_of
from app.catalog.model import Programme
from app.catalog.queries import remuneration_of
from app.charges.actions import book_line
from app.engagements.model import Engagement
from app.foundation import clock, history
from app.foundation.database import transaction
from app.foundation.money import Money
from app.foundation.numbers import next_number
from app.foundation.tenancy import Viewer


def book(
    correction: Correction,
    entry: BillingEntry,
    group: RatingGroup,
    found: Outlook,
    engagement: Engagement,
    programme: Programme,
    *,
    by: Viewer,
) -> None:
    """In the caller's transaction, which holds the correction, the group and the month."""
    name, unit = f"{engagement.number} {engagement.name}", found.metric.unit
    again = found.corrected.rebill
    described = f"{name}, {entry.number} taken back: {plain_quantity(entry.quantity)} {unit}"
    row = _rated(correction, entry, group, states.REVERSAL, -entry.quantity, found.corrected.reversal, found, by)
    _charge(row, programme, described)
    if again is not None:
        described = f"{name}, {plain_quantity(correction.quantity)} {unit} in place of {entry.number}"
        row = _rated(correction, entry, group, states.REBILL, correction.quantity, again, found, by)
        _charge(row, programme, described)


def _rated(
    correction: Correction,
    entry: BillingEntry,
    group: RatingGroup,
    kind: str,
    quantity: Decimal,
    rated: Rated,
    found: Outlook,
    by: Viewer,
) -> BillingEntry:
    now = clock.now()
    parties: dict[str, Any] = {name: getattr(entry, name) for name in _ALIKE}
    with transaction() as session:
        row = BillingEntry(
            **parties,
            number=next_number("BE"),
            kind=kind,
            corrects_id=entry.id,
            booked_month=found.booked_month,
            quantity=quantity,
            notes="",
            state=states.RATED,
            submitted_by_id=correction.asked_by_id,
            submitted_by_name=correction.asked_by_name,
            submitted_at=now,
            rated_at=now,
            rated_by_name=by.label,
            amount_minor=rated.amount.minor,
            quantity_before=rated.before,
            quantity_after=rated.after,
            rated_sequence=group.entries + 1,
            version=1,
        )
        session.add(row)
        group.quantity, group.amount_minor = rated.after, group.amount_minor + rated.amount.minor
        group.entries += 1
        session.flush()
        history.record(
            row,
            events.REVERSED if kind == states.REVERSAL else events.REBILLED,
            by=by,
            at=now,
            to_state=states.RATED,
            number=row.number,
            corrects=entry.number,
            amount=str(rated.amount),
            before=plain_quantity(rated.before),
            after=plain_quantity(rated.after),
            month=str(found.booked_month),
        )
    return row


#: what a correction's rows have in common with what they correct
_ALIKE = (
    "seller_id", "partner_id", "customer_id", "is_test", "engagement_id", "programme_id", "metric_id",
    "service_month", "currency", "price_version_id",
)  # fmt: skip


def _charge(row: BillingEntry, programme: Programme, described: str) -> None:
    stands = line_of(row, remuneration_of(programme), programme.tax_percent)
    gross, due, tax = (Money.of_minor(minor, row.currency) for minor in (stands.gross, stands.due, stands.tax))
    book_line(
        row,
        kind=LINES_OF_ENTRIES,
        description=described,
        service_month=row.service_month,
        booked_month=row.booked_month,
        gross=gross,
        due=due,
        tax=tax,
        programme_id=programme.id,
    )
