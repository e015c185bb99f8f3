"""The operator's answer to what partners ask: approved, or returned with feedback. Never by who asked, or whose files they are.

A review is decided once: its row is locked, and whoever comes second is told that somebody was faster. What it is about,
the product or the price version, goes along its own table in the same transaction.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select

from app.catalog import states
from app.catalog.evidence import has_uploaded
from app.catalog.listing_events import DECIDE_REVIEWS
from app.catalog.listing_queries import evidence_sent
from app.catalog.model import Evidence, ListingReview, Metric, Plan, PriceVersion, Product
from app.catalog.price_changes import keep_notice_of_published
from app.catalog.requests import (
    EVIDENCE,
    PRICE_CHANGE,
    PRICING,
    PUBLICATION,
    nothing_of_the_entry_is_missing,
    plans_with_prices,
)
from app.catalog.rules import first_month_of_change
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_, spell
from app.parties.holding import held
from app.parties.model import Organisation

APPROVED, RETURNED = "approved", "returned"
#: the queues, by the last part of their address
QUEUES = {"pricing": (PRICING, PRICE_CHANGE), "evidence": (EVIDENCE,), "publication": (PUBLICATION,)}

LIST_KEYS = (ListingReview.submitted_at, ListingReview.id)


def approve(review_id: uuid.UUID, *, by: Viewer) -> ListingReview:
    """Yes to what was asked: prices count, evidence holds, the product is in the catalog.

    Refuses a publication for a partner that does no business here any more: it would offer what nobody delivers.
    """
    by.must(DECIDE_REVIEWS)
    with transaction():
        review, product = _undecided(review_id, by)
        match review.kind:
            case "pricing":
                _approve_pricing(product, by)
            case "price-change":
                _approve_price_change(review, product, by)
            case "evidence":
                change_state(product, states.APPROVE_EVIDENCE, by=by)
            case "publication":
                held(product.partner_id, acting="partner", field="decision")  # until then it cannot be deactivated
                nothing_of_the_entry_is_missing(product)
                keep_notice_of_published(product, by=by)
                change_state(product, states.PUBLISH, by=by, edition=product.edition)
        _decide(review, APPROVED, None, by)
    return review


def reject(review_id: uuid.UUID, *, reason: str, by: Viewer) -> ListingReview:
    """Back to the partner with feedback, who mends it and asks again."""
    by.must(DECIDE_REVIEWS)
    reason = required_feedback(reason)
    with transaction():
        review, product = _undecided(review_id, by)
        match review.kind:
            case "pricing":
                for version in _requested(plans_with_prices(product)):
                    _return_prices(version, reason, by)
                change_state(product, states.RETURN_PRICING, by=by, reason=reason)
            case "price-change":
                _return_prices(_version_of(review, product), reason, by)
                product.version += 1
            case "evidence":
                change_state(product, states.RETURN_EVIDENCE, by=by, reason=reason)
            case "publication":
                change_state(product, states.RETURN_PUBLICATION, by=by, reason=reason)
        _decide(review, RETURNED, reason, by)
    return review


@dataclass(frozen=True)
class Bulk:
    """What a bulk decision came to: decided, and left as they were because somebody was faster or they may not be."""

    decided: int
    left: int


def decide_all(review_ids: Sequence[uuid.UUID], *, reason: str | None, by: Viewer) -> Bulk:
    """Each by itself: one that cannot be decided never stops the others. `reason` None: approved, else returned with it."""
    by.must(DECIDE_REVIEWS)
    if reason is not None:
        reason = required_feedback(reason)
    decided = left = 0
    with transaction() as session:
        for review_id in review_ids:
            try:
                with session.begin_nested():
                    if reason is None:
                        approve(review_id, by=by)
                    else:
                        reject(review_id, reason=reason, by=by)
                decided += 1
            except (AlreadyDone, NotVisible, Refused):
                left += 1
    return Bulk(decided, left)


def required_feedback(text: str) -> str:
    """Feedback that the partner can act on, at most 1,000 characters."""
    reason = (text or "").strip()
    if not reason:
        raise Refused("reason", N_("Say what to mend; the partner reads it."))
    if len(reason) > 1000:
        raise Refused("reason", N_("Keep the reason below 1,000 characters."))
    return reason


def month_if_approved(version: PriceVersion, product: Product) -> BillingMonth:
    """From when a version counts if it is approved at this instant: never before the guide's rule allows."""
    now = clock.now()
    if version.number == 1:
        return BillingMonth.at(now)
    return max(version.effective_from, first_month_of_change(now, was_published=product.state in states.SHOWN))


def _approve_pricing(product: Product, by: Viewer) -> None:
    for version in _requested(plans_with_prices(product)):
        _approve_prices(version, product, by)
    change_state(product, states.APPROVE_PRICING, by=by)


def _approve_price_change(review: ListingReview, product: Product, by: Viewer) -> None:
    _approve_prices(_version_of(review, product), product, by)
    product.version += 1


def _approve_prices(version: PriceVersion, product: Product, by: Viewer) -> None:
    """In force from its month on; its metrics may be billed. Nothing that was approved before is touched."""
    month = month_if_approved(version, product)
    change_state(
        version,
        states.APPROVE,
        by=by,
        columns={"approved_at": clock.now(), "effective_from": month},
        plan=version.plan.name,
        number=version.number,
        month=spell(month),
    )
    priced = {price.metric_id for price in version.prices}
    for metric in db.session.scalars(select(Metric).where(Metric.plan_id == version.plan_id)):
        if metric.id in priced:
            metric.approved = True


