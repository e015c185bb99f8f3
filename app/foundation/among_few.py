"""A condition for rows that are looked for among few, by an index that holds only those.

    select(BillingEntry.id).where(among_few(BillingEntry.engagement_id, ENGAGEMENT_ID), IS_UNDECIDED)

PostgreSQL takes an engagement that it does not know yet for an average one, with a row or two in whichever index, and may read all ten
thousand of a large one to find the three that wait. How much lies between a value and itself it does not know either, and expects a
two-hundredth of the table: so it reads the index of the few.
"""

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class among_few(FunctionElement[bool]):
    """`among_few(column, value)`: column = value."""

    name = "among_few"
    type = Boolean()
    inherit_cache = True


@compiles(among_few)
def _equals(element: Any, compiler: Any, **options: Any) -> str:
    column, value = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = {value}"


@compiles(among_few, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, value = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} BETWEEN {value} AND {value}"
