"""The charge book: a customer reads gross and tax; the partner reads as well what it is due."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select

from app.api import schemas
from app.api.entry_shapes import STRICT
from app.api.operations import Operations
from app.api.shapes import listed, minor
from app.catalog.model import Programme
from app.charges.model import ChargeLine
from app.charges.queries import own_charges, partner_charges
from app.foundation import tenancy

operations = Operations("charges", __name__, description="Rated lines by the month they are booked in.")

_KEYS = (ChargeLine.booked_month, ChargeLine.id)


@operations.get(
    "/charges", query=schemas.ChargeFilters, gives=schemas.page_of(schemas.ChargeLine),
    needs={"partner": "billing-entry:view", "customer": "charge:view-own"},
)  # fmt: skip
def list_charges(query: dict[str, Any]) -> Any:
    """Charge lines, newest month first."""
    viewer = tenancy.current()
    month = query.get("month")
    if viewer.capacity == "customer":
        found = own_charges(month).add_columns(ChargeLine.source_kind, ChargeLine.source_id)
        return listed(found, _KEYS, query, lambda rows: [_shape(row) for row in rows])
    found = partner_charges(month)
    if not viewer.may(STRICT):
        lenient = select(Programme.id).where(Programme.viewing_takes_all_three.is_(False))
        found = found.where(or_(ChargeLine.programme_id.is_(None), ChargeLine.programme_id.in_(lenient)))
    return listed(found, _KEYS, query, _for_partner)


def _for_partner(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {**_shape(row), "customer": row.customer_name, "due": minor(row.due_minor, row.currency)} for row in rows
    ]  # fmt: skip


def _shape(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "booked_month": row.booked_month,
        "service_month": row.service_month,
        "description": row.description,
        "partner": row.partner_name,
        "gross": minor(row.gross_minor, row.currency),
        "tax": minor(row.tax_minor, row.currency),
        "source": row.source_kind,
        "source_id": row.source_id,
    }
