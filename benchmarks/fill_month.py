"""`python -m benchmarks.fill_month SIZE`: a month of SIZE charge lines that waits for its close, by bulk inserts.

On top of the demo's year, in a month that nothing else was done in: LINES entries an engagement, rated, with their groups, charge
lines, month sums and chains of history, which all tie, as the close wants them.
"""

import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from app.billing import states
from app.billing.events import SUBMITTED
from app.billing.model import BillingEntry, RatingGroup
from app.billing.standing import line_of
from app.catalog.model import Programme
from app.catalog.queries import remuneration_of
from app.charges.actions import book_lines
from app.engagements.model import Engagement
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.history_in_bulk import record_many
from app.foundation.tenancy import current
from benchmarks import fill
from benchmarks.fill import Ground, in_batches, parties, put

#: whose programmes are billed: a book closes by itself
BOOK, MONTH = "reject-after-grace", BillingMonth(2024, 3)
LINES = 20
WORK = datetime(2024, 3, 4, 9, tzinfo=UTC)
#: so that their requests lie before the month
STEP = timedelta(seconds=1)


class Month(Ground):
    """Entries of an hour to twenty at 150.00, in quarters: eighty amounts."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.programmes = {
            row.id: row for row in db.session.scalars(select(Programme).where(Programme.cut_off == BOOK))
        }
        self.offers = [plan for plans in self.plans.values() for plan in plans if plan.programme_id in self.programmes]

    def _clients(self) -> int:
        return min(fill.MOST_CLIENTS, max(20, self.size // (LINES * 20)))

    def engagements_of_plans(self) -> Iterator[tuple[dict[str, Any], Any]]:
        for place in range(self.size // LINES):
            plan = self.dice.choice(self.offers)
            yield (
                self._engagement(
                    plan, self.dice.choice(self.clients), "active", place, WORK - timedelta(30) + STEP * place
                ),
                plan,
            )

    def entries_of(self, engagement: dict[str, Any], plan: Any) -> list[dict[str, Any]]:
        hours = Decimal(0)
        made = []
        for sequence in range(1, LINES + 1):
            entry = self.entry(engagement, plan, f"BE-M{engagement['number'][4:]}-{sequence}", WORK, sequence)
            quantity = Decimal(self.dice.randint(4, 80)) / 4
            made.append(entry | {
                "service_month": MONTH, "booked_month": MONTH, "quantity": quantity, "amount_minor": int(quantity * 15_000),
                "quantity_before": hours, "quantity_after": hours + quantity,
            })  # fmt: skip
            hours += quantity
        return made

    def line(self, entry: dict[str, Any]) -> dict[str, Any]:
        programme = self.programmes[entry["programme_id"]]
        amounts = line_of(SimpleNamespace(**entry), remuneration_of(programme), programme.tax_percent)
        return {
            **parties(entry), "programme_id": programme.id, "description": f"Hours, {entry['number']}", "service_month": MONTH,
            "booked_month": MONTH, "currency": entry["currency"], "gross_minor": amounts.gross, "due_minor": amounts.due,
            "tax_minor": amounts.tax, "source_kind": "billing-entry", "source_id": entry["id"], "created_at": WORK,
        }  # fmt: skip


def group_of(entries: list[dict[str, Any]]) -> dict[str, Any]:
    first = entries[0]
    return {
        "id": uuid.uuid4(), "quantity": entries[-1]["quantity_after"], "amount_minor": sum(one["amount_minor"] for one in entries),
        "entries": len(entries), **{name: first[name] for name in ("engagement_id", "metric_id", "service_month")}, **parties(first),
    }  # fmt: skip


def fill_month(size: int) -> None:
    ground = Month(size)
    put(fill.Organisation, ground.organisations())
    put(fill.PartnerCustomer, ground.relations())
    offers = ground.engagements_of_plans()
    while some := list(islice(offers, fill.BATCH // LINES)):
        put(Engagement, [engagement for engagement, _ in some])
        booked = [ground.entries_of(engagement, plan) for engagement, plan in some]
        put(BillingEntry, (entry for its in booked for entry in its))
        put(RatingGroup, map(group_of, booked))
        for together in in_batches(ground.line(entry) for its in booked for entry in its):
            with transaction():
                book_lines(together)
        with transaction():
            told = [(_light(engagement), _facts(its[0])) for (engagement, _), its in zip(some, booked, strict=True)]
            record_many(told, SUBMITTED, by=current(), to_state=states.SUBMITTED)


def _light(engagement: dict[str, Any]) -> Any:
    names = ("seller_id", "partner_id", "customer_id")
    return SimpleNamespace(
        id=engagement["id"], is_test=False, history_subject=lambda: ("engagement", engagement["id"]),
        history_parties=lambda: {name: engagement[name] for name in names}, **{name: engagement[name] for name in names},
    )  # fmt: skip


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    return {"number": entry["number"], "quantity": f"{entry['quantity']:f}", "unit": "h", "month": str(MONTH)}


if __name__ == "__main__":
    fill.main(int(sys.argv[1]), fill_month)
