"""The charge book: a customer reads gross and tax; the partner reads as well what it is due."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import or_, select

from app.api import schemas
from app.api.entry_shapes import STRICT, sees_all_billing
from app.api.operations import Operations
from app.api.shapes import listed, minor
from app.catalog.model import Programme
from app.charges import month_sums
from app.charges.model import ChargeLine
from app.charges.queries import own_charges, partner_charges
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.refusals import MissingRole

operations = Operations("charges", __name__, description="Rated lines by the month they are booked in.")

VIEW = {"partner": "billing-entry:view", "customer": "charge:view-own"}
_KEYS = (ChargeLine.booked_month, ChargeLine.id)


@operations.get("/charges", query=schemas.ChargeFilters, gives=schemas.page_of(schemas.ChargeLine), needs=VIEW)
def list_charges(query: dict[str, Any]) -> Any:
    """Charge lines, newest month first."""
    viewer = tenancy.current()
    month, search = query.get("month"), query.get("search", "")
    if viewer.capacity == "customer":
        found = own_charges(month, search).add_columns(ChargeLine.source_kind, ChargeLine.source_id)
        return listed(found, _KEYS, query, lambda rows: [_shape(row) for row in rows])
    found = partner_charges(month)
    if search:
        found = found.where(ChargeLine.description.icontains(search, autoescape=True))
    if not viewer.may(STRICT):
        lenient = select(Programme.id).where(Programme.viewing_takes_all_three.is_(False))
        found = found.where(or_(ChargeLine.programme_id.is_(None), ChargeLine.programme_id.in_(lenient)))
    return listed(found, _KEYS, query, _for_partner)


@operations.get("/charges/months", query=schemas.MonthRange, gives=schemas.page_of(schemas.ChargeTotal), needs=VIEW)
def list_charge_totals(query: dict[str, Any]) -> Any:
    """What was charged by booked month and currency, the last twelve months unless others are asked for, oldest first."""
    viewer, last = tenancy.current(), query.get("last") or BillingMonth.at(clock.now()).next
    first = query.get("first") or BillingMonth.at(clock.now()).shifted(-11)
    own = viewer.capacity == "customer"
    if not own and not sees_all_billing(viewer):
        raise MissingRole(STRICT)
    due = {} if own else _by_month(month_sums.due_by_month(first, last))
    totals = [
        {
            "booked_month": month,
            "gross": minor(row.minor, currency),
            "tax": minor(row.tax_minor, currency),
            **({"due": minor(due[month, currency].minor, currency)} if not own else {}),
        }
        for (month, currency), row in _by_month(month_sums.gross_by_month(first, last)).items()
    ]
    return {"items": totals, "next_cursor": None}


def _by_month(rows: Iterable[Any]) -> dict[tuple[BillingMonth, str], Any]:
    return {(row.booked_month, row.currency): row for row in rows}


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