def _return_prices(version: PriceVersion, reason: str, by: Viewer) -> None:
    change_state(version, states.RETURN, by=by, plan=version.plan.name, number=version.number, reason=reason)


def _requested(plans: Sequence[Plan]) -> list[PriceVersion]:
    return [version for plan in plans for version in plan.price_versions if version.state == states.REQUESTED]


def _version_of(review: ListingReview, product: Product) -> PriceVersion:
    return next(v for v in _requested(plans_with_prices(product)) if v.id == review.price_version_id)


def _undecided(review_id: uuid.UUID, by: Viewer) -> tuple[ListingReview, Product]:
    """The product first, then its review, both locked: the order in which partners lock them."""
    product = one(Product, one(ListingReview, review_id).product_id, lock=True)
    review = one(ListingReview, review_id, lock=True)
    if review.outcome is not None:
        raise AlreadyDone(review.outcome, "decide")
    if by.member_id is not None and review.submitted_by_id == by.member_id:
        raise Refused("decision", N_("You asked for this yourself; somebody else has to decide it."))
    if review.kind == EVIDENCE and by.member_id is not None:
        _refuse_own_files(evidence_sent(product.id, review.submitted_at), by.member_id)
    return review, product


def _refuse_own_files(sent: Sequence[Evidence], member_id: uuid.UUID) -> None:
    """Whoever pressed the button: one's own evidence is somebody else's to judge."""
    if has_uploaded(member_id, sent):
        raise Refused("decision", N_("You uploaded some of these files yourself; somebody else has to decide it."))


def _decide(review: ListingReview, outcome: str, reason: str | None, by: Viewer) -> None:
    review.outcome, review.reason = outcome, reason
    review.decided_by_name, review.decided_at = by.member_name, clock.now()


#: what a queue's row and a review's page show
_COLUMNS = (
    ListingReview.id,
    ListingReview.kind,
    ListingReview.product_id,
    ListingReview.price_version_id,
    ListingReview.submitted_at,
    ListingReview.submitted_by_id,
    ListingReview.submitted_by_name,
    ListingReview.outcome,
    ListingReview.reason,
    ListingReview.decided_at,
    ListingReview.decided_by_name,
    Product.name.label("product_name"),
    Product.slug.label("slug"),
    Product.summary.label("summary"),
    Organisation.name.label("partner_name"),
    Plan.name.label("plan_name"),
    PriceVersion.number.label("price_number"),
)


def reviews(kinds: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """Of these kinds, decided or not, each with what it is about."""
    return (
        select(*_COLUMNS)
        .join(Product, Product.id == ListingReview.product_id)
        .join(Organisation, Organisation.id == ListingReview.partner_id)
        .outerjoin(PriceVersion, PriceVersion.id == ListingReview.price_version_id)
        .outerjoin(Plan, Plan.id == PriceVersion.plan_id)
        .where(ListingReview.kind.in_(kinds))
    )


def waiting_reviews(queue: str, *, before: Any = None, partner_id: uuid.UUID | None = None) -> Select[*tuple[Any, ...]]:
    """What waits in a queue, for page_of(LIST_KEYS, oldest_first=True). `before`: submitted before that instant only."""
    found = reviews(QUEUES[queue]).where(ListingReview.outcome.is_(None))
    if before is not None:
        found = found.where(ListingReview.submitted_at < before)
    if partner_id is not None:
        found = found.where(ListingReview.partner_id == partner_id)
    return found


def review_page(queue: str, review_id: uuid.UUID) -> Any:
    """One row of reviews(); NotVisible where it is of another queue."""
    row = db.session.execute(reviews(QUEUES[queue]).where(ListingReview.id == review_id)).one_or_none()
    if row is None:
        raise NotVisible
    return row


def reviews_by_id(queue: str, ids: Sequence[uuid.UUID]) -> list[Any]:
    """Rows of reviews() of this queue, the oldest first; those that this viewer cannot see are left out."""
    found = reviews(QUEUES[queue]).where(ListingReview.id.in_(ids)).order_by(*LIST_KEYS)
    return list(db.session.execute(found))


def partners_waiting(queue: str) -> dict[uuid.UUID, str]:
    """Partners with something in the queue, by name, for its filter."""
    waiting = select(ListingReview.partner_id).where(
        ListingReview.kind.in_(QUEUES[queue]), ListingReview.outcome.is_(None)
    )
    rows = db.session.execute(
        select(Organisation.id, Organisation.name)
        .where(Organisation.id.in_(waiting))
        .order_by(Organisation.name)
        .limit(200)
    )
    return {row.id: row.name for row in rows}


def waiting_number(queue: str, viewer: Viewer) -> Any:
    """How many wait for this member, as a bounded scalar subquery."""
    some = (
        select(ListingReview.id)
        .where(
            ListingReview.kind.in_(QUEUES[queue]),
            ListingReview.outcome.is_(None),
            or_(ListingReview.submitted_by_id.is_(None), ListingReview.submitted_by_id != viewer.member_id),
        )
        .limit(100)
        .subquery()
    )
    return select(func.count()).select_from(some).scalar_subquery()
