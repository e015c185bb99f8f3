"""Values that PostgreSQL does not see while it plans a statement, so that it plans it once for all of them.

    found.execution_options(**{PLANNED_ONCE: True})     # in front of page_of(found, ..., values=...)

A statement that is asked again and again is planned for its values five times, and then once for good if that looks no dearer. Of a
month with very many engagements it looks dearer, however equal the two plans are, and so each page waits for its plan longer than
for its rows. Such a value stands in the text as (SELECT value): whoever plans knows that there is one, and no more.

Only where an average value's plan serves every other, because an index has the list's order and nothing else is worth a look.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, Integer
from sqlalchemy.ext.compiler import compiles

from app.foundation.database import at_most

#: An execution option of a statement that is asked with parameters of this kind.
PLANNED_ONCE = "planned_once"
#: One of a list that PLANNED_ONCE is, of rows of which one viewer has thousands and an average one less than a page: nor is it seen
#: how many rows its page has, see unseen().
BOUND_UNSEEN = "bound_unseen"


class Unseen(BindParameter[Any]):
    """A parameter that PostgreSQL does not see in a statement that is planned once; elsewhere one like any other."""

    inherit_cache = True


def unseen(rows: int) -> Unseen:
    """For `.limit(unseen(51))`: PostgreSQL then expects a tenth of what it finds to be asked for, however little that is. It reads that
    along an index, which needs not find the rest; fifty of an average thirty it would find all, and sort them."""
    return Unseen(None, rows, type_=Integer(), unique=True)


def bound_of(statement: Any) -> Callable[[int], Any]:
    """What makes a bound of a page's statement."""
    return unseen if statement.get_execution_options().get(BOUND_UNSEEN) else at_most


@compiles(Unseen)
def _as_ever(element: Unseen, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_bindparam(element, **options))


@compiles(Unseen, "postgresql")
def _on_postgresql(element: Unseen, compiler: Any, **options: Any) -> str:
    place = _as_ever(element, compiler, **options)
    return f"(SELECT {place})" if compiler.execution_options.get(PLANNED_ONCE) else place
