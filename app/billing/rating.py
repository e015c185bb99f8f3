"""Rating: from Submitted to Rated, Rejected or In review. Exactly once, in the order rated, group by group.

The group (engagement, metric, service month) is locked, the entry's state checked again under that lock, the amount taken
as the difference the entry makes to the month's whole cost, and entry, group, charge line and history written in one
transaction. A job that runs twice, dies anywhere or meets another one finds the state changed and does nothing.
"""

import uuid
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.billing import events, rules, states
from app.billing.model import BillingEntry, RatingGroup
from app.billing.rules import Rated, Terms
from app.catalog.model import Programme
from app.catalog.queries import PlanPrices, PricedMetric, prices_of, remuneration_of
from app.catalog.rules import Remuneration, tax_on
from app.charges.actions import book_line
from app.engagements.model import Engagement
from app.engagements.shown import AnyEngagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.change_state import change_state
from app.foundation.database import transaction
from app.foundation.money import Money
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.months.queries import is_stored


def rate_entry(entry_id: uuid.UUID, *, by: Viewer) -> str:
    """Rate one submitted entry; returns the state it is in afterwards. Somebody else was faster: their state."""
    with transaction(), acting_for_all("rating reads terms and groups of every party"):
        entry, group = _locked(entry_id)
        if entry.state != states.SUBMITTED:
            return entry.state
        engagement = one(Engagement, entry.engagement_id)
        programme = one(Programme, entry.programme_id)
        try:
            rated, priced = _rated(entry, group, engagement)
        except Refused as refused:
            _reject(entry, str(refused), by=by)
            return entry.state
        if rules.needs_review(rated.amount, programme.review_threshold):
            change_state(entry, states.SEND_TO_REVIEW, by=by, number=entry.number, amount=str(rated.amount))
        else:
            _book(entry, group, engagement, programme, rated, priced, by=by)
        return entry.state


def approve(entry: BillingEntry, *, shown: str = "", by: Viewer) -> BillingEntry:
    """The operator's yes: rated against what the month holds now, whatever it held when the entry was put aside.

    Refuses one's own submission, what no longer can be rated (the reviewer then rejects it with that reason), and an
    amount that is no longer the one that was `shown`, as '1500.00 USD': a yes is to an amount, and no one can change it later.
    """
    _check_reviewer(entry, by)
    with transaction(), acting_for_all("rating reads terms and groups of every party"):
        entry, group = _locked(entry.id)
        if entry.state != states.IN_REVIEW:
            raise AlreadyDone(entry.state, states.RATE)
        engagement = one(Engagement, entry.engagement_id)
        programme = one(Programme, entry.programme_id)
        rated, priced = _rated(entry, group, engagement)
        if shown and shown != str(rated.amount):
            raise Refused(
                "entry",
                N_(
                    "Other entries of the month were rated meanwhile: it now comes to %(amount)s. Approve it again if so."
                ),
                amount=str(rated.amount),
            )
        _book(entry, group, engagement, programme, rated, priced, by=by)
    return entry


def reject(entry: BillingEntry, *, reason: str, by: Viewer) -> BillingEntry:
    """The operator's no, with a reason the partner understands."""
    _check_reviewer(entry, by)
    reason = reason.strip()
    if not reason:
        raise Refused("reason", N_("Give a reason; the partner reads it."))
    if len(reason) > 500:
        raise Refused("reason", N_("Keep the reason below 500 characters."))
    with transaction():
        if entry.state != states.IN_REVIEW:
            raise AlreadyDone(entry.state, states.REJECT)
        _reject(entry, reason, by=by)
    return entry


def prices_for(engagement: AnyEngagement) -> PlanPrices:
    """The engagement's prices: approved ones, and for an end-to-end test what its plan holds so far."""
    return prices_of(engagement.plan_id, drafts=engagement.is_test)


def priced_metric(prices: PlanPrices, metric_id: uuid.UUID, month: BillingMonth) -> PricedMetric:
    """The plan's metric with its price in that month, or Refused."""
    for priced in prices.in_month(month):
        if priced.metric.id == metric_id:
            return priced
    raise Refused("metric", N_("Choose one of the plan's metrics."))


def terms_of(priced: PricedMetric) -> Terms:
    return Terms(priced.tariff, currency_of(priced), priced.billable, priced.metric.month_limit)


def currency_of(priced: PricedMetric) -> str:
    return priced.version.currency if priced.version else "USD"


def note_failure(entry_id: uuid.UUID, failure: str) -> None:
    """Our own fault, not the entry's: it stays Submitted, says why, and is tried again later and later."""
    with transaction(), acting_for_all("an entry that could not be rated"):
        entry = one(BillingEntry, entry_id, lock=True)
        if entry.state == states.SUBMITTED:
            entry.failure = failure[:500]
            entry.try_again_at = clock.now() + rules.wait_after(entry.tries)
            entry.tries += 1


def _rated(entry: BillingEntry, group: RatingGroup, engagement: Engagement) -> tuple[Rated, PricedMetric]:
    """The amount, and the price it was rated with: both from one reading, so that Explain names the right version."""
    ended_at = rules.end_that_counts(engagement.ended_at, entry.submitted_at)
    rules.check_active(entry.service_month, engagement.active_from, ended_at)
    priced = priced_metric(prices_for(engagement), entry.metric_id, entry.service_month)
    return rules.rate(terms_of(priced), group.quantity, entry.quantity), priced


