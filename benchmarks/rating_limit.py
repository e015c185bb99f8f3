"""Figure `rating`'s limit: a few set-based statements that write the rows which the portal's job writes, in one transaction.

Amounts, quantities, sequences, charge lines, sums of groups and months, events with their facts, and announcements are the job's, to
the minor unit; only ids and hashes are made up, in order and of the same length. No tenant is asked, no rule says no, and no chain is
hashed. They know what rating_ground.py fills in: plans per unit or graduated with up to three bands, whole charge units, a currency
of two decimals, amounts above zero.
"""

import time
from typing import Any

from sqlalchemy import select, text

from app.catalog.model import Plan
from app.catalog.queries import prices_of_plans
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.exact import to_scaled
from benchmarks import rating_statements as statements

#: beyond every quantity, in millionths
NO_END = 10**17


class Limit:
    """One connection, which rates so many entries a call."""

    def __init__(self, month: BillingMonth) -> None:
        self.spelled = statements.SPELLED[db.engine.dialect.name]
        self.connection = db.engine.connect()
        rows = prices(month)
        if db.engine.dialect.name == "sqlite":
            rows = [{name: getattr(value, "hex", value) for name, value in row.items()} for row in rows]
        with self.connection.begin():
            self._run(statements.PRICE_LIST)
            self.connection.execute(text(statements.PRICES), rows)

    def rate(self, entries: int) -> int:
        """The next entries in order of submission, all in one transaction; returns how many there were."""
        with self.connection.begin():
            at = self._run("SELECT {now}").scalar()
            self._run("DROP TABLE IF EXISTS rated")
            self._run(statements.RATED, entries=entries)
            first, last = self._run("{analyze}").one()
            taken = self._run(statements.ENTRIES, at=at, first=first, last=last).rowcount
            for statement in statements.OTHERS:
                self._run(statement, at=at)
        return taken

    def _run(self, statement: str, **values: Any) -> Any:
        prefix = f"{time.time_ns() // 1_000_000:012x}"
        sql = statements.filled(statement, self.spelled, prefix)
        return self.connection.execute(text(sql), {name: value for name, value in values.items() if f":{name}" in sql})


def prices(month: BillingMonth) -> list[dict[str, Any]]:
    """One row for each metric that is priced by one of the two models."""
    found = []
    for plan_id, its in prices_of_plans(db.session.scalars(select(Plan.id))).items():
        for priced in its.in_month(month):
            tariff = priced.tariff
            if tariff is None or tariff.model not in ("per_unit", "graduated") or tariff.charge_unit != 1:
                continue
            assert priced.version is not None
            row: dict[str, Any] = {"plan_id": plan_id, "metric_id": priced.metric.id, "version_id": priced.version.id}
            row["unit"], low = priced.metric.unit, 0
            for n in range(statements.BANDS):
                band = tariff.bands[n] if n < len(tariff.bands) else None
                high = to_scaled(band.up_to) if band and band.up_to is not None else NO_END
                row |= {f"low{n}": low, f"high{n}": high, f"price{n}": to_scaled(band.price) if band else 0}
                low = high
            found.append(row)
    return found
