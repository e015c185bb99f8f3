"""Keyset paging: the next page begins after the last row seen, so page 20,000 costs what page 1 costs.

Never OFFSET, never COUNT(*) of an unbounded table.
"""

import base64
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Select, case, select, tuple_

from app.foundation.billing_month import BillingMonth
from app.foundation.database import Exact, Instant, Month, at_most, db
from app.foundation.id_list import chosen_of, is_led, rows_of_chosen, rows_of_few
from app.foundation.kept_statements import columns_of, made_of, plain_rows
from app.foundation.unseen import Unseen, bound_of, unseen

PAGE = 50
#: The cursor's parameters; no list has more keys.
_CURSOR = ("cursor_1", "cursor_2", "cursor_3")
#: statement -> its pages, of those that are kept
_built: WeakKeyDictionary[Any, dict[tuple[Any, ...], Select[*tuple[Any, ...]]]] = WeakKeyDictionary()
#: What our column types hold; asked themselves, they say what their storage holds.
_OWN_TYPES: dict[type, type] = {Instant: datetime, Month: BillingMonth, Exact: Decimal}


@dataclass(frozen=True)
class Page:
    """`rows` as read; cursors to pass back as ?after= or ?before=, None where there is nothing more."""

    rows: Sequence[Any]
    next: str | None
    previous: str | None
    #: what stands beside all rows, read with them; None where there is no row
    once: Any = None
    #: plain, and the same for as long as the rows are; of a page that was read as one text
    told: Any = None
    #: so many were looked through for what few have, and the page ends there
    looked_through: int | None = None


class BadCursor(ValueError):
    """The cursor in the address was not made by us."""


def page_of(
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[Any],
    *,
    after: str | None = None,
    before: str | None = None,
    size: int = PAGE,
    oldest_first: bool = False,
    values: Mapping[str, Any] | None = None,
    beside: Callable[[Any], Sequence[Any]] | None = None,
    once: Sequence[Any] = (),
) -> Page:
    """One page of `statement`, newest (largest key) first; `oldest_first`: the other way, as queues and names are read.

    `keys` are columns of the select, the last of them unique; they carry the order. One statement, size + 1 rows.
    `values`: of a statement that is kept and asked again and again, its parameters; its pages are then built once as well.
    `beside`: given the page's own columns, more of them, labelled, worked out for its rows alone.
    `once`: labelled scalar selects, given with the page's first row alone: what is long would travel fifty times. Or such a
    function as `beside` that gives one.
    """
    backwards = before is not None
    cursor = before or after
    upwards = backwards != oldest_first
    asked = {**(values or {}), **place_of(cursor, keys)}
    built = _built.setdefault(statement, {}) if values is not None else {}
    shape = (bool(cursor), upwards, size, beside, *map(id, once))  # the statement holds them, so their ids stay theirs
    if shape not in built:
        page = page_rows(statement, keys, size, upwards=upwards, beyond=bool(cursor))
        whole = around(page, keys, beside, once, upwards=upwards) if beside or once else page
        built[shape] = whole.execution_options(**statement.get_execution_options())
    kept = values is not None
    read = columns_of(built[shape], asked) if kept else plain_rows(db.session.execute(built[shape], asked))
    found = _without(len(once), read) if once else read
    return cut(found, keys, cursor, size, backwards=backwards, once=read[0] if once and read else None)


def place_of(cursor: str | None, keys: Sequence[ColumnElement[Any]]) -> dict[str, Any]:
    """The cursor's own parameters."""
    return dict(zip(_CURSOR, read_cursor(cursor, keys), strict=False)) if cursor else {}


def cut(
    found: Sequence[Any],
    keys: Sequence[Any],
    cursor: str | None,
    size: int,
    *,
    backwards: bool,
    once: Any = None,
    told: Any = None,
) -> Page:
    """Of the rows that were found behind the cursor, or before it, one too many at most: the page, and where it goes on."""
    names = [key.key or "" for key in keys]
    more = len(found) > size
    rows = shown_of(found, size, backwards=backwards)
    has_next, has_previous = (True, more) if backwards else (more, cursor is not None)
    return Page(
        rows=rows,
        next=cursor_of(rows[-1], names) if rows and has_next else None,
        previous=cursor_of(rows[0], names) if rows and has_previous else None,
        once=once,
        told=told,
    )


def shown_of(found: Sequence[Any], size: int, *, backwards: bool) -> Sequence[Any]:
    """The page's rows, as they stand on it."""
    rows = found[:size]
    return rows[::-1] if backwards else rows


