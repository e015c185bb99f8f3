"""What a partner does with billing entries: submit and withdraw. Rating is in rating.py."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from app.billing import events, rules, states
from app.billing.model import BillingEntry
from app.billing.rating import metric_terms
from app.catalog.model import Metric
from app.catalog.queries import programme_of
from app.engagements.model import Engagement
from app.engagements.states import ADD_BILLING_ENTRY
from app.foundation import clock, history, transitions
from app.foundation.billing_month import BillingMonth
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.numbers import next_number
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.months import actions as months


@dataclass(frozen=True)
class Draft:
    """What the form says: shape checked, meaning not yet. `quantity` in the metric's unit."""

    metric_id: uuid.UUID
    month: BillingMonth
    quantity: Decimal
    notes: str = ""


def submit(engagement: Engagement, draft: Draft, *, by: Viewer) -> BillingEntry:
    """Add a billing entry. The instant that counts is taken here, while the month is held against its freeze.

    Refuses, on the field: a closed or future month, a month outside the engagement's active time, a quantity that is not
    above zero or off the metric's steps, a metric the plan lacks or that is not approved, the plan's limits.
    AlreadyDone when the engagement takes no entries in its state.
    """
    by.must(events.SUBMIT)
    if len(draft.notes) > 500:
        raise Refused("notes", N_("Keep the notes below 500 characters."))
    with transaction() as session:
        programme = programme_of(engagement.product_id)
        engagement = one(Engagement, engagement.id, lock=True)
        if transitions.next_state(engagement.__transitions__, engagement.state, ADD_BILLING_ENTRY) is None:
            raise AlreadyDone(engagement.state, ADD_BILLING_ENTRY)
        held = months.hold(programme.cut_off, draft.month)
        now = clock.now()
        if months.is_frozen(held):
            raise Refused("month", N_("%(month)s is frozen."), month=draft.month)
        rules.check_month(draft.month, now, programme.policy)
        rules.check_active(draft.month, engagement.active_from, engagement.ended_at)
        metric = _metric(engagement, draft.metric_id)
        rules.check_quantity(draft.quantity, metric.step)
        terms = metric_terms(engagement.plan_id, metric.id, draft.month)
        rules.rate(terms, rated_and_waiting(engagement.id, metric.id, draft.month), draft.quantity)
        entry = BillingEntry(
            number=next_number("BE"),
            seller_id=engagement.seller_id,
            partner_id=engagement.partner_id,
            customer_id=engagement.customer_id,
            is_test=engagement.is_test,
            engagement_id=engagement.id,
            programme_id=programme.id,
            metric_id=metric.id,
            service_month=draft.month,
            booked_month=draft.month,
            quantity=draft.quantity,
            notes=draft.notes.strip(),
            currency=terms.currency,
            submitted_by_id=by.member_id,
            submitted_by_name=by.member_name,
            submitted_at=now,
            state=states.SUBMITTED,
            version=1,
        )
        session.add(entry)
        session.flush()
        history.record(
            entry,
            events.SUBMITTED,
            by=by,
            at=now,
            to_state=states.SUBMITTED,
            number=entry.number,
            quantity=f"{draft.quantity.normalize():f}",
            unit=metric.unit,
            month=str(draft.month),
        )
    return entry


def withdraw(entry: BillingEntry, *, by: Viewer) -> BillingEntry:
    """Take an entry back while it is Submitted; a rating that was faster answers AlreadyDone."""
    by.must(events.SUBMIT)
    change_state(entry, states.WITHDRAW, by=by, number=entry.number)
    return entry


def rated_and_waiting(engagement_id: uuid.UUID, metric_id: uuid.UUID, month: BillingMonth) -> Decimal:
    """The month's quantity once everything submitted is rated: what a new entry will find before it, most likely."""
    quantities: Sequence[Decimal] = db.session.scalars(
        select(BillingEntry.quantity).where(
            BillingEntry.engagement_id == engagement_id,
            BillingEntry.metric_id == metric_id,
            BillingEntry.service_month == month,
            BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
        )
    ).all()
    return sum(quantities, Decimal(0))


def twin_of(engagement_id: uuid.UUID, draft: Draft) -> BillingEntry | None:
    """An entry that looks the same: month, metric, quantity and notes. Two are fine if the work is different."""
    return db.session.scalar(
        select(BillingEntry)
        .where(
            BillingEntry.engagement_id == engagement_id,
            BillingEntry.metric_id == draft.metric_id,
            BillingEntry.service_month == draft.month,
            BillingEntry.quantity == draft.quantity,
            BillingEntry.notes == draft.notes.strip(),
            BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
        )
        .order_by(BillingEntry.submitted_at.desc())
        .limit(1)
    )


def _metric(engagement: Engagement, metric_id: uuid.UUID) -> Metric:
    metric = db.session.scalar(select(Metric).where(Metric.id == metric_id, Metric.plan_id == engagement.plan_id))
    if metric is None:
        raise Refused("metric", N_("Choose one of the plan's metrics."))
    return metric


def entry_of(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> BillingEntry:
    """The engagement's entry, or NotVisible."""
    entry = one(BillingEntry, entry_id)
    if entry.engagement_id != engagement_id:
        raise NotVisible
    return entry
