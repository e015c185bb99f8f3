"""A condition for rows that are looked for among few, by an index that holds only those.

    select(BillingEntry.id).where(among_few(BillingEntry.engagement_id, ENGAGEMENT_ID), IS_UNDECIDED)

PostgreSQL takes an engagement that it does not know yet for an average one, with a row or two in whichever index, and may read all ten
thousand of a large one to find the three that wait. How much lies between a value and itself it does not know either, and expects a
two-hundredth of the table: so it reads the index of the few.
"""

from typing import Any

from sqlalchemy import BinaryExpression
from sqlalchemy.ext.compiler import compiles


class AmongFew(BinaryExpression[bool]):
    inherit_cache = True


def among_few(column: Any, value: Any) -> AmongFew:
    """column = value."""
    equal = column == value
    return AmongFew(equal.left, equal.right, equal.operator, type_=equal.type)


@compiles(AmongFew)
def _equals(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_binary(element, **options))


@compiles(AmongFew, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, value = (compiler.process(each, **options) for each in (element.left, element.right))
    return f"{column} BETWEEN {value} AND {value}"
