"""Rows as the schemas write them. Which shape somebody is given is decided here, by the capacity they act in."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select

from app.catalog.tariff import Tariff
from app.foundation.money import Money
from app.foundation.pages import BadCursor, Page, page_of
from app.foundation.refusals import Refused
from app.foundation.text import N_


def money(value: Money | None) -> dict[str, str] | None:
    return None if value is None else {"amount": f"{value.amount:f}", "currency": value.currency}


def minor(amount: int | None, currency: str) -> dict[str, str] | None:
    return None if amount is None else money(Money.of_minor(amount, currency))


def exact(value: Decimal) -> str:
    """A unit price or an amount that is not rounded, without trailing zeros."""
    return f"{value.normalize():f}"


def named(row_id: Any, name: str) -> dict[str, Any]:
    return {"id": row_id, "name": name}


def listed(
    found: Select[*tuple[Any, ...]],
    keys: Sequence[Any],
    query: dict[str, Any],
    shape: Callable[[Sequence[Any]], list[dict[str, Any]]],
    *,
    oldest_first: bool = False,
) -> dict[str, Any]:
    """One page of a list. `shape` is given the page's rows together, so that what stands beside them is read at once."""
    return paged(
        lambda after, size: page_of(found, keys, after=after, size=size, oldest_first=oldest_first), query, shape
    )


def paged(
    read: Callable[[str | None, int], Page],
    query: dict[str, Any],
    shape: Callable[[Sequence[Any]], list[dict[str, Any]]],
) -> dict[str, Any]:
    """The same where a room reads its pages itself: (cursor, how many rows) -> the page."""
    try:
        page = read(query.get("cursor"), query["limit"])
    except BadCursor as wrong:
        raise Refused("cursor", N_("This is no cursor of this list.")) from wrong
    return {"items": shape(page.rows), "next_cursor": page.next}


def tariff(of: Tariff, currency: str) -> dict[str, Any]:
    bands = [{"up_to": band.up_to, "price": exact(band.price)} for band in of.bands]
    return {"model": of.model, "currency": currency, "charge_unit": of.charge_unit, "bands": bands}
