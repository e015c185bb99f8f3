"""Pages whose rows come as one text: a row costs more to read than to show again, where what it shows is kept.

    page = text_page_of(found, KEYS, values=values, after=listing.after, before=listing.before)    # as pages.page_of
    page.told, rows_told(page.told)      # plain, as the key of a piece must be (app/web/kept.py), and the same rows

Fifty rows of a dozen columns are six hundred values to fetch, to make and to compare; their text is one. The database spells it in
less time than it takes to hand the rows over, and what a text says is worked out once. What stands beside the rows (`once`) is there
whether there are rows or not.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import BigInteger, Boolean, Integer, Select, String, Uuid, case, cast, func, select

from app.foundation.billing_month import BillingMonth
from app.foundation.database import Instant, Month, as_text, at_most, id_of
from app.foundation.kept_statements import columns_of, made_of
from app.foundation.pages import PAGE, Page, around, cursor_of, cut, page_rows, place_of, shown_of
from app.foundation.row_texts import instant_of_text, instant_text, number_text, rows_as_json


class Spelling(NamedTuple):
    """How a column becomes text inside the database, and a value again."""

    column: Callable[[Any], Any]
    value: Callable[[str], Any] | None = None


_instant: Callable[[str], datetime] = lru_cache(8192)(instant_of_text)
_NUMBER = Spelling(number_text, int)
#: by the name of the column's own type
SPELLED: Mapping[str, Spelling] = {
    String.__name__: Spelling(lambda column: column),
    Uuid.__name__: Spelling(as_text, id_of),
    Integer.__name__: _NUMBER,
    BigInteger.__name__: _NUMBER,
    Month.__name__: Spelling(number_text, lambda text: BillingMonth.of_number(int(text))),
    Instant.__name__: Spelling(instant_text, _instant),
    Boolean.__name__: Spelling(lambda column: number_text(cast(column, Integer)), lambda text: text == "1"),
}
#: (name, name of its type) of each column
Columns = tuple[tuple[str, str], ...]


class Told(NamedTuple):
    """The rows of a page, one more where there are more, and how to read them."""

    text: str
    columns: Columns
    size: int
    #: the other way round than they are shown
    backwards: bool


class Within(NamedTuple):
    """A condition that no index answers: asked of so many rows from the page's place on, and of no more.

    Where they hold less than a page, the page goes on behind the last of them (`Page.looked_through`).
    """

    #: of the statement's columns
    condition: Callable[[Any], Any]
    most: int


class _Form(NamedTuple):
    statement: Select[*tuple[Any, ...]]
    columns: Columns


#: statement -> its pages
_built: WeakKeyDictionary[Any, dict[tuple[Any, ...], _Form]] = WeakKeyDictionary()


def text_page_of(
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[Any],
    *,
    values: Mapping[str, Any],
    after: str | None = None,
    before: str | None = None,
    size: int = PAGE,
    oldest_first: bool = False,
    beside: Callable[[Any], Sequence[Any]] | None = None,
    once: tuple[Any, ...] = (),
    within: Within | None = None,
) -> Page:
    """One page of a statement that is kept, as page_of gives it; `within`: of its rows those that have something."""
    cursor, backwards = before or after, before is not None
    upwards = backwards != oldest_first
    built = _built.setdefault(statement, {})
    shape = (bool(cursor), upwards, size, beside, once, within)
    if shape not in built:
        beyond = bool(cursor)
        if within:
            rows, looked_to = _within(statement, keys, size, within, upwards=upwards, beyond=beyond)
            once = (*once, looked_to)
        else:
            rows = page_rows(statement, keys, size, upwards=upwards, beyond=beyond)
        if beside:
            rows = around(rows, keys, beside, (), upwards=upwards).limit(at_most(size + 1))
        built[shape] = _form(rows, once, statement.get_execution_options())
    form = built[shape]
    [row] = columns_of(form.statement, {**values, **place_of(cursor, keys)})
    told = Told(row.rows or "[]", form.columns, size, backwards)
    page = cut(list(_rows_in(told.text, told.columns)), keys, cursor, size, backwards=backwards, once=row, told=told)
    return _going_on(page, row.looked_to, keys, within, cursor, backwards=backwards) if within else page


def _going_on(
    page: Page, looked_to: str | None, keys: Sequence[Any], within: Within, cursor: str | None, *, backwards: bool
) -> Page:
    """The page of less than there may be goes on where looking ended, and where there is no row at all, back to where it began."""
    on, back = ("previous", "next") if backwards else ("next", "previous")
    changed: dict[str, Any] = {} if page.rows else {back: cursor}
    for last in _rows_in(looked_to or "[]", _columns(keys)):
        changed |= {"looked_through": within.most, on: cursor_of(last, [key.key for key in keys])}
    return replace(page, **changed)


def rows_told(told: Told) -> Sequence[Any]:
    return shown_of(_rows_in(told.text, told.columns), told.size, backwards=told.backwards)


def _form(rows: Select[*tuple[Any, ...]], once: Sequence[Any], options: Mapping[str, Any]) -> _Form:
    # read twice where something is worked out beside them
    page = rows.cte("page").prefix_with("MATERIALIZED") if any(map(callable, once)) else rows.subquery("page")
    columns = _columns(page.c)
    texts = rows_as_json(*(SPELLED[kind].column(column) for column, (_name, kind) in zip(page.c, columns, strict=True)))
    beside = (one(page.c) if callable(one) else one for one in once)
    whole = select(select(texts).select_from(page).scalar_subquery().label("rows"), *beside)
    return _Form(whole.execution_options(**options), columns)


def _within(
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[Any],
    size: int,
    within: Within,
    *,
    upwards: bool,
    beyond: bool,
) -> tuple[Select[*tuple[Any, ...]], Callable[[Any], Any]]:
    """The page's rows and one too many, and what beside them is the last that was looked through, if there are less and more to look at."""
    looked = page_rows(statement, keys, within.most - 1, upwards=upwards, beyond=beyond).subquery("looked")
    # in the order in which they are looked through
    rows = select(*looked.c).where(within.condition(looked.c)).limit(at_most(size + 1))
    # their keys alone, which an index has; what is joined outer is not needed for them
    alone = select(*keys) if statement.whereclause is None else select(*keys).where(statement.whereclause)
    alone = alone.execution_options(**statement.get_execution_options())
    reached = page_rows(alone, keys, within.most - 1, upwards=upwards, beyond=beyond).subquery("reached").c
    order = [key.asc() if upwards else key.desc() for key in reached]
    numbered = select(*reached, func.row_number().over(order_by=order).label("nr")).subquery("numbered")
    texts = (SPELLED[kind].column(numbered.c[name]) for name, kind in _columns(keys))
    last = select(rows_as_json(*texts)).where(numbered.c.nr == within.most).scalar_subquery()

    def looked_to(page: Any) -> Any:
        found = select(func.count(page[keys[-1].key])).scalar_subquery()
        return case((found <= size, last)).label("looked_to")

    return rows, looked_to


def _columns(columns: Iterable[Any]) -> Columns:
    return tuple((column.key, _kind(column)) for column in columns)


def _kind(column: Any) -> str:
    kind = type(column.type).__name__
    if kind not in SPELLED:
        raise TypeError(f"{column.key} cannot be read from a text: it is of type {kind}")
    return kind


@lru_cache(maxsize=128)
def _rows_in(text: str, columns: Columns) -> tuple[Any, ...]:
    row = made_of(tuple(name for name, _kind in columns))
    by_column: list[Any] = list(zip(*json.loads(text), strict=True))
    for number, (_name, kind) in enumerate(columns[: len(by_column)]):
        if read := SPELLED[kind].value:
            by_column[number] = [None if one is None else read(one) for one in by_column[number]]
    return tuple(map(row, zip(*by_column, strict=True)))
