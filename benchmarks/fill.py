"""`python -m benchmarks.fill SIZE`: fills the database of DATABASE_URL for the lists, by bulk inserts and the same every time.

The demo's year comes first, so that somebody can sign in and every screen has something. On top of it SIZE engagements over
two years, three of five Northbridge's and one of ten Acme's, each second one with a rated entry; and one engagement with
ENTRIES entries and their history.
"""

import random
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import insert, select

from app import create_app
from app.billing.events import SUBMITTED
from app.billing.model import BillingEntry, RatingGroup
from app.catalog.model import Metric, Plan, Product
from app.charges.model import ChargeLine
from app.charges.month_sums import MonthSums
from app.commands.demo import seed_if_empty
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.history_in_bulk import record_many
from app.foundation.tenancy import acting_for_all, current
from app.foundation.text import folded
from app.parties.model import Organisation, PartnerCustomer

ENTRIES = 10_000
BIG = "Ten thousand entries"
MOST_CLIENTS = 2_000
BATCH = 5_000
#: of a thousand engagements
SHARES = {
    states.ACTIVE: 700, states.PENDING: 10, states.COMPLETION_REQUESTED: 20,
    states.COMPLETE: 220, states.REJECTED: 20, states.WITHDRAWN: 20, states.DELETED: 10,
}  # fmt: skip
WORDS = [
    "archive",
    "backup",
    "claims",
    "depot",
    "exchange",
    "fleet",
    "gateway",
    "harbour",
    "index",
    "journal",
    "kiosk",
    "ledger",
    "mill",
    "network",
]
YEARS = timedelta(days=730)


class Ground:
    """What the rows hang on, read once, and dice that fall the same way each time."""

    def __init__(self, size: int) -> None:
        self.size, self.dice, self.now = size, random.Random(size), clock.now()
        organisations = db.session.scalars(
            select(Organisation).order_by(Organisation.created_at, Organisation.id)
        ).all()
        by_name = {one.name.split()[0]: one for one in organisations}
        self.operator = next(one.id for one in organisations if one.is_operator)
        self.acme = by_name["Acme"].id
        self.plans: dict[str, list[Any]] = {"Northbridge": [], "Contrail": []}
        plans = select(Plan.id, Plan.product_id, Product.partner_id, Product.programme_id, Metric.id.label("metric_id"))
        plans = plans.join(Product, Product.id == Plan.product_id).join(Metric, Metric.plan_id == Plan.id)
        for row in db.session.execute(
            plans.where(Product.state == "published", Metric.position == 1).order_by(Plan.id)
        ):
            for name, its in self.plans.items():
                if by_name[name].id == row.partner_id:
                    its.append(row)
        self.clients = [uuid.UUID(int=self.dice.getrandbits(128), version=4) for _ in range(self._clients())]

    def _clients(self) -> int:
        return min(MOST_CLIENTS, max(20, self.size // 20))

    def organisations(self) -> Iterator[dict[str, Any]]:
        for number, client in enumerate(self.clients):
            name = f"{self.dice.choice(WORDS).title()} {number:05d} Ltd"
            yield {
                "id": client, "name": name, "is_operator": False, "is_partner": False, "is_customer": True, "zone": "UTC",
                "created_at": self.now - YEARS, "version": 1, "search_name": folded(name),
            }  # fmt: skip

    def relations(self) -> Iterator[dict[str, Any]]:
        for client in self.clients:
            for plans in self.plans.values():
                yield {
                    "id": uuid.uuid4(), "partner_id": plans[0].partner_id, "customer_id": client, "since": self.now - YEARS
                }  # fmt: skip

    def engagements(self) -> Iterator[dict[str, Any]]:
        kinds, weights = list(SHARES), list(SHARES.values())
        step = YEARS / self.size
        for place in range(self.size):
            plan = self.dice.choice(self.plans["Northbridge" if self.dice.random() < 0.6 else "Contrail"])
            client = self.acme if self.dice.random() < 0.1 else self.dice.choice(self.clients)
            state = self.dice.choices(kinds, weights)[0]
            yield self._engagement(plan, client, state, place, self.now - YEARS + step * place)

    def _engagement(self, plan: Any, client: uuid.UUID, state: str, place: int, at: Any) -> dict[str, Any]:
        number, name = f"ENG-{place + 100_000}", f"{self.dice.choice(WORDS).title()} {self.dice.choice(WORDS)} {place}"
        begun = state not in (states.PENDING, states.REJECTED, states.WITHDRAWN)
        return {
            "id": self._id(at, place), "number": number, "name": name, "search_text": folded(f"{number} {name}"),
            "product_id": plan.product_id, "plan_id": plan.id, "contact_number": "+1 555 010 2030",
            "additional_information": "", "custom_parameters": [], "catalog_edition": 1, "state": state,
            "instance_state": states.INSTANCE_ACTIVE, "requested_by_name": "Dot Hale", "requested_at": at,
            "active_from": at + timedelta(hours=1) if begun else None,
            "ended_at": at + timedelta(days=3) if state in states.PAST else None, "version": 1,
            "seller_id": self.operator, "partner_id": plan.partner_id, "customer_id": client, "is_test": False,
        }  # fmt: skip

    def entry(self, engagement: dict[str, Any], plan: Any, number: str, at: Any, sequence: int = 1) -> dict[str, Any]:
        """Rated by the machine: one hour at 150.00."""
        month = BillingMonth.at(at)
        return {
            "id": uuid.uuid4(), "number": number, "kind": "entry", "engagement_id": engagement["id"],
            "programme_id": plan.programme_id, "metric_id": plan.metric_id, "service_month": month, "booked_month": month,
            "quantity": Decimal(1), "notes": self.dice.choice(WORDS), "state": "rated", "submitted_by_name": "Ada Marsh",
            "submitted_at": at, "rated_at": at, "rated_by_name": "system", "amount_minor": 15_000, "currency": "USD",
            "quantity_before": Decimal(sequence - 1), "quantity_after": Decimal(sequence), "rated_sequence": sequence,
            "tries": 0, "version": 1, **parties(engagement),
        }  # fmt: skip

    def _id(self, at: Any, place: int) -> uuid.UUID:
        """Version 7, as the portal makes them: what is younger sorts behind."""
        millis = int(at.timestamp() * 1000)
        return uuid.UUID(int=(millis << 80) | (0x7 << 76) | (0b10 << 62) | place)


def parties(engagement: dict[str, Any]) -> dict[str, Any]:
    return {name: engagement[name] for name in ("seller_id", "partner_id", "customer_id", "is_test")}


def group_of(entry: dict[str, Any], entries: int = 1) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(), "quantity": Decimal(entries), "amount_minor": 15_000 * entries, "entries": entries,
        **{name: entry[name] for name in ("engagement_id", "metric_id", "service_month")}, **parties(entry),
    }  # fmt: skip


def line_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(), "description": f"Hours, {entry['number']}", "gross_minor": 15_000, "due_minor": 12_000,
        "tax_minor": 0, "source_kind": "billing-entry", "source_id": entry["id"], "created_at": entry["rated_at"],
        **{name: entry[name] for name in ("programme_id", "service_month", "booked_month", "currency")}, **parties(entry),
    }  # fmt: skip


