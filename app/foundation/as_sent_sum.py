"""The exact sum of amounts that are kept as text, inside SQL, on either database."""

from decimal import Decimal
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.foundation.database import AsSent


class sum_as_sent(FunctionElement[Decimal]):
    """The exact sum of an AsSent column's values, inside SQL; no row, no sum."""

    type = AsSent()
    inherit_cache = True


@compiles(sum_as_sent)
def _sum_as_sent(element: sum_as_sent, compiler: Any, **options: Any) -> str:
    return f"sum_as_sent({compiler.process(element.clauses, **options)})"


@compiles(sum_as_sent, "postgresql")
def _sum_as_sent_on_postgresql(element: sum_as_sent, compiler: Any, **options: Any) -> str:
    return f"CAST(SUM(CAST({compiler.process(element.clauses, **options)} AS NUMERIC)) AS TEXT)"
