"""Writing into the charge book. There is no other verb: a line is never changed."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.charges.model import ChargeLine
from app.charges.month_sums import MonthSums, add_to_month
from app.foundation import bulk, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import transaction
from app.foundation.identity import ids
from app.foundation.money import Money
from app.foundation.permissions import declare
from app.foundation.tenancy import OfParties
from app.foundation.text import N_

#: what line_for() says, in its order
LINE = (
    "seller_id", "partner_id", "customer_id", "is_test", "programme_id", "description", "service_month", "booked_month",
    "currency", "gross_minor", "due_minor", "tax_minor", "source_kind", "source_id", "created_at",
)  # fmt: skip
VIEW_OWN = declare("charge:view-own", N_("See what the own organisation is charged"))


def book_line(
    source: OfParties,
    *,
    kind: str,
    description: str,
    service_month: BillingMonth,
    booked_month: BillingMonth,
    gross: Money,
    due: Money,
    tax: Money,
    programme_id: uuid.UUID | None = None,
) -> ChargeLine:
    """One line for one source row, in the caller's transaction; the database refuses a second line for the source."""
    with transaction() as session:
        line = ChargeLine(
            **line_for(
                source,
                kind=kind,
                description=description,
                service_month=service_month,
                booked_month=booked_month,
                gross=gross,
                due=due,
                tax=tax,
                programme_id=programme_id,
                at=clock.now(),
            )
        )
        session.add(line)
        session.flush()
        add_to_month(line)
    return line


def line_for(
    source: Any,
    *,
    kind: str,
    description: str,
    service_month: BillingMonth,
    booked_month: BillingMonth,
    gross: Money,
    due: Money,
    tax: Money,
    programme_id: uuid.UUID | None,
    at: datetime,
) -> dict[str, Any]:
    """What a line holds, but for its id. `source`: a row of the parties' with an id, or a light one."""
    return {
        "seller_id": source.seller_id,
        "partner_id": source.partner_id,
        "customer_id": source.customer_id,
        "is_test": source.is_test,
        "programme_id": programme_id,
        "description": description[:300],
        "service_month": service_month,
        "booked_month": booked_month,
        "currency": gross.currency,
        "gross_minor": gross.minor,
        "due_minor": due.minor,
        "tax_minor": tax.minor,
        "source_kind": kind,
        "source_id": source.id,
        "created_at": at,
    }


def book_lines(lines: Iterable[dict[str, Any]]) -> None:
    """Very many lines, each as line_for() makes it, in the caller's transaction. The system's alone.

    They are taken one by one while those before them are written: what makes them asks the database nothing.
    """
    sums = MonthSums()
    rows = ((id_, *sums.counted(line).values()) for line, id_ in zip(lines, ids(), strict=False))
    bulk.insert(ChargeLine, ("id", *LINE), rows)
    sums.write()
