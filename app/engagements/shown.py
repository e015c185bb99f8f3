"""One engagement as its tabs show it: plain values in one kept select, equal where they show the same, so pages are kept by them.

Who changes an engagement reads the row itself (engagement_page, tenancy.one); these are for looking.
"""

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, Uuid, and_, bindparam

from app.catalog.model import Plan, Product
from app.engagements import states
from app.engagements.model import CompletionRequest, Engagement
from app.engagements.queries import Customer, Partner
from app.foundation.database import one_of


class EngagementShown(NamedTuple):
    """What pages of every tab ask of it, called as the row's own columns are."""

    id: uuid.UUID
    number: str
    name: str
    state: str
    instance_state: str
    is_test: bool
    product_id: uuid.UUID
    plan_id: uuid.UUID
    partner_id: uuid.UUID
    requested_at: datetime
    active_from: datetime | None
    ended_at: datetime | None


class Particulars(NamedTuple):
    """What its Details show besides: what the client asked for, and why it was refused."""

    contact_number: str
    additional_information: str
    #: as Engagement has them
    custom_parameters: list[dict[str, Any]]
    catalog_edition: int
    requested_by_name: str
    reason: str | None


class OpenRequest(NamedTuple):
    """The client's wish to complete it, while it is open."""

    asked_at: datetime
    asked_by_name: str
    wish: str


AnyEngagement = Engagement | EngagementShown

ENGAGEMENT_ID = bindparam("engagement_id", type_=Uuid())
#: the names that stand beside it
NAMES = (
    Customer.name.label("customer_name"),
    Partner.name.label("partner_name"),
    Product.name.label("product_name"),
    Plan.name.label("plan_name"),
)


def of_one_engagement(columns: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The columns, of the engagement and of what NAMES are of, for the engagement whose id the statement is asked with."""
    return (
        columns.join_from(Engagement, Customer, Customer.id == Engagement.customer_id)
        .join(Partner, Partner.id == Engagement.partner_id)
        .join(Product, Product.id == Engagement.product_id)
        .join(Plan, Plan.id == Engagement.plan_id)
        .where(Engagement.id == ENGAGEMENT_ID)
    )


OPEN_REQUEST = tuple(getattr(CompletionRequest, name) for name in OpenRequest._fields)
PARTICULARS = tuple(getattr(Engagement, name) for name in Particulars._fields)


def with_open_request(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """With PARTICULARS and, None each without one, OPEN_REQUEST behind its columns: for particulars_of()."""
    its_open = and_(CompletionRequest.engagement_id == Engagement.id, one_of(CompletionRequest.state, (states.OPEN,)))
    return found.outerjoin(CompletionRequest, its_open).add_columns(*PARTICULARS, *OPEN_REQUEST)


def particulars_of(row: Any) -> tuple[Particulars, OpenRequest | None]:
    particulars = Particulars._make(getattr(row, name) for name in Particulars._fields)
    asked = OpenRequest._make(getattr(row, name) for name in OpenRequest._fields)
    return particulars, asked if asked.asked_at else None


def taken_apart(row: Any, *kinds: Any) -> list[Any]:
    """A row's beginning as one tuple of each kind, in their order, and the rest of it behind."""
    parts, begin = [], 0
    for kind in kinds:
        end = begin + len(kind._fields)
        parts.append(kind._make(row[begin:end]))
        begin = end
    return [*parts, *row[begin:]]
