"""Writing into the charge book. There is no other verb: a line is never changed."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.charges.model import ChargeLine
from app.charges.month_sums import add_many_to_months, add_to_month
from app.foundation import bulk, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import transaction
from app.foundation.identity import new_ids
from app.foundation.money import Money
from app.foundation.permissions import declare
from app.foundation.tenancy import OfParties
from app.foundation.text import N_

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


def book_lines(lines: Sequence[dict[str, Any]]) -> None:
    """Very many lines, each as line_for() makes it, in the caller's transaction. The system's alone."""
    if lines:
        ids = new_ids(len(lines))
        bulk.insert(
            ChargeLine, ("id", *lines[0]), ((id_, *line.values()) for id_, line in zip(ids, lines, strict=True))
        )
        add_many_to_months(lines)
