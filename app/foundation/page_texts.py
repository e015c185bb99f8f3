"""A list's page read as one text: who comes back to it finds its rows made, and what is drawn of them is kept by the text alone.

    page = page_of(statement, keys, values=..., as_text=True)
    page.rows                           as ever
    page.told, rows_told(page.told)[0]  plain, as a piece's key must be (app/web/kept.py), and the same rows

Fifty rows of a dozen columns are six hundred values to fetch, to make and to compare; their text is one. The database spells it in less
time than it takes to hand the rows over, and what a text says is worked out once.

For columns that are ids, instants or texts, in an order that these have everywhere: of instants and ids.
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Select, String, Uuid

from app.foundation.database import Instant, as_text, id_of
from app.foundation.kept_statements import made_of
from app.foundation.row_texts import instant_of_text, instant_text, rows_as_json


class Told(NamedTuple):
    """The rows of a page, one more where there are more, and how to read them."""

    text: str
    names: tuple[str, ...]
    #: of each column, as _KINDS has it
    kinds: tuple[str, ...]
    #: names of those that carry the order
    keys: tuple[str, ...]
    size: int
    #: smallest key first, and whether that is the other way round than it is shown
    upwards: bool
    backwards: bool


def text_of(page: Any) -> Any:
    """The aggregate that tells a page's rows, given the page's own columns."""
    return rows_as_json(*(_KINDS[_kind(column)][0](column) for column in page)).label("page_text")


def told_by(
    statement: Select[*tuple[Any, ...]],
    text: str | None,
    keys: tuple[str, ...],
    size: int,
    upwards: bool,
    backwards: bool,
) -> Told:
    """`text`: of text_of(), None where there is no row."""
    return Told(text or "[]", *_heads(statement), keys, size, upwards, backwards)


@lru_cache(maxsize=256)
def _heads(statement: Select[*tuple[Any, ...]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    columns = statement.selected_columns
    return tuple(str(column.key) for column in columns), tuple(map(_kind, columns))


@lru_cache(maxsize=100)
def rows_told(told: Told) -> tuple[tuple[Any, ...], bool]:
    """What is shown of them, and whether there are more."""
    columns: list[Any] = list(zip(*json.loads(told.text), strict=True))
    made = [map(_KINDS[kind][1], column) for kind, column in zip(told.kinds, columns, strict=False)]
    rows = list(map(made_of(told.names), zip(*made, strict=True)))
    rows.sort(key=attrgetter(*told.keys), reverse=not told.upwards)  # an aggregate has no order
    shown = rows[: told.size]
    if told.backwards:
        shown.reverse()
    return tuple(shown), len(rows) > told.size


def _kind(column: Any) -> str:
    for kind, type_ in (("id", Uuid), ("instant", Instant), ("text", String)):
        if isinstance(column.type, type_):
            return kind
    raise TypeError(f"{column.key} is neither an id nor an instant nor a text")


def _as_it_is(text: Any) -> Any:
    return text


def _instant(text: str | None) -> datetime | None:
    return None if text is None else instant_of_text(text)


#: (how the database spells it, how it is read)
_KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "id": (as_text, id_of),
    "instant": (instant_text, _instant),
    "text": (_as_it_is, _as_it_is),
}
