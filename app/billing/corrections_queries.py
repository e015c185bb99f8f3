"""Reading corrections: what an engagement's pages, its entries and their explanations say of them, and what waits for whom."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import aliased

from app.billing import corrections_events as events
from app.billing import rules, states
from app.billing.model import BillingEntry, Correction
from app.catalog.model import Metric, Programme
from app.engagements.model import Engagement
from app.engagements.queries import Customer, Partner
from app.foundation.billing_month import BillingMonth
from app.foundation.database import at_most, db, one_of
from app.foundation.kept_statements import columns_of
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all, one

Corrected = aliased(BillingEntry, name="corrected")


@dataclass(frozen=True)
class Link:
    """Another row that this one belongs with, for its explanation. Quantities in the metric's unit.

    `relation`: 'corrected', what this row takes back or bills anew; 'sister', the other row of the same correction;
    'taken-back-by' and 'billed-anew-as', what a correction of this row has booked.
    """

    relation: str
    number: str
    id: uuid.UUID
    quantity: Decimal
    booked_month: BillingMonth


def links_of(entry: BillingEntry) -> list[Link]:
    """Nothing for an entry that has to do with no correction; both ways for one that is corrected and corrects."""
    first = entry.corrects_id
    same = [] if first is None else [BillingEntry.id == first, BillingEntry.corrects_id == first]
    rows = db.session.execute(
        select(
            BillingEntry.id, BillingEntry.corrects_id, BillingEntry.kind, BillingEntry.number, BillingEntry.quantity,
            BillingEntry.booked_month,
        )
        .where(
            or_(BillingEntry.corrects_id == entry.id, *same),
            BillingEntry.id != entry.id,
        )
        .order_by(BillingEntry.rated_sequence)
    )  # fmt: skip
    own = {states.REVERSAL: "taken-back-by", states.REBILL: "billed-anew-as"}

    def relation(row: Any) -> str:
        if row.corrects_id == entry.id:
            return own[row.kind]
        return "corrected" if row.id == entry.corrects_id else "sister"

    return [Link(relation(row), row.number, row.id, row.quantity, row.booked_month) for row in rows]


def correction_behind(entry: BillingEntry) -> Correction | None:
    """The approved correction that a reversal or rebill was booked for."""
    return db.session.scalar(
        select(Correction).where(Correction.entry_id == entry.corrects_id, Correction.state == states.APPROVED)
    )


def correction_about(entry: BillingEntry) -> Correction | None:
    """The correction that waits on the entry, else the one that it was booked for."""
    waits = select(Correction).where(Correction.entry_id == entry.id, Correction.state == states.REQUESTED)
    return db.session.scalar(waits) or (correction_behind(entry) if entry.corrects_id else None)


def booked_for(correction: Correction) -> Sequence[BillingEntry]:
    """The rows that an approved correction has booked: the reversal, and what is billed anew."""
    if correction.state != states.APPROVED:
        return []
    rows = select(BillingEntry).where(BillingEntry.corrects_id == correction.entry_id)
    return db.session.scalars(rows.order_by(BillingEntry.rated_sequence)).all()


def waiting_on(engagement_id: uuid.UUID) -> dict[uuid.UUID, Row[*tuple[Any, ...]]]:
    """Entry id -> (id, number, entry_id, asked_by_id, asked_by_name) of the correction that waits on it."""
    rows = db.session.execute(
        select(Correction.id, Correction.number, Correction.entry_id, Correction.asked_by_id, Correction.asked_by_name)
        .where(Correction.engagement_id == engagement_id, Correction.state == states.REQUESTED)
        .order_by(Correction.asked_at)
        .limit(at_most(100))
    )
    return {row.entry_id: row for row in rows}


def may_decide(correction: Correction, viewer: Viewer) -> Refused | None:
    """None: this viewer may approve it. Else why not, in words; whoever lacks the permission is not told more."""
    if correction.state != states.REQUESTED or not viewer.may(events.DECIDE):
        return Refused("correction", "")
    try:
        rules.check_second_person(correction.asked_by_id, viewer.member_id)
        if viewer.capacity == "partner":
            with acting_for_all("a programme's threshold decides for every party"):
                threshold = one(Programme, correction.programme_id).review_threshold
            rules.check_within_threshold(correction.difference, threshold)
    except Refused as no:
        return no
    return None


def open_to(correction: Correction, viewer: Viewer) -> list[str]:
    """What this viewer may do with it as it stands: approve, reject, withdraw. Never the first two with one's own."""
    if correction.state != states.REQUESTED:
        return []
    mine = correction.asked_by_id is not None and correction.asked_by_id == viewer.member_id
    offered = {
        states.APPROVE: may_decide(correction, viewer) is None,
        states.REJECT: viewer.may(events.DECIDE) and not mine,
        states.WITHDRAW: viewer.may(events.REQUEST) and mine,
    }
    return [name for name, fits in offered.items() if fits]


