"""Where SQLAlchemy stands aside and the driver is asked itself, what it raises is still what is raised elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


@contextmanager
def driver_errors_as_ever(connection: Connection, statement: str) -> Iterator[None]:
    """IntegrityError and all; a connection that was cut is known to be, and goes back to no pool."""
    errors: Any = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except errors as wrong:
        cut = connection.dialect.is_disconnect(wrong, connection.connection.driver_connection, None)
        if cut:
            connection.invalidate(wrong)
        raise DBAPIError.instance(
            statement, None, wrong, errors, hide_parameters=True, connection_invalidated=cut, dialect=connection.dialect
        ) from wrong
