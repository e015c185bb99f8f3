"""Correction after close: a rated entry of a frozen month is taken back and billed anew, both booked in an open month.

One person asks and sees both lines with their amounts; another one approves what is shown. Both lines are rated by the same
delta as every entry, against what the service month holds by then and at the price version the entry was rated with, so the
entries of a service month always come to the tariff of its quantity. The month itself is not opened: its statement stands.
"""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.billing import corrections_events as events
from app.billing import rules, states
from app.billing.corrections_booking import book
from app.billing.corrections_outlook import Outlook, outlook
from app.billing.model import BillingEntry, Correction
from app.billing.rating import check_not_stored, locked_group
from app.catalog.model import Metric, Programme
from app.engagements.model import Engagement
from app.foundation import clock, history
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.numbers import next_number
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one
from app.foundation.text import N_
from app.months import actions as months


@dataclass(frozen=True)
class Wish:
    """What the form says: the right quantity, 0 to take the entry back whole, and why."""

    quantity: Decimal
    reason: str


def ask(entry: BillingEntry, wish: Wish, *, shown: str = "", by: Viewer) -> Correction:
    """Ask for the entry to be corrected. Books nothing: somebody else approves it.

    Refuses an entry whose month still takes entries, one that is corrected already or waits for it, a quantity off the
    metric's steps or the one that was billed, and amounts or a month other than the ones `shown`. AlreadyDone for what is
    not rated.
    """
    by.must(events.REQUEST)
    reason = checked_reason(wish.reason)
    with transaction() as session, acting_for_all("a correction reads terms and groups of every party"):
        entry = one(BillingEntry, entry.id, lock=True)
        if entry.state != states.RATED:
            raise AlreadyDone(entry.state, states.APPROVE)
        found = outlook(entry, wish.quantity)
        check_shown(found, shown)
        correction = Correction(
            number=next_number("COR"),
            seller_id=entry.seller_id,
            partner_id=entry.partner_id,
            customer_id=entry.customer_id,
            is_test=entry.is_test,
            engagement_id=entry.engagement_id,
            programme_id=entry.programme_id,
            entry_id=entry.id,
            quantity=wish.quantity,
            reason=reason,
            state=states.REQUESTED,
            reversal_minor=found.reversal.minor,
            rebill_minor=found.rebill.minor,
            currency=entry.currency,
            service_month=entry.service_month,
            booked_month=found.booked_month,
            asked_by_id=by.member_id,
            asked_by_name=by.member_name or by.label,
            asked_for_id=by.organisation_id,
            asked_at=clock.now(),
            version=1,
        )
        try:
            with session.begin_nested():
                session.add(correction)
        except IntegrityError as waits:
            raise Refused("entry", N_("A correction of this entry waits for a decision already.")) from waits
        history.record(
            correction, events.REQUESTED, by=by, to_state=states.REQUESTED, month=str(entry.service_month), reason=reason,
            **_facts(correction, entry, found),
        )  # fmt: skip
    return correction


def approve(correction: Correction, *, shown: str = "", by: Viewer) -> Correction:
    """The second person's yes: both lines are rated and booked now, in the month that is open now.

    Refuses the one who asked, a partner's member where the difference is above the programme's review threshold, and amounts
    or a month other than the ones `shown`, or without those, the ones that were asked for: a yes is to what one has seen.
    AlreadyDone when it was decided.
    """
    by.must(events.DECIDE)
    with transaction(), acting_for_all("a correction reads terms and groups of every party"):
        correction = one(Correction, correction.id, lock=True)
        if correction.state != states.REQUESTED:
            raise AlreadyDone(correction.state, states.APPROVE)
        entry = one(BillingEntry, correction.entry_id)
        programme = one(Programme, correction.programme_id)
        group = locked_group(entry)
        found = outlook(entry, correction.quantity, waiting=correction)
        held = months.hold(programme.cut_off, found.booked_month)
        if months.is_frozen(held):  # it froze while we waited for it
            raise Refused("correction", N_("%(month)s has just closed; look at it again."), month=found.booked_month)
        check_not_stored(programme, found.booked_month)
        _check_decider(correction, found, programme, by)
        check_shown(found, shown or shown_of(correction))
        book(correction, entry, group, found, one(Engagement, entry.engagement_id), programme, by=by)
        change_state(
            correction,
            states.APPROVE,
            by=by,
            columns={
                "reversal_minor": found.reversal.minor,
                "rebill_minor": found.rebill.minor,
                "booked_month": found.booked_month,
                **_decided(by),
            },
            month=str(found.booked_month),
            **_facts(correction, entry, found),
        )
    return correction


def reject(correction: Correction, *, reason: str, by: Viewer) -> Correction:
    """The second person's no, with a reason the requester reads. Nothing was booked."""
    by.must(events.DECIDE)
    reason = checked_reason(reason)
    with transaction(), acting_for_all("a correction is decided for its partner or its seller"):
        entry = one(BillingEntry, correction.entry_id)
        rules.check_second_person(correction.asked_by_id, by.member_id)
        columns = {"decision_reason": reason, **_decided(by)}
        change_state(
            correction,
            states.REJECT,
            by=by,
            columns=columns,
            number=correction.number,
            entry=entry.number,
            reason=reason,
        )
    return correction


def withdraw(correction: Correction, *, by: Viewer) -> Correction:
    """The requester's own second thought; nobody else's."""
    by.must(events.REQUEST)
    if by.member_id is None or correction.asked_by_id != by.member_id:
        raise Refused("correction", N_("Only who asked for it can take it back; you can reject it."))
    with transaction():
        entry = one(BillingEntry, correction.entry_id)
        change_state(
            correction, states.WITHDRAW, by=by, columns=_decided(by), number=correction.number, entry=entry.number
        )
    return correction


def correction_of(engagement_id: uuid.UUID, correction_id: uuid.UUID) -> Correction:
    """The engagement's correction, or NotVisible."""
    found = one(Correction, correction_id)
    if found.engagement_id != engagement_id:
        raise NotVisible
    return found


def shown_of(correction: Correction) -> str:
    """What the requester saw, as Outlook.shown says it."""
    return f"{correction.reversal} {correction.rebill} {correction.booked_month}"


def check_shown(found: Outlook, shown: str) -> None:
    if shown and shown != found.shown:
        raise Refused(
            "correction",
            N_(
                "It has changed meanwhile: %(reversal)s is taken back and %(rebill)s billed anew, in %(month)s. Send it again if so."
            ),
            reversal=found.reversal,
            rebill=found.rebill,
            month=found.booked_month,
        )


def checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused("reason", N_("Give a reason; partner and operator read it, the client does not."))
    if len(reason) > 500:
        raise Refused("reason", N_("Keep the reason below 500 characters."))
    return reason


def _check_decider(correction: Correction, found: Outlook, programme: Programme, by: Viewer) -> None:
    rules.check_second_person(correction.asked_by_id, by.member_id)
    if by.capacity == "partner":
        rules.check_within_threshold(found.difference, programme.review_threshold)


def _decided(by: Viewer) -> dict[str, object]:
    return {"decided_by_name": by.label, "decided_at": clock.now()}


def _facts(correction: Correction, entry: BillingEntry, found: Outlook) -> dict[str, Any]:
    return {
        "number": correction.number,
        "entry": entry.number,
        "was": f"{entry.quantity.normalize():f}",
        "quantity": f"{correction.quantity.normalize():f}",
        "unit": _unit_of(entry),
        "amount": str(found.difference),
    }


def _unit_of(entry: BillingEntry) -> str:
    return db.session.scalars(select(Metric.unit).where(Metric.id == entry.metric_id)).one()
