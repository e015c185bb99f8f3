"""A few rows as one column of another row: read in the same statement, and read from their text once for as long as they are the same.

    select(row_texts(number_text(RatingGroup.service_month), as_text(RatingGroup.id))).where(...).scalar_subquery()
    pieces_of(row.groups)                                     # [["202610", "..."], ...]

In no order. For numbers, ids and names, which hold no control characters. What may hold anything, and NULL, is read as JSON:

    select(rows_as_json(as_text(found.c.id), found.c.facts)).scalar_subquery()
    json.loads(row.events)                                    # [["...", "{}"], ...]; NULL, or none, where there is no row
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, String, cast, func, literal, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

_BETWEEN, _INSIDE = "\x1e", "\x1f"


def row_texts(*columns: Any) -> Any:
    """The aggregate of rows of these columns, each of them a text that is never NULL."""
    row, *others = columns
    for column in others:
        row = row + literal(_INSIDE) + column
    return func.aggregate_strings(row, _BETWEEN)


def number_text(column: Any) -> Any:
    """A whole number, or what is stored as one, as its digits."""
    return cast(type_coerce(column, BigInteger), String)


def pieces_of(text: str | None) -> list[list[str]]:
    return [row.split(_INSIDE) for row in text.split(_BETWEEN)] if text else []


class rows_as_json(FunctionElement[str]):
    """The aggregate of rows of these columns, each of them a text or NULL."""

    name = "rows_as_json"
    type = String()
    inherit_cache = True


@compiles(rows_as_json)
def _json_on_sqlite(element: rows_as_json, compiler: Any, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(rows_as_json, "postgresql")
def _json_on_postgresql(element: rows_as_json, compiler: Any, **options: Any) -> str:
    return f"CAST(json_agg(ARRAY[{compiler.process(element.clauses, **options)}]) AS VARCHAR)"


def instant_text(column: Any) -> Any:
    """An instant as the database spells it; instant_of_text() reads it."""
    return cast(column, String)


def instant_of_text(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
