"""Very many rows of a select as the driver gives them, with no object a row: for files whose cells the database spells itself.

    for row in copied(statement)          one row as PostgreSQL's COPY writes CSV: commas, quotes where needed, LF at its end
    for rows in fetched(statement)        tuples, some hundred at a time

Neither goes through Session.execute, where the tenancy listener sits. So both put its criteria into the statement first, by the
listener's own function (tenancy.shown), and compile what comes out; a test holds every file equal to what the listener lets through.
One statement is one moment, whatever is written while it is read.
"""

from collections.abc import Generator, Sequence
from itertools import islice
from typing import Any

from psycopg import capabilities
from sqlalchemy import Select

from app.foundation.database import db, read_together
from app.foundation.driver_errors import driver_errors_as_ever
from app.foundation.tenancy import shown

AnySelect = Select[*tuple[Any, ...]]


def copied(statement: AnySelect) -> Generator[bytes, None, None]:
    """PostgreSQL's own CSV, row by row. Whoever stops reading cancels the statement, and the connection is good again."""
    connection = read_together().connection()
    copy = f"COPY ({_written_out(statement)}) TO STDOUT (FORMAT csv)"
    driver: Any = connection.connection.driver_connection
    # a plan that begins to give rows at once: along the index of the order, where there is one, and not by sorting them all
    connection.exec_driver_sql("SET LOCAL enable_sort TO off")
    try:
        with driver_errors_as_ever(connection, copy), driver.cursor() as cursor, cursor.copy(copy) as rows:
            yield from rows
    except BaseException:
        db.session.rollback()  # a statement that was cancelled leaves a transaction that takes no other
        raise


def fetched(statement: AnySelect, batch: int) -> Generator[Sequence[Any], None, None]:
    """Plain tuples, `batch` at a time. On PostgreSQL without a cursor of the server's: under one nothing is read by parallel
    workers, and nothing may be written by the statement itself."""
    connection, written = db.session.connection(), _written_out(statement)
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver_errors_as_ever(connection, written), driver.cursor() as cursor:
            together = batch if capabilities.has_stream_chunked() else 1
            rows = cursor.stream(written, size=together)
            while some := list(islice(rows, batch)):
                yield some
        return
    found = connection.exec_driver_sql(written)
    try:
        assert found.cursor is not None
        while rows := found.cursor.fetchmany(batch):
            yield rows
    finally:
        found.close()


def _written_out(statement: AnySelect) -> str:
    """What this viewer is shown, as text: COPY takes no parameters, so SQLAlchemy writes every value into it, quoted."""
    dialect = db.session.get_bind().dialect
    text = str(shown(statement).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return text.replace("%%", "%") if dialect.paramstyle in ("format", "pyformat") else text
