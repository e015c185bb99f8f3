"""Pages of a list that another look-up may lead: a search's few rows are looked up by their ids, however long the list is.

    found = found_first(found, few, Engagement)     # before page_of(found, ...)

`few` selects one text: a JSON list of the only ids that the list can hold, or NULL where there are too many to tell. In one
statement the page's own ids are chosen first, among the few or along the list, and then only their rows are read with all they
show. A planner left to itself may rather read the whole list in its order and look for the ids in it: SQLite without
statistics does.

    found = chosen_first(listed, select(*LIST_KEYS).where(...), Engagement)     # before page_of(found, LIST_KEYS, ...)

Nothing leads, but the page's ids are chosen first as well, in their table alone: where a value has very many rows or very few, no
plan that PostgreSQL makes once for all of them may depend on what it expects of an average one.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Join, Select, String, TableValuedAlias, Uuid, case, cast, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm.util import _ORMJoin
from sqlalchemy.sql.functions import FunctionElement

Statement = TypeVar("Statement", bound=Select[Any])
_OPTION, _CHOSEN = "found_first", "chosen_first"


def found_first(statement: Statement, few: Select[Any], entity: Any, *conditions: ColumnElement[bool]) -> Statement:
    """The same list; read without page_of it is read along itself. `conditions`: those that only page_of adds, and only where it
    chooses the ids: they are dear, and hold for the rows of those ids."""
    return statement.execution_options(**{_OPTION: (few, entity, conditions)})


def chosen_first(listed: Statement, chosen: Select[*tuple[Any, ...]], entity: Any) -> Statement:
    """The list of the rows that `chosen` selects the keys of: `listed` has all that they show, and drops none of them."""
    return listed.execution_options(**{_CHOSEN: (chosen, entity)})


def chosen_of(statement: Select[Any]) -> Select[*tuple[Any, ...]] | None:
    """What chosen_first() was given."""
    chosen, _entity = statement.get_execution_options().get(_CHOSEN, (None, None))
    return chosen


def rows_of_chosen(statement: Statement, page: Select[Any], keys: Sequence[Any]) -> Statement:
    """`page`: of what was chosen, the page's own keys."""
    assert statement.whereclause is None, "a condition here would shorten the page: it belongs to what is chosen"
    _chosen, entity = statement.get_execution_options()[_CHOSEN]
    first = page.subquery("chosen")
    return statement.select_from(leading(first, entity, keys[-1] == first.c[keys[-1].key]))


def page_by_ids(statement: Select[Any], page: Select[Any], keys: Sequence[Any]) -> Select[Any]:
    """`page`: the statement with the cursor's place, its order and its limit."""
    led = statement.get_execution_options().get(_OPTION)
    if led is None:
        return page
    few, entity, conditions = led
    known = few.cte("few").prefix_with("MATERIALIZED")
    ids = select(known.c[0]).scalar_subquery()
    by_keys = page.where(*conditions).with_only_columns(*keys, maintain_column_froms=True)
    along = _spelled(by_keys, keys)
    among = _spelled(by_keys.select_from(_led_by(ids, entity)), keys)
    return page.select_from(_led_by(case((ids.is_(None), along), else_=among), entity))


def leading(left: Any, right: Any, on: ColumnElement[bool]) -> Any:
    """A join whose left side leads: what it gives is looked up in the right one."""
    return _Leading(left, right, on)


def _spelled(rows: Select[Any], keys: Sequence[Any]) -> Any:
    return select(ids_as_text(rows.subquery().c[keys[-1].key])).scalar_subquery()


def _led_by(ids: ColumnElement[str], entity: Any) -> Any:
    listed: TableValuedAlias = _texts_of(ids).table_valued("value", name="listed")
    return _LedBy(listed, entity, entity.id == cast(listed.c.value, Uuid))


class ids_as_text(FunctionElement[str]):
    """The ids of a group as a JSON list."""

    name = "ids_as_text"
    type = String()
    inherit_cache = True


@compiles(ids_as_text)
def _ids_on_sqlite(element: ids_as_text, compiler: Any, **options: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **options)})"


@compiles(ids_as_text, "postgresql")
def _ids_on_postgresql(element: ids_as_text, compiler: Any, **options: Any) -> str:
    return f"coalesce(CAST(json_agg({compiler.process(element.clauses, **options)}) AS VARCHAR), '[]')"


class _texts_of(FunctionElement[str]):
    """The texts of a JSON list, as rows."""

    name = "texts_of"
    type = String()
    inherit_cache = True


@compiles(_texts_of)
def _texts_on_sqlite(element: _texts_of, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_texts_of, "postgresql")
def _texts_on_postgresql(element: _texts_of, compiler: Any, **options: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSONB))"


class _LedBy(_ORMJoin):
    __visit_name__ = "led_by"
    inherit_cache = True


class _Leading(Join):
    __visit_name__ = "leading"
    inherit_cache = True


@compiles(_LedBy)
@compiles(_Leading)
def _leading_join(join: Any, compiler: Any, **options: Any) -> str:
    """SQLite keeps the order of a CROSS JOIN. PostgreSQL knows what a few look-ups are worth."""
    linter = options.get("from_linter")
    if linter is not None:
        linter.edges.update((left, right) for left in join.left._from_objects for right in join.right._from_objects)
    kind = "CROSS JOIN" if compiler.dialect.name == "sqlite" else "JOIN"
    left, right = (compiler.process(side, **{**options, "asfrom": True}) for side in (join.left, join.right))
    return f"{left} {kind} {right} ON {compiler.process(join.onclause, **{**options, 'asfrom': False})}"
