"""Whether a column's text holds some words, wherever they stand and in whichever case, for lists without a text index of their own.

    lines.where(holds_words(ChargeLine.description, words))

No LIKE: SQLite prepares a statement anew whenever it is asked with a pattern, and PostgreSQL expects of one pattern many rows and of
another none, and plans for each. Of this it always expects a third of all, and reads a list in its order.
"""

from typing import Any

from sqlalchemy import Boolean, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def holds_words(column: Any, words: Any) -> Any:
    """`words`: as they were typed, or a place for them."""
    return holds(func.lower(column), func.lower(words))


class holds(FunctionElement[bool]):
    """The same, letter for letter."""

    name = "holds"
    type = Boolean()
    inherit_cache = True


@compiles(holds)
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)}) > 0"


@compiles(holds, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)}) > 0"
