"""What a batch of billing entries stands on, read in a fixed number of statements: engagements, prices, months, keys."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.billing.model import BillingEntry
from app.billing.provisional import Group, months_reached
from app.billing.rules import Terms
from app.catalog.model import Programme
from app.catalog.queries import PlanPrices, PricedMetric, prices_of_plans, programmes_of
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.tenancy import Viewer, acting_for_all
from app.months.actions import hold as hold_month
from app.months.actions import is_reopened
from app.months.model import Month
from app.months.queries import rows_of

if TYPE_CHECKING:
    from app.billing.batch import Line


@dataclass(frozen=True)
class Spent:
    """A record key that has made its entry. `number` is empty while that entry is still on its way in this batch."""

    digest: str
    entry_id: uuid.UUID
    number: str


@dataclass
class OpenGroup:
    """A metric's month that the batch may bill in: what its lines have in common."""

    engagement: Engagement
    programme: Programme
    priced: PricedMetric
    terms: Terms
    step: Decimal
    #: an amount above it waits for a person
    threshold: Money | None
    #: what the month will hold before the next line
    reached: Decimal
    #: what that comes to, once a line was rated
    costs: Decimal | None = None
    #: the row of its first line; another one's differs in what that line says
    row: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ground:
    """`open` and `spent` move along while the batch is judged; the rest stands still."""

    now: datetime
    #: those this viewer may see; what is missing here is not there
    engagements: dict[uuid.UUID, Engagement]
    #: by product id
    programmes: dict[uuid.UUID, Programme]
    #: by plan id
    prices: dict[uuid.UUID, PlanPrices]
    #: (book, month) -> its row, which has a say beside the clock
    months: dict[tuple[str, BillingMonth], Month]
    #: engagement id -> (metric, month) -> what the month will hold before the first line
    reached: dict[uuid.UUID, dict[Group, Decimal]]
    spent: dict[str, Spent] = field(default_factory=dict)
    #: (engagement id, metric id, month) of lines so far
    open: dict[tuple[uuid.UUID, uuid.UUID, BillingMonth], OpenGroup] = field(default_factory=dict)


def ground_of(lines: Sequence["Line"], *, by: Viewer, hold: bool) -> Ground:
    """`hold`: engagements and months are locked until the transaction ends, in the order a single submit takes them.

    The instant that counts is read while the months are held, as in submit().
    """
    found = select(Engagement).where(Engagement.id.in_({line.engagement_id for line in lines})).order_by(Engagement.id)
    if hold:
        found = found.with_for_update()
    rows = db.session.scalars(found.execution_options(populate_existing=True)).all()
    programmes = programmes_of((row.product_id for row in rows), hold=hold)
    books = {programme.cut_off for programme in programmes.values()}
    months = _months(product(books, {line.draft.month for line in lines}), hold=hold)
    now = clock.now()
    prices = prices_of_plans(row.plan_id for row in rows)
    return Ground(
        now=now,
        engagements={row.id: row for row in rows},
        programmes=programmes,
        prices=prices,
        months=months,
        reached=months_reached(rows, prices),
        spent=_spent([line.key for line in lines], by),
    )


def _months(wanted: Iterable[tuple[str, BillingMonth]], *, hold: bool) -> dict[tuple[str, BillingMonth], Month]:
    """The rows of these months. Only months around now, and reopened ones, can be open at all; no row is made for others."""
    asked, here = set(wanted), BillingMonth.at(clock.now())
    near = {(book, month) for book, month in asked if here.previous <= month <= here.next}
    rows: dict[tuple[str, BillingMonth], Month] = {}
    for book in {book for book, _ in asked}:  # a book at a time; held ones are read as they are held
        read = [month for of, month in asked - near if of == book] if hold else [m for of, m in asked if of == book]
        rows |= {(book, month): row for month, row in rows_of(book, read).items()}
    if hold:
        reopened = {one for one, row in rows.items() if is_reopened(row)}
        rows |= {(book, month): hold_month(book, month) for book, month in sorted(near | reopened)}
    return rows


def _spent(keys: Iterable[str], by: Viewer) -> dict[str, Spent]:
    """The organisation's records of these keys, from entries in every state, tests included: once means once."""
    askable = {key for key in keys if key.isprintable()}
    with acting_for_all("a spent record key is spent, whoever may see its entry"):
        rows = db.session.execute(
            select(BillingEntry.record_key, BillingEntry.record_digest, BillingEntry.id, BillingEntry.number).where(
                BillingEntry.partner_id == by.organisation_id, BillingEntry.record_key.in_(askable)
            )
        ).all()
    return {str(key): Spent(str(digest), entry_id, number) for key, digest, entry_id, number in rows}