#: what a list's row shows; newest first by LIST_KEYS
LIST_COLUMNS = (
    Correction.id,
    Correction.number,
    Correction.asked_at,
    Correction.asked_by_name,
    Correction.state,
    Correction.quantity,
    Correction.reason,
    Correction.reversal_minor,
    Correction.rebill_minor,
    Correction.currency,
    Correction.service_month,
    Correction.booked_month,
    Correction.decided_by_name,
    Correction.decided_at,
    Correction.decision_reason,
    Correction.entry_id,
    Corrected.number.label("entry_number"),
    Corrected.quantity.label("entry_quantity"),
    Correction.engagement_id,
    Engagement.number.label("engagement_number"),
    Engagement.name.label("engagement_name"),
    Metric.id.label("metric_id"),
    Metric.code.label("metric_code"),
    Metric.name.label("metric_name"),
    Metric.unit.label("unit"),
)
LIST_KEYS = (Correction.asked_at, Correction.id)


def corrections(
    *,
    engagement_id: uuid.UUID | None = None,
    entry_id: uuid.UUID | None = None,
    state: str | None = None,
    service_month: BillingMonth | None = None,
) -> Select[*tuple[Any, ...]]:
    """Every correction the viewer may see, for page_of(LIST_KEYS)."""
    found = (
        select(*LIST_COLUMNS)
        .join(Engagement, Engagement.id == Correction.engagement_id)
        .join(Corrected, Corrected.id == Correction.entry_id)
        .join(Metric, Metric.id == Corrected.metric_id)
    )
    wanted = {
        Correction.engagement_id: engagement_id,
        Correction.entry_id: entry_id,
        Correction.state: state,
        Correction.service_month: service_month,
    }
    return found.where(*(column == value for column, value in wanted.items() if value is not None))


#: what the Inbox and Home show of one; oldest first by (asked_at, id)
WAITING_COLUMNS = (
    Correction.id,
    Correction.number,
    Correction.asked_at,
    Correction.asked_by_name,
    Correction.engagement_id,
    Correction.reversal_minor,
    Correction.rebill_minor,
    Correction.currency,
    Engagement.name.label("engagement_name"),
    Corrected.number.label("entry_number"),
    Customer.name.label("customer_name"),
    Partner.name.label("partner_name"),
)


def waiting_for(viewer: Viewer, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Corrections this member may decide, oldest first."""
    found = _waiting(viewer, limit)
    return [] if found is None else columns_of(found)


@lru_cache(maxsize=256)
def _waiting(viewer: Viewer, limit: int) -> Select[*tuple[Any, ...]] | None:
    """Built once a viewer."""
    found = _decidable(viewer)
    if found is None:
        return None
    return (
        found.with_only_columns(*WAITING_COLUMNS)
        # outer, though there always is one: else SQLite may begin with the viewer's engagements, however many there are
        .outerjoin(Engagement, Engagement.id == Correction.engagement_id)
        .join(Corrected, Corrected.id == Correction.entry_id)
        .join(Customer, Customer.id == Correction.customer_id)
        .join(Partner, Partner.id == Correction.partner_id)
        .order_by(Correction.asked_at, Correction.id)
        .limit(limit)
    )


def waiting_number(viewer: Viewer) -> Any | None:
    """A scalar subquery that counts them, to a hundred at most; None: this viewer decides none."""
    found = _decidable(viewer)
    if found is None:
        return None
    few = found.with_only_columns(Correction.id).limit(at_most(100)).subquery()
    return select(func.count()).select_from(few).scalar_subquery()


def _decidable(viewer: Viewer) -> Select[*tuple[Any, ...]] | None:
    """Those of others, and for a partner those within the threshold: what may_decide says of each, in SQL."""
    if viewer.capacity not in ("partner", "operator") or not viewer.may(events.DECIDE):
        return None
    found = (
        select(Correction.id)
        .join(Programme, Programme.id == Correction.programme_id)
        .where(one_of(Correction.state, (states.REQUESTED,)))
    )
    if viewer.member_id is not None:
        found = found.where(or_(Correction.asked_by_id.is_(None), Correction.asked_by_id != viewer.member_id))
    if viewer.capacity == "partner":
        within = func.abs(Correction.reversal_minor + Correction.rebill_minor) <= Programme.review_threshold_minor
        alike = Correction.currency == Programme.currency
        found = found.where(or_(Programme.review_threshold_minor.is_(None), alike & within))
    return found
