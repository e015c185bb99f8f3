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

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Join, Select, String, TableValuedAlias, Uuid, case, cast, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm.util import _ORMJoin
from sqlalchemy.sql.functions import FunctionElement

from app.foundation.database import at_most
from app.foundation.unseen import BOUND_UNSEEN, bound_of

Statement = TypeVar("Statement", bound=Select[Any])
_OPTION, _CHOSEN = "found_first", "chosen_first"
#: So many of the next rows are asked whether they make up the page, unless none of the very next is meant: then all of them
#: would be asked in vain.
NEXT, VERY_NEXT = 500, 100


class Near(NamedTuple):
    """The list's next rows, asked before all else whether they make up the page."""

    #: as of chosen_first(), less the conditions that are dear; it selects what those compare
    rows: Select[*tuple[Any, ...]]
    #: given the columns of those rows, the dear conditions
    holds: Callable[[Any], Sequence[ColumnElement[bool]]]
    #: the few that are asked for afterwards, if nothing is behind a cursor
    few: Select[Any]


def found_first(
    statement: Statement,
    few: Select[Any],
    entity: Any,
    chosen: Select[*tuple[Any, ...]] | None = None,
    near: Near | None = None,
) -> Statement:
    """The same list; read without page_of it is read along itself. `chosen`: as of chosen_first()."""
    return statement.execution_options(**{_OPTION: (few, near), _CHOSEN: (chosen, entity)})


def chosen_first(listed: Statement, chosen: Select[*tuple[Any, ...]], entity: Any) -> Statement:
    """The list of the rows that `chosen` selects the keys of, for page_of(): `listed` has all that they show, and drops none."""
    return listed.execution_options(**{_CHOSEN: (chosen, entity)})


def chosen_of(statement: Select[Any]) -> Select[*tuple[Any, ...]] | None:
    """What was given to choose the page's rows from, if it is not the list itself."""
    chosen, _entity = statement.get_execution_options().get(_CHOSEN, (None, None))
    assert chosen is None or statement.whereclause is None, "a condition here would shorten the page: choose by it"
    return chosen


def is_led(statement: Select[Any]) -> bool:
    """Whether it was given few."""
    return _OPTION in statement.get_execution_options()


def rows_of_chosen(statement: Statement, page: Select[Any], keys: Sequence[Any]) -> Statement:
    """The rows of `page`: of what was chosen, the page's own keys."""
    _chosen, entity = statement.get_execution_options()[_CHOSEN]
    first = page.subquery("chosen")
    return statement.select_from(leading(first, entity, keys[-1] == first.c[keys[-1].key]))


def rows_of_few(
    statement: Statement, placed: Callable[[Select[Any]], Select[Any]], keys: Sequence[Any], most: int, *, beyond: bool
) -> Statement:
    """The same, or of the few instead, where few can be meant. `placed`: gives a list its order, from the cursor's place."""
    options = statement.get_execution_options()
    (few, near), (chosen, entity) = options[_OPTION], options[_CHOSEN]
    if chosen is None:
        chosen = statement.with_only_columns(*keys, maintain_column_froms=True)
    bound = bound_of(statement)
    page = placed(chosen).limit(bound(most))
    known = (near.few if near and not beyond else few).cte("few").prefix_with("MATERIALIZED")
    ids = select(known.c[0]).scalar_subquery()
    along = _spelled(page, keys)
    among = _spelled(page.select_from(_led_by(ids, entity)), keys)
    found: Any = case((ids.is_(None), along), else_=among)
    if near is not None:
        found = func.coalesce(_whole_page(near, placed, keys, most, bound), found)
    return statement.select_from(_led_by(found, entity))


def _whole_page(
    near: Near,
    placed: Callable[[Select[Any]], Select[Any]],
    keys: Sequence[Any],
    most: int,
    bound: Callable[[int], Any],
) -> Any:
    """NULL: the next rows have too few that are meant. What has a limit is read in its own order, and so the first are taken."""

    def meant(asked: int) -> Select[*tuple[Any, ...]]:
        rows = placed(near.rows).limit(bound(asked)).subquery()
        return select(rows.c[keys[-1].key]).where(*near.holds(rows.c))

    page = meant(NEXT).limit(at_most(most)).subquery()
    whole = case((func.count() == at_most(most), ids_as_text(page.c[0])))
    return case((meant(VERY_NEXT).exists(), select(whole).select_from(page).scalar_subquery()))


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
    left, right, on = _sides(join, compiler, options)
    return f"{left} {'CROSS JOIN' if compiler.dialect.name == 'sqlite' else 'JOIN'} {right} ON {on}"


@compiles(_LedBy, "postgresql")
def _looked_up(join: Any, compiler: Any, **options: Any) -> str:
    """Of a viewer with few rows PostgreSQL expects all of them to be read sooner than some looked up by their ids, and so it would
    read those of one that has thousands: where it must not see how many are asked for, each is looked up by itself. Whether the
    row is shown is asked of what comes out, by the statement's own conditions."""
    if not compiler.execution_options.get(BOUND_UNSEEN):
        return _leading_join(join, compiler, **options)
    left, right, on = _sides(join, compiler, options)
    one = f"SELECT * FROM {right} WHERE {on} LIMIT 1"  # noqa: S608  what the compiler wrote
    return f"{left} JOIN LATERAL ({one}) AS {right.split()[-1]} ON true"


def _sides(join: Any, compiler: Any, options: dict[str, Any]) -> tuple[str, str, str]:
    linter = options.get("from_linter")
    if linter is not None:
        linter.edges.update((left, right) for left in join.left._from_objects for right in join.right._from_objects)
    left, right = (compiler.process(side, **{**options, "asfrom": True}) for side in (join.left, join.right))
    return left, right, compiler.process(join.onclause, **{**options, "asfrom": False})