def page_rows(
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[ColumnElement[Any]],
    size: int,
    *,
    upwards: bool,
    beyond: bool,
) -> Select[*tuple[Any, ...]]:
    """The page's rows and one too many; `beyond`: of the cursor whose place_of() it is asked with."""
    order = [key.asc() if upwards else key.desc() for key in keys]
    placed = partial(_placed, keys=keys, order=order, upwards=upwards, beyond=beyond)
    chosen = chosen_of(statement)
    if is_led(statement):
        return rows_of_few(statement, placed, keys, size + 1, beyond=beyond).order_by(None).order_by(*order)
    if chosen is not None:
        return rows_of_chosen(statement, placed(chosen).limit(unseen(size + 1)), keys).order_by(*order)
    return placed(statement).limit(bound_of(statement)(size + 1))


def _placed(
    statement: Select[*tuple[Any, ...]],
    *,
    keys: Sequence[ColumnElement[Any]],
    order: Sequence[ColumnElement[Any]],
    upwards: bool,
    beyond: bool,
) -> Select[*tuple[Any, ...]]:
    """In its order, from the cursor's place."""
    if beyond:
        # typed as their columns are, or a database compares an instant with some text that looks like one
        places = (Unseen(name, type_=key.type) for name, key in zip(_CURSOR, keys, strict=False))
        mine, theirs = tuple_(*keys), tuple_(*places)
        statement = statement.where(mine > theirs if upwards else mine < theirs)
    return statement.order_by(None).order_by(*order)


def around(
    page: Select[*tuple[Any, ...]],
    keys: Sequence[ColumnElement[Any]],
    beside: Callable[[Any], Sequence[Any]] | None,
    once: Sequence[Any],
    *,
    upwards: bool,
) -> Select[*tuple[Any, ...]]:
    # read twice where it must be known which row is the first; a row's number, which PostgreSQL and SQLite give over
    # all rows of the page, would be dearer
    rows = (page.cte("page").prefix_with("MATERIALIZED") if once else page.subquery("page")).c
    own = [rows[key.key or ""] for key in keys]
    order = [key.asc() if upwards else key.desc() for key in own]
    first = select(own[-1]).order_by(*order).limit(at_most(1)).scalar_subquery()
    told = [one(rows) if callable(one) else one for one in once]
    of_first = [case((own[-1] == first, one)).label(one.name) for one in told]
    return select(*rows, *(beside(rows) if beside else ()), *of_first).order_by(*order)


def _without(once: int, read: Sequence[Any]) -> list[Any]:
    """Less what the first row alone was given: rows equal where they show the same."""
    if not read:
        return []
    bare = made_of(read[0]._fields)((*read[0][:-once], *[None] * once))
    return [bare, *read[1:]]


def plain(row: Any) -> Any:
    """One row that was read by itself, as those of a page are."""
    return made_of(tuple(row._fields))(row)


def cursor_of(row: Any, names: Sequence[str]) -> str:
    return _spelled(*[getattr(row, name) for name in names])


@lru_cache(maxsize=2000, typed=True)
def _spelled(*keys: Any) -> str:
    """Who comes back to a list sees the same first row and last."""
    spelled = list(map(_plain, keys))
    return base64.urlsafe_b64encode(json.dumps(spelled, separators=(",", ":")).encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID | Decimal | BillingMonth):
        return str(value)
    return value


def read_cursor(cursor: str, keys: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or len(plain) != len(keys):
            raise BadCursor(cursor)
        return [_typed(value, key) for value, key in zip(plain, keys, strict=True)]
    except (ValueError, TypeError, ArithmeticError, RecursionError) as wrong:
        raise BadCursor(cursor) from wrong


def _typed(value: Any, key: ColumnElement[Any]) -> Any:
    wanted = _held_by(key)
    if wanted is datetime:
        return datetime.fromisoformat(value).astimezone(UTC) if "+" in value else _unfit(value)
    if wanted is BillingMonth:
        return BillingMonth.parse(value)
    if wanted in (uuid.UUID, Decimal):
        return wanted(str(value))
    if not isinstance(value, wanted) or not _storable(value):
        return _unfit(value)
    return value


@lru_cache(maxsize=500)
def _held_by(key: ColumnElement[Any]) -> type:
    """Columns take long to say of which type they are."""
    return _OWN_TYPES.get(type(key.type)) or key.type.python_type


def _storable(value: Any) -> bool:
    """Databases hold 64 bits in a whole number, and neither NUL nor half a character in a text."""
    if isinstance(value, str):
        return "\0" not in value and value.encode("utf-8", "ignore").decode() == value
    return not isinstance(value, int) or (not isinstance(value, bool) and abs(value) < 2**63)


def _unfit(value: Any) -> Any:
    raise BadCursor(repr(value))