def _book(
    entry: BillingEntry,
    group: RatingGroup,
    engagement: Engagement,
    programme: Programme,
    rated: Rated,
    priced: PricedMetric,
    *,
    by: Viewer,
) -> None:
    assert priced.version is not None  # rules.rate refuses a month without a price
    check_not_stored(programme, entry.booked_month)
    change_state(
        entry,
        states.RATE,
        by=by,
        columns=rated_columns(rated, priced.version.id, group.entries + 1, clock.now(), by=by),
        **rated_facts(entry.number, rated),
    )
    group.quantity, group.amount_minor = rated.after, group.amount_minor + rated.amount.minor
    group.entries += 1
    description = line_description(f"{engagement.number} {engagement.name}", entry.quantity, priced.metric.unit)
    remuneration = remuneration_of(programme)
    book_line(entry, **line_of(entry, description, rated.amount, remuneration, programme.tax_percent))


#: what rated_columns() gives, in its order
RATED = (
    "amount_minor", "quantity_before", "quantity_after", "price_version_id", "rated_sequence", "rated_at", "rated_by_name",
    "failure",
)  # fmt: skip


def rated_columns(rated: Rated, version_id: uuid.UUID, sequence: int, at: datetime, *, by: Viewer) -> dict[str, Any]:
    """What an entry holds once it is rated, beside its state."""
    return {
        "amount_minor": rated.amount.minor,
        "quantity_before": rated.before,
        "quantity_after": rated.after,
        "price_version_id": version_id,
        "rated_sequence": sequence,
        "rated_at": at,
        "rated_by_name": by.label,
        "failure": None,
    }


def line_of(
    entry: Any, description: str, amount: Money, remuneration: Remuneration, tax_percent: Decimal
) -> dict[str, Any]:
    """What the charge book is told of a rated entry, or of a light row of one."""
    return {
        "kind": "billing-entry",
        "description": description,
        "service_month": entry.service_month,
        "booked_month": entry.booked_month,
        "programme_id": entry.programme_id,
        **booked_amounts(amount, remuneration, tax_percent),
    }


def booked_amounts(amount: Money, remuneration: Remuneration, tax_percent: Decimal) -> dict[str, Money]:
    gross = remuneration.gross(amount)
    return {"gross": gross, "due": remuneration.due(amount), "tax": tax_on(gross, tax_percent)}


def check_not_stored(programme: Programme, month: BillingMonth) -> None:
    """What a close has stored is told to everybody: nothing is booked beside it, whatever led here.

    A close waits for the undecided, so this is never said while all holds. To the job it is our own fault, not the entry's:
    the entry stays Submitted, says why, and is rated once the month is reopened.
    """
    if is_stored(programme.cut_off, month, programme.id):
        raise Refused("entry", N_("%(month)s is closed, and what it came to is told: reopen it first."), month=month)


def _reject(entry: BillingEntry, reason: str, *, by: Viewer) -> None:
    columns = {"reason": reason, "rated_at": clock.now(), "rated_by_name": by.label}
    change_state(entry, states.REJECT, by=by, columns=columns, number=entry.number, reason=reason)


def _check_reviewer(entry: BillingEntry, by: Viewer) -> None:
    by.must(events.DECIDE)
    if by.member_id is not None and entry.submitted_by_id == by.member_id:
        raise Refused("entry", N_("You submitted this entry; somebody else has to decide it."))


def _locked(entry_id: uuid.UUID) -> tuple[BillingEntry, RatingGroup]:
    """The entry and its group, both locked until the transaction ends, both read under the lock."""
    group = locked_group(one(BillingEntry, entry_id))
    return one(BillingEntry, entry_id, lock=True), group


def locked_group(seen: BillingEntry) -> RatingGroup:
    """The entry's group, made if nothing of it was rated yet, locked until the caller's transaction ends."""
    with transaction() as session:
        wanted = (
            select(RatingGroup)
            .where(
                RatingGroup.engagement_id == seen.engagement_id,
                RatingGroup.metric_id == seen.metric_id,
                RatingGroup.service_month == seen.service_month,
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        group = session.scalar(wanted)
        if group is None:
            try:
                with session.begin_nested():
                    session.add(
                        RatingGroup(
                            seller_id=seen.seller_id,
                            partner_id=seen.partner_id,
                            customer_id=seen.customer_id,
                            is_test=seen.is_test,
                            engagement_id=seen.engagement_id,
                            metric_id=seen.metric_id,
                            service_month=seen.service_month,
                            quantity=Decimal(0),
                            amount_minor=0,
                            entries=0,
                        )
                    )
            except IntegrityError:
                pass  # another worker made it in the same moment
            group = session.scalars(wanted).one()
        return group


def rated_facts(number: str, rated: Rated) -> dict[str, str]:
    """What History keeps of a rating."""
    before, after = plain_quantity(rated.before), plain_quantity(rated.after)
    return {"number": number, "amount": str(rated.amount), "before": before, "after": after}


def line_description(engagement: str, quantity: Decimal, unit: str) -> str:
    """What the customer reads on the charge line. `engagement`: its number and name."""
    return f"{engagement}, {plain_quantity(quantity)} {unit}"


@lru_cache(8192)
def plain_quantity(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
