"""A few rows as one column of another row: read in the same statement, and read from their text once for as long as they are the same.

    select(row_texts(number_text(RatingGroup.service_month), as_text(RatingGroup.id))).where(...).scalar_subquery()
    pieces_of(row.groups)                                     # [["202610", "..."], ...]

In no order. For numbers, ids and names, which hold no control characters.
"""

from typing import Any

from sqlalchemy import BigInteger, String, cast, func, literal, type_coerce

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
