"""The names beside a list's rows are made harmless once each, and not once a row.

A million engagements name a few thousand clients. On PostgreSQL an outer-joined table whose text the file shows is read with
that text already spelled:

    LEFT OUTER JOIN organisation AS customer ON ...
    LEFT OUTER JOIN (SELECT organisation.*, <spelled> AS spelled_name FROM organisation) AS customer ON ...

PostgreSQL flattens such a select, but must spell beneath the outer join, where the text is NULL if there is no row; and what
it keeps of the joined table, by Memoize or in a hash, then holds the spelled text. For SQLAlchemy the table still stands where
it stood, and so whatever refers to it, the criteria of who looks above all. One of these that reads `IN (SELECT ...)` says `IS
true` behind it: PostgreSQL makes a join of it otherwise, and of two tables it keeps no row by its id, but goes through all of
them for each of the list's; so it looks a value up in a hash. Nothing else of the statement changes.

SQLite keeps nothing of a joined table. There a row only asks whether its name is one of those that are not plain (spelled_name),
and the joins stay as they are.
"""

from typing import Any

from sqlalchemy import (
    Alias,
    BinaryExpression,
    BooleanClauseList,
    Column,
    FromClause,
    Join,
    Label,
    ScalarSelect,
    Select,
    SelectBase,
    String,
    Table,
    and_,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import replacement_traverse

from app.documents.spelled import spelled_line, spelled_name, spelled_text

_SPELLED = "spelled_"


def spelled_once(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The same rows. `statement`: of tables, as SQLAlchemy makes it of one of models."""
    if (
        statement._group_by_clauses
    ):  # by a table's id: of a select PostgreSQL does not know that it decides the other columns
        return statement
    texts: dict[Any, set[str]] = {table: set() for one in statement._from_obj for table in _outer_joined(one)}
    for cell in statement.selected_columns:
        column = _of_table(_bare(cell))
        if column is not None and column.table in texts:
            texts[column.table].add(column.key)

    def replaced(one: Any) -> Any:
        if isinstance(one, Join):
            return _with_texts(one, texts)
        column = _of_table(one)
        if column is not None and column.table in texts:
            return _spelled_beside(column)
        # left as they are, with all that refers to them
        return one if isinstance(one, FromClause | SelectBase) and one is not statement else None

    rewritten: Any = replacement_traverse  # typed for columns alone
    return rewritten(statement, {}, replaced) if any(texts.values()) else statement


def spelled_seldom(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """SQLite: the same lines. `statement`: of tables, as SQLAlchemy makes it of one of models."""
    beside = {table for one in statement._from_obj for table in _outer_joined(one)}

    def replaced(one: Any) -> Any:
        if isinstance(one, spelled_line):
            return None  # look at its cells
        column = _of_table(one)
        if column is not None and column.table in beside:
            return spelled_name(column)
        return one if isinstance(one, FromClause | SelectBase) and one is not statement else None

    rewritten: Any = replacement_traverse  # typed for columns alone
    return rewritten(statement, {}, replaced) if beside else statement


def _plain_join(one: Any) -> bool:
    """Not one that is written otherwise, as of foundation.id_list."""
    return isinstance(one, Join) and one.__visit_name__ == Join.__visit_name__


def _outer_joined(one: Any) -> list[Any]:
    if not _plain_join(one):
        return []
    here = [one.right] if one.isouter and not one.full and isinstance(one.right, Table | Alias) else []
    return _outer_joined(one.left) + here


def _of_table(one: Any) -> Any:
    """The column of a table that is spelled here, if one is."""
    if not isinstance(one, spelled_text):
        return None
    (text,) = one.clauses
    column = _bare(text)
    return column if isinstance(column, Column) else None


def _bare(one: Any) -> Any:
    return one.element if isinstance(one, Label) else one


def _with_texts(one: Any, texts: dict[Any, set[str]]) -> Any:
    if not _plain_join(one):
        return one
    left, keys = _with_texts(one.left, texts), texts.get(one.right) if one.isouter else None
    if keys:
        return _JoinedWithTexts(left, one.right, _looked_up(one.onclause), sorted(keys))
    return Join(left, one.right, one.onclause, isouter=one.isouter, full=one.full)


def _looked_up(on: Any) -> Any:
    """The same criteria, of which no part becomes a join."""
    if isinstance(on, BooleanClauseList) and on.operator is operators.and_:
        return and_(*map(_looked_up, on.clauses))
    in_select = (
        isinstance(on, BinaryExpression) and on.operator is operators.in_op and isinstance(on.right, ScalarSelect)
    )
    return on.is_(true()) if in_select else on


class _JoinedWithTexts(Join):
    inherit_cache = False

    def __init__(self, left: Any, right: Any, on: Any, keys: list[str]) -> None:
        super().__init__(left, right, on, isouter=True)
        self.keys = keys


@compiles(_JoinedWithTexts)
def _join(element: _JoinedWithTexts, compiler: Any, **options: Any) -> str:
    options["asfrom"] = True
    right: Any = element.right
    rows = right.element if isinstance(right, Alias) else right
    table = compiler.process(rows, asfrom=True)
    texts = (f"{compiler.process(spelled_text(rows.c[key]))} AS {_name(key, compiler)}" for key in element.keys)
    with_texts = f"(SELECT {table}.*, {', '.join(texts)} FROM {table}) AS {compiler.preparer.quote(right.name)}"  # noqa: S608  names of our own
    left, on = compiler.process(element.left, **options), compiler.process(element.onclause, **options)
    return f"{left} LEFT OUTER JOIN {with_texts} ON {on}"


class _spelled_beside(FunctionElement[str]):
    """The text that its table is joined with."""

    type = String()
    inherit_cache = True


@compiles(_spelled_beside)
def _beside(element: Any, compiler: Any, **options: Any) -> str:
    (column,) = element.clauses
    return f"{compiler.preparer.quote(column.table.name)}.{_name(column.key, compiler)}"


def _name(key: str, compiler: Any) -> str:
    return compiler.preparer.quote(_SPELLED + key)
