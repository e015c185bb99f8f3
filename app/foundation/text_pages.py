"""Pages whose rows come as one text: a row costs more to read than to show again, where what it shows is kept.

    page = text_page_of(found, KEYS, values=values, after=listing.after, before=listing.before)    # as pages.page_of

The database spells the page's rows as one JSON text in one row, and the same text is read into rows once. What stands beside them
(`once`) is there whether there are rows or not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import BigInteger, Boolean, Integer, Select, String, Uuid, cast, select

from app.foundation.billing_month import BillingMonth
from app.foundation.database import Instant, Month, as_text, at_most, id_of
from app.foundation.kept_statements import columns_of, made_of
from app.foundation.pages import PAGE, Page, around, cut, page_rows, place_of
from app.foundation.row_texts import instant_of_text, instant_text, number_text, rows_as_json


class Spelling(NamedTuple):
    """How a column becomes text inside the database, and a value again."""

    column: Callable[[Any], Any]
    value: Callable[[str], Any] | None = None


_instant: Callable[[str], datetime] = lru_cache(8192)(instant_of_text)
_NUMBER = Spelling(number_text, int)
#: by the column's own type
SPELLED: Mapping[type, Spelling] = {
    String: Spelling(lambda column: column),
    Uuid: Spelling(as_text, id_of),
    Integer: _NUMBER,
    BigInteger: _NUMBER,
    Month: Spelling(number_text, lambda text: BillingMonth.of_number(int(text))),
    Instant: Spelling(instant_text, _instant),
    Boolean: Spelling(lambda column: number_text(cast(column, Integer)), lambda text: text == "1"),
}


class _Form(NamedTuple):
    statement: Select[*tuple[Any, ...]]
    #: (name, type) of each column
    columns: tuple[tuple[str, type], ...]


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
) -> Page:
    """One page of a statement that is kept, as page_of gives it."""
    cursor, backwards = before or after, before is not None
    upwards = backwards != oldest_first
    built = _built.setdefault(statement, {})
    shape = (bool(cursor), upwards, size, beside, once)
    if shape not in built:
        rows = page_rows(statement, keys, size, upwards=upwards, beyond=bool(cursor))
        if beside:
            rows = around(rows, keys, beside, (), upwards=upwards).limit(at_most(size + 1))
        built[shape] = _form(rows, once, statement.get_execution_options())
    form = built[shape]
    [row] = columns_of(form.statement, {**values, **place_of(cursor, keys)})
    found = _rows_in(row.rows or "[]", form.columns)
    return cut(list(found), keys, cursor, size, backwards=backwards, once=row)


def _form(rows: Select[*tuple[Any, ...]], once: Sequence[Any], options: Mapping[str, Any]) -> _Form:
    page = rows.subquery("page").c
    columns = tuple((column.key, type(column.type)) for column in page)
    texts = rows_as_json(*(SPELLED[kind].column(column) for column, (_name, kind) in zip(page, columns, strict=True)))
    whole = select(select(texts).scalar_subquery().label("rows"), *once)
    return _Form(whole.execution_options(**options), columns)


@lru_cache(maxsize=128)
def _rows_in(text: str, columns: tuple[tuple[str, type], ...]) -> tuple[Any, ...]:
    row = made_of(tuple(name for name, _kind in columns))
    by_column: list[Any] = list(zip(*json.loads(text), strict=True))
    for number, (_name, kind) in enumerate(columns[: len(by_column)]):
        if read := SPELLED[kind].value:
            by_column[number] = [None if one is None else read(one) for one in by_column[number]]
    return tuple(map(row, zip(*by_column, strict=True)))
