"""Writing into the charge book. There is no other verb: a line is never changed."""

import uuid
from typing import Any

from app.charges.model import ChargeLine
from app.charges.month_sums import add_to_month
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import transaction
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
    parties: Any = {
        "seller_id": source.seller_id,
        "partner_id": source.partner_id,
        "customer_id": source.customer_id,
        "is_test": source.is_test,
    }
    with transaction() as session:
        line = ChargeLine(
            **parties,
            programme_id=programme_id,
            description=description[:300],
            service_month=service_month,
            booked_month=booked_month,
            currency=gross.currency,
            gross_minor=gross.minor,
            due_minor=due.minor,
            tax_minor=tax.minor,
            source_kind=kind,
            source_id=source.id,  # type: ignore[attr-defined]
            created_at=clock.now(),
        )
        session.add(line)
        session.flush()
        add_to_month(line)
    return line
