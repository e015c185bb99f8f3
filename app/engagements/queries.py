"""Reading engagements: light rows for lists, one row with its names for a page. The tenancy listener does the rest."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from app.catalog.model import Plan, Product
from app.engagements import states
from app.engagements.model import CompletionRequest, Engagement
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer
from app.foundation.text import folded
from app.parties.model import Organisation

Customer = aliased(Organisation, name="customer")
Partner = aliased(Organisation, name="partner")

#: what a list's row shows; ordered by (requested_at, id)
LIST_COLUMNS = (
    Engagement.id,
    Engagement.number,
    Engagement.name,
    Engagement.state,
    Engagement.instance_state,
    Engagement.requested_at,
    Engagement.active_from,
    Engagement.ended_at,
    Customer.name.label("customer_name"),
    Partner.name.label("partner_name"),
    Product.name.label("product_name"),
    Plan.name.label("plan_name"),
)
LIST_KEYS = (Engagement.requested_at, Engagement.id)
#: of a search; what follows is left out
MOST_WORDS = 8


def engagements(
    *,
    states_wanted: Sequence[str] = (),
    product_id: uuid.UUID | None = None,
    customer_id: uuid.UUID | None = None,
    plan_id: uuid.UUID | None = None,
    requested_in: BillingMonth | None = None,
    search: str = "",
) -> Select[*tuple[Any, ...]]:
    """The filtered list for page_of(LIST_KEYS) and the streamed exports.

    `search`: each of its words stands somewhere in number, name, client or product; case and accents do not count. The
    list is read along its own index up to a full page: a frequent word costs a page, and a word that stands nowhere one
    pass over the viewer's own engagements, under a microsecond each on SQLite.
    """
    found = (
        select(*LIST_COLUMNS)
        .join(Customer, Customer.id == Engagement.customer_id)
        .join(Partner, Partner.id == Engagement.partner_id)
        .join(Product, Product.id == Engagement.product_id)
        .join(Plan, Plan.id == Engagement.plan_id)
    )
    if states_wanted:
        found = found.where(Engagement.state.in_(states_wanted))
    if product_id:
        found = found.where(Engagement.product_id == product_id)
    if customer_id:
        found = found.where(Engagement.customer_id == customer_id)
    if plan_id:
        found = found.where(Engagement.plan_id == plan_id)
    if requested_in:
        found = found.where(
            and_(
                Engagement.requested_at >= requested_in.starts_at, Engagement.requested_at < requested_in.next.starts_at
            )
        )
    for word in folded(search).split()[:MOST_WORDS]:
        found = found.where(_has(word))
    return found


def _has(word: str) -> ColumnElement[bool]:
    """Clients and products are few and looked through once, so that a row is decided by its own columns, before any join."""
    clients = select(Organisation.id).where(Organisation.search_name.contains(word, autoescape=True))
    products = select(Product.id).where(Product.search_name.contains(word, autoescape=True))
    return or_(
        Engagement.search_text.contains(word, autoescape=True),
        Engagement.customer_id.in_(clients),
        Engagement.product_id.in_(products),
    )


@dataclass(frozen=True)
class EngagementPage:
    """One engagement with the names its pages show."""

    engagement: Engagement
    customer_name: str
    partner_name: str
    product_name: str
    plan_name: str


def engagement_page(engagement_id: uuid.UUID) -> EngagementPage:
    """NotVisible when this viewer has no such engagement."""
    row = db.session.execute(
        select(Engagement, Customer.name, Partner.name, Product.name, Plan.name)
        .join(Customer, Customer.id == Engagement.customer_id)
        .join(Partner, Partner.id == Engagement.partner_id)
        .join(Product, Product.id == Engagement.product_id)
        .join(Plan, Plan.id == Engagement.plan_id)
        .where(Engagement.id == engagement_id)
    ).one_or_none()
    if row is None:
        raise NotVisible
    return EngagementPage(*row)


def open_completion_request(engagement_id: uuid.UUID) -> CompletionRequest | None:
    return db.session.scalar(
        select(CompletionRequest).where(
            CompletionRequest.engagement_id == engagement_id, CompletionRequest.state == states.OPEN
        )
    )


def completion_requests(engagement_id: uuid.UUID) -> Sequence[CompletionRequest]:
    """Every request ever made, newest first."""
    return db.session.scalars(
        select(CompletionRequest)
        .where(CompletionRequest.engagement_id == engagement_id)
        .order_by(CompletionRequest.asked_at.desc())
    ).all()


def counts_by_product() -> Sequence[Row[*tuple[Any, ...]]]:
    """(product_id, state, count) of current engagements, for My products."""
    return db.session.execute(
        select(Engagement.product_id, Engagement.state, func.count(Engagement.id).label("count"))
        .where(Engagement.state.in_(states.CURRENT))
        .group_by(Engagement.product_id, Engagement.state)
    ).all()


#: My products counts no further.
MOST_COUNTED = 1000


def products_with_counts(partner_id: uuid.UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """The partner's products by name, at most 200, with how many current engagements each has in which state.

    Each count ends at MOST_COUNTED, so that the page costs the same however many there are.
    """
    return db.session.execute(
        select(
            Product.id,
            Product.name,
            Product.category,
            Product.summary,
            Product.state.label("product_state"),
            *(_few_in(state).label(state) for state in states.CURRENT),
        )
        .where(Product.partner_id == partner_id)
        .order_by(Product.name)
        .limit(200)
    ).all()


def _few_in(state: str) -> Any:
    few = (
        select(Engagement.id).where(Engagement.product_id == Product.id, Engagement.state == state).limit(MOST_COUNTED)
    )
    return select(func.count()).select_from(few.correlate(Product).subquery()).scalar_subquery()


def counts_by_state() -> dict[str, int]:
    """Current engagements of this viewer by state."""
    rows = db.session.execute(
        select(Engagement.state, func.count(Engagement.id))
        .where(Engagement.state.in_(states.CURRENT))
        .group_by(Engagement.state)
    )
    return {row[0]: row[1] for row in rows}


def clients(limit: int = 200) -> Sequence[Row[*tuple[Any, ...]]]:
    """(id, name) of organisations this viewer has engagements with, for the client filter."""
    return db.session.execute(
        select(Customer.id, Customer.name)
        .where(Customer.id.in_(select(Engagement.customer_id)), Customer.is_customer)
        .order_by(Customer.name)
        .limit(limit)
    ).all()


def waiting_for(viewer: Viewer, limit: int = 50) -> Sequence[Row[*tuple[Any, ...]]]:
    """What waits for this member: requests to decide, completion requests to answer. Oldest first."""
    wanted = []
    if viewer.may("engagement:decide"):
        wanted.append(states.PENDING)
    if viewer.may("engagement:complete"):
        wanted.append(states.COMPLETION_REQUESTED)
    if not wanted:
        return []
    since = func.coalesce(CompletionRequest.asked_at, Engagement.requested_at).label("since")
    return db.session.execute(
        select(
            Engagement.id,
            Engagement.number,
            Engagement.name,
            Engagement.state,
            Customer.name.label("customer_name"),
            since,
        )
        .join(Customer, Customer.id == Engagement.customer_id)
        .outerjoin(
            CompletionRequest,
            and_(CompletionRequest.engagement_id == Engagement.id, CompletionRequest.state == states.OPEN),
        )
        .where(Engagement.state.in_(wanted))
        .order_by(since)
        .limit(limit)
    ).all()


def waiting_count(viewer: Viewer) -> tuple[str, Any] | None:
    """(path, scalar subquery) for the side menu's count, bounded so that it never counts a large table."""
    wanted = [
        state
        for state, permission in (
            (states.PENDING, "engagement:decide"),
            (states.COMPLETION_REQUESTED, "engagement:complete"),
        )
        if viewer.may(permission)
    ]
    if viewer.capacity != "partner" or not wanted:
        return None
    some = select(Engagement.id).where(Engagement.state.in_(wanted)).limit(100).subquery()
    return "/engagements", select(func.count()).select_from(some).scalar_subquery()
