"""Ids that stand in very many rows, such as a partner's or an engagement's: each read as one object, whatever the database.

    select(as_shared_id(BillingEntry.partner_id), ...)

What is compared, looked up or spelled for twenty thousand rows is then known at a glance, and not by its digits.
"""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.foundation.database import id_of


class _SharedId(TypeDecorator[uuid.UUID]):
    """Text that is remembered by the id it spells."""

    impl = String
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], uuid.UUID | None]:
        return id_of


class as_shared_id(FunctionElement[uuid.UUID]):
    """An id's column; SQLite keeps text."""

    name = "as_shared_id"
    type = _SharedId()
    inherit_cache = True


@compiles(as_shared_id)
def _on_sqlite(element: as_shared_id, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(as_shared_id, "postgresql")
def _on_postgresql(element: as_shared_id, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS VARCHAR)"
