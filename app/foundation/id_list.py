"""Ids that another statement has found, as one parameter that leads the next: however many, the statement is the same.

    found = select(Engagement.name).select_from(led_by(id_list(ids), Engagement))
    db.session.execute(found, {IDS: spelled(ids)})

The rows of the list are looked up one by one, by their key. A planner left to itself may rather read a whole table in the order
wanted and look for the ids in it: SQLite without statistics does.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Join, String, TableValuedAlias, Uuid, bindparam, cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm.util import _ORMJoin
from sqlalchemy.sql.functions import FunctionElement

#: the parameter's name
IDS = "listed_ids"


def spelled(ids: Iterable[uuid.UUID]) -> str:
    """As SQLite keeps ids, and as PostgreSQL reads them too."""
    return "[" + ",".join(f'"{one.hex}"' for one in ids) + "]"


def id_list(written: str) -> TableValuedAlias:
    """The list of spelled() as rows of one column, `value`."""
    return _texts_of(bindparam(IDS, written, String)).table_valued("value", name="listed")


def led_by(few: Any, entity: Any) -> Any:
    """`few`, and for each of its rows the entity's row of that id."""
    return _LedBy(few, entity, entity.id == _as_id(few.c.value))


def _as_id(value: ColumnElement[Any]) -> ColumnElement[uuid.UUID]:
    return cast(value, Uuid)


class _texts_of(FunctionElement[str]):
    """The texts of a JSON list."""

    name = "texts_of"
    type = String()
    inherit_cache = True


@compiles(_texts_of)
def _on_sqlite(element: _texts_of, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_texts_of, "postgresql")
def _on_postgresql(element: _texts_of, compiler: Any, **options: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSONB))"


def leading(left: Any, right: Any, on: ColumnElement[bool]) -> Any:
    """The same for any two tables: what the left one gives is looked up in the right one."""
    return _Leading(left, right, on)


class _LedBy(_ORMJoin):
    __visit_name__ = "led_by"
    inherit_cache = True


class _Leading(Join):
    __visit_name__ = "leading"
    inherit_cache = True


@compiles(_LedBy)
@compiles(_Leading)
def _led_by(join: Any, compiler: Any, **options: Any) -> str:
    """SQLite keeps the order of a CROSS JOIN. PostgreSQL knows by its figures what a few look-ups are worth."""
    linter = options.pop("from_linter", None)
    if linter is not None:
        linter.edges.update((left, right) for left in join.left._from_objects for right in join.right._from_objects)
    kind = "CROSS JOIN" if compiler.dialect.name == "sqlite" else "JOIN"
    left, right = (compiler.process(side, **{**options, "asfrom": True}) for side in (join.left, join.right))
    return f"{left} {kind} {right} ON {compiler.process(join.onclause, **{**options, 'asfrom': False})}"