def fill(size: int) -> None:
    ground = Ground(size)
    put(Organisation, ground.organisations())
    put(PartnerCustomer, ground.relations())
    plan_of = {plan.id: plan for plans in ground.plans.values() for plan in plans}
    for some in in_batches(ground.engagements()):
        put(Engagement, some)
        billed = [one for one in some if one["active_from"]][::2]
        entries = [
            ground.entry(one, plan_of[one["plan_id"]], f"BE-L{one['number'][4:]}", one["active_from"]) for one in billed
        ]
        put(BillingEntry, entries)
        put(RatingGroup, map(group_of, entries))
        put_lines(map(line_of, entries))
    a_big_one(ground)


def a_big_one(ground: Ground) -> None:
    """ENTRIES entries in twelve months, and the history that says so."""
    plan = ground.plans["Northbridge"][0]
    row = ground._engagement(plan, ground.acme, states.ACTIVE, ground.size, ground.now - timedelta(days=400))
    row |= {"name": BIG, "search_text": folded(f"{row['number']} {BIG}")}
    put(Engagement, [row])
    entries = []
    for place in range(ENTRIES):
        at = ground.now - timedelta(days=360) + timedelta(minutes=50) * place
        entries.append(ground.entry(row, plan, f"BE-T{place:05d}", at, sequence=place + 1))
    put(BillingEntry, entries)
    put_lines(map(line_of, entries))
    months = [entry["service_month"] for entry in entries]
    put(RatingGroup, [group_of(entries[months.index(month)], months.count(month)) for month in sorted(set(months))])
    engagement = db.session.scalars(select(Engagement).where(Engagement.id == row["id"])).one()
    facts = [
        {"number": entry["number"], "quantity": "1", "unit": "h", "month": str(entry["service_month"])}
        for entry in entries
    ]
    for some in in_batches(facts):
        with transaction():
            record_many([(engagement, told) for told in some], SUBMITTED, by=current())


def put_lines(lines: Iterable[dict[str, Any]]) -> None:
    """With what they come to in their months."""
    sums = MonthSums()
    put(ChargeLine, map(sums.counted, lines))
    with transaction():
        sums.write()


def put(model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    for some in in_batches(rows):
        with transaction() as session:
            session.execute(insert(model), some)


def in_batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while some := list(islice(left, BATCH)):
        yield some


def main(size: int, fill: Callable[[int], None] = fill) -> None:
    """A portal with its demo, and on top of it what `fill` makes of so many."""
    app = create_app()
    with app.app_context():
        from flask_migrate import upgrade

        upgrade()
    seed_if_empty(app)
    with app.app_context(), acting_for_all("what a figure stands on"):
        if size:
            fill(size)
        db.session.remove()
        if db.engine.dialect.name == "postgresql":  # as its autovacuum does by itself; nothing does on SQLite
            with db.engine.begin() as connection:
                connection.exec_driver_sql("ANALYZE")


if __name__ == "__main__":
    main(int(sys.argv[1]))
