"""What a partner does with billing entries: submit and withdraw. Rating is in rating.py."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import select

from app.billing import events, rules, states
from app.billing.model import BillingEntry
from app.billing.provisional import quantity_before
from app.billing.queries import taken_back
from app.billing.rating import currency_of, priced_metric, prices_for, terms_of
from app.billing.rules import Rated
from app.catalog.model import Metric, Product, Programme
from app.catalog.queries import PlanPrices, PricedMetric, programme_of
from app.engagements import testing
from app.engagements.model import Engagement
from app.engagements.shown import AnyEngagement
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
from app.months.model import Month
from app.months.queries import rows_of


@dataclass(frozen=True)
class Draft:
    """What the form says: shape checked, meaning not yet. `quantity` in the metric's unit."""

    metric_id: uuid.UUID
    month: BillingMonth
    quantity: Decimal
    notes: str = ""


def submit(engagement: Engagement, draft: Draft, *, by: Viewer) -> BillingEntry:
    """Add a billing entry. The instant that counts is taken here, while the month is held against its freeze.

    Refuses, on the field: a test after publication, a closed or future month, a month outside the engagement's active time, a quantity that is not
    above zero or off the metric's steps, a metric the plan lacks or that is not approved, the plan's limits.
    AlreadyDone when the engagement takes no entries in its state.
    """
    by.must(events.SUBMIT)
    rules.check_notes(draft.notes)
    with transaction() as session:
        programme = programme_of(engagement.product_id, hold=True)
        engagement = one(Engagement, engagement.id, lock=True)
        if not takes_entries(engagement):
            raise AlreadyDone(engagement.state, ADD_BILLING_ENTRY)
        months.hold(programme.cut_off, draft.month)
        now = clock.now()
        priced, _rated = checked(engagement, programme, draft, now)
        number = next_number("TEST-BE" if engagement.is_test else "BE")
        entry = BillingEntry(**entry_for(engagement, programme, draft, priced, now, number, by=by))
        session.add(entry)
        session.flush()
        facts = submitted_facts(entry, priced)
        history.record(entry, events.SUBMITTED, by=by, at=now, to_state=states.SUBMITTED, **facts)
    return entry


def entry_for(
    engagement: Engagement,
    programme: Programme,
    draft: Draft,
    priced: PricedMetric,
    now: datetime,
    number: str,
    *,
    by: Viewer,
) -> dict[str, Any]:
    """What the row that a draft becomes holds, once every rule has said yes."""
    return {
        "number": number,
        "kind": states.ENTRY,
        "seller_id": engagement.seller_id,
        "partner_id": engagement.partner_id,
        "customer_id": engagement.customer_id,
        "is_test": engagement.is_test,
        "engagement_id": engagement.id,
        "programme_id": programme.id,
        "metric_id": priced.metric.id,
        "service_month": draft.month,
        "booked_month": draft.month,
        "quantity": draft.quantity,
        "notes": draft.notes.strip(),
        "currency": currency_of(priced),
        "submitted_by_id": by.member_id,
        "submitted_by_name": by.member_name,
        "submitted_at": now,
        "state": states.SUBMITTED,
        "tries": 0,
        "version": 1,
    }


def submitted_facts(entry: Any, priced: PricedMetric) -> dict[str, str]:
    """What History keeps of a submit. `entry`: the row, or a light one with its number, quantity and month."""
    return {
        "number": entry.number,
        "quantity": f"{entry.quantity.normalize():f}",
        "unit": priced.metric.unit,
        "month": str(entry.service_month),
    }


def takes_entries(engagement: AnyEngagement) -> bool:
    """Whether the state table has Add billing entry from where the engagement is."""
    return transitions.next_state(Engagement.__transitions__, engagement.state, ADD_BILLING_ENTRY) is not None


def checked(
    engagement: Engagement, programme: Programme, draft: Draft, now: datetime, prices: PlanPrices | None = None
) -> tuple[PricedMetric, Rated]:
    """The draft against every rule at `now`: what it would be rated at, with which price. Refused on the field it breaks."""
    prices = prices or prices_for(engagement)
    before = partial(quantity_before, engagement, draft.metric_id, draft.month, prices)
    month = rows_of(programme.cut_off, [draft.month]).get(draft.month)
    return checked_after(before, engagement, programme, draft, now, prices, month)


def checked_after(
    before: Callable[[], Decimal],
    engagement: Engagement,
    programme: Programme,
    draft: Draft,
    now: datetime,
    prices: PlanPrices,
    month: Month | None,
) -> tuple[PricedMetric, Rated]:
    """The same, where the caller knows what the month holds `before` the draft, and the month's row if it has one."""
    priced = open_metric(engagement, programme, draft.metric_id, draft.month, now, prices, month)
    rules.check_quantity(draft.quantity, priced.metric.step)
    return priced, rules.rate(terms_of(priced), before(), draft.quantity)


def open_metric(
    engagement: Engagement,
    programme: Programme,
    metric_id: uuid.UUID,
    billed: BillingMonth,
    now: datetime,
    prices: PlanPrices,
    month: Month | None,
) -> PricedMetric:
    """The metric with its price, where work of that month may be billed on it at `now`, whatever its quantity. Else Refused.

    The month's row has a say beside the clock: a reopened one takes entries whatever the clock says, a frozen one none.
    """
    if engagement.is_test:
        testing.check_open(one(Product, engagement.product_id).state, "month")
    if month is None or not months.is_reopened(month):
        rules.check_month(billed, now, programme.policy)
    if month is not None and months.is_frozen(month):  # the clock says otherwise, but the books are closed
        raise Refused("month", N_("%(month)s is frozen."), month=billed)
    rules.check_active(billed, engagement.active_from, engagement.ended_at)
    return priced_metric(prices, metric_id, billed)


def withdraw(entry: BillingEntry, *, by: Viewer) -> BillingEntry:
    """Take an entry back while it is Submitted; a rating that was faster answers AlreadyDone."""
    by.must(events.SUBMIT)
    change_state(entry, states.WITHDRAW, by=by, number=entry.number)
    return entry


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
            ~taken_back(),
        )
        .order_by(BillingEntry.submitted_at.desc())
        .limit(1)
    )


def set_up_before(engagement_id: uuid.UUID, metric_id: uuid.UUID) -> BillingEntry | None:
    """An earlier entry on an Implementation metric: a set-up is agreed once, so a second one is worth a question."""
    return db.session.scalar(
        select(BillingEntry)
        .join(Metric, Metric.id == BillingEntry.metric_id)
        .where(
            BillingEntry.engagement_id == engagement_id,
            BillingEntry.metric_id == metric_id,
            Metric.kind == "Implementation",
            BillingEntry.state.in_((states.RATED, *states.UNDECIDED)),
            BillingEntry.kind != states.REVERSAL,
            ~taken_back(),
        )
        .order_by(BillingEntry.submitted_at.desc())
        .limit(1)
    )


def entry_of(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> BillingEntry:
    """The engagement's entry, or NotVisible."""
    entry = one(BillingEntry, entry_id)
    if entry.engagement_id != engagement_id:
        raise NotVisible
    return entry
