"""`python -m benchmarks.rating_ground SIZE`: fills the database of DATABASE_URL with SIZE submitted entries, none of them rated.

On top of the demo's year: engagements on every published plan that is priced per unit or graduated, 1 to 50 entries each, all of
one month and one metric, submitted one group after the other as a partner's batches are. With their history, so that
`flask check all` holds before and after.
"""

import sys
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, islice
from random import Random
from typing import Any

from sqlalchemy import select

from app.billing.events import SUBMITTED
from app.billing.model import BillingEntry
from app.catalog.model import Plan, Product, Programme
from app.catalog.queries import PricedMetric, prices_of_plans
from app.engagements.events import CREATED
from app.engagements.model import Engagement, searched
from app.foundation import bulk, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.chains import COLUMNS, Chain
from app.foundation.database import db, transaction
from app.foundation.history import History, HistoryHead, facts_of
from app.parties.model import Organisation
from benchmarks.fill import main

MODELS = ("per_unit", "graduated")
MOST_IN_GROUP = 50
#: engagements in one transaction, so that memory stays flat
GROUPS = 1_000

ENGAGEMENT = (
    "id", "number", "product_id", "plan_id", "name", "contact_number", "additional_information", "custom_parameters",
    "catalog_edition", "state", "instance_state", "requested_by_name", "requested_at", "active_from", "version", "seller_id",
    "partner_id", "customer_id", "is_test", "search_text",
)  # fmt: skip
ENTRY = (
    "id", "number", "kind", "engagement_id", "programme_id", "metric_id", "service_month", "booked_month", "quantity", "notes",
    "state", "submitted_by_name", "submitted_at", "currency", "tries", "version", "seller_id", "partner_id", "customer_id",
    "is_test",
)  # fmt: skip
HEAD = ("subject_kind", "subject_id", "length", "hash")


class Offer:
    """A plan with the metric that is billed on it, and what it is sold under."""

    def __init__(self, plan: Plan, product: Product, priced: PricedMetric) -> None:
        assert priced.version is not None
        self.plan_id, self.product_id, self.programme_id = plan.id, product.id, product.programme_id
        self.seller_id, self.partner_id = product.seller_id, product.partner_id
        self.metric_id, self.unit, self.step = priced.metric.id, priced.metric.unit, priced.metric.step
        self.currency = priced.version.currency


def offers(month: BillingMonth) -> list[Offer]:
    """Of programmes without a quiet window, so that the figure can be taken at any hour."""
    plans = (
        select(Plan, Product)
        .join(Product, Product.id == Plan.product_id)
        .join(Programme, Programme.id == Product.programme_id)
        .where(Product.state == "published", Programme.cut_off == "reject-after-grace")
        .order_by(Product.name, Plan.position)
    )
    rows = db.session.execute(plans).all()
    prices = prices_of_plans(plan.id for plan, _ in rows)
    found = []
    for plan, product in rows:
        for priced in prices[plan.id].in_month(month):
            if (
                priced.billable
                and priced.tariff
                and priced.tariff.model in MODELS
                and priced.metric.month_limit is None
            ):
                found.append(Offer(plan, product, priced))
                break
    return found


class Rows:
    """The rows of some engagements, drawn by dice that fall the same way each time."""

    def __init__(self, size: int) -> None:
        self.left, self.dice, self.numbers = size, Random(size), count()
        self.month = BillingMonth.at(clock.now())
        self.began, self.submitted = self.month.starts_at, clock.now() - timedelta(hours=1)
        self.offers = offers(self.month)
        client = select(Organisation.id).where(Organisation.name.startswith("Acme"))
        self.client: uuid.UUID = db.session.scalars(client).one()
        self.entries_made = 0

    def groups(self) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]], Chain, list[tuple[Any, ...]]]]:
        """An engagement, its entries, its chain and the rows of it."""
        while self.left:
            place, size = next(self.numbers), min(self.dice.randint(1, MOST_IN_GROUP), self.left)
            self.left -= size
            yield self._group(place, self.offers[place % len(self.offers)], size)

    def _group(self, place: int, offer: Offer, size: int) -> Any:
        number, name = f"ENG-R{place:07d}", f"Rated {place}"
        parties = (offer.seller_id, offer.partner_id, self.client)
        at = self.submitted + timedelta(microseconds=100) * self.entries_made
        engagement: tuple[Any, ...] = (
            self._id(at, place, 1), number, offer.product_id, offer.plan_id, name, "+1 555 010 2030", "", [], 1, "active", "active",
            "Dot Hale", self.began, self.began, 1, *parties, False, searched(number, name),
        )  # fmt: skip
        chain = Chain("engagement", engagement[0], seller_id=parties[0], partner_id=parties[1], customer_id=parties[2])
        created = facts_of(CREATED, {"plan": "Standard", "product": "Rated", "client": "Acme", "mailed_to": ""})
        told = [chain.grow(CREATED, self.began, None, "system", None, "active", None, created)]
        entries = []
        for _ in range(size):
            entry = self._entry(engagement[0], offer, parties)
            facts = {"number": entry[1], "quantity": f"{entry[8]:f}", "unit": offer.unit, "month": str(self.month)}
            entries.append(entry)
            told.append(
                chain.grow(
                    SUBMITTED, entry[12], None, "system", None, "submitted", entry[0], facts_of(SUBMITTED, facts)
                )
            )
        return engagement, entries, chain, told

    def _entry(self, engagement_id: uuid.UUID, offer: Offer, parties: tuple[Any, ...]) -> tuple[Any, ...]:
        place = self.entries_made
        self.entries_made += 1
        at = self.submitted + timedelta(microseconds=100) * place
        return (
            self._id(at, place, 2), f"BE-R{place:07d}", "entry", engagement_id, offer.programme_id, offer.metric_id, self.month,
            self.month, offer.step * self.dice.randint(1, 160), "", "submitted", "Ada Marsh", at, offer.currency, 0, 1, *parties,
            False,
        )  # fmt: skip

    def _id(self, at: datetime, place: int, kind: int) -> uuid.UUID:
        """Version 7, as the portal makes them: what is younger sorts behind."""
        millis = int(at.timestamp() * 1000)
        return uuid.UUID(int=(millis << 80) | (0x7 << 76) | (0b10 << 62) | (kind << 48) | place)


def fill(size: int) -> None:
    groups = Rows(size).groups()
    while some := list(islice(groups, GROUPS)):
        with transaction():
            bulk.insert(Engagement, ENGAGEMENT, (one[0] for one in some))
            bulk.insert(BillingEntry, ENTRY, (entry for one in some for entry in one[1]))
            bulk.insert(History, COLUMNS, (row for one in some for row in one[3]))
            heads = ((one[2].kind, one[2].subject_id, one[2].length, one[2].hash) for one in some)
            bulk.insert(HistoryHead, HEAD, heads)


if __name__ == "__main__":
    main(int(sys.argv[1]), fill)
