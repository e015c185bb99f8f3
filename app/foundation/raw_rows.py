"""Very many rows of a select as the driver gives them, with no object a row: for files whose cells the database spells itself.

    for rows in copied(statement, 500)      as PostgreSQL's COPY writes CSV: commas, quotes where needed, LF at a row's end
    for rows in fetched(statement, 500)     tuples

Neither goes through Session.execute, where the tenancy listener sits. So both put its criteria into the statement first, by the
listener's own function (tenancy.shown), and compile what comes out; a test holds every file equal to what the listener lets through.
One statement is one moment, whatever is written while it is read.
"""

import selectors
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from typing import Any

from psycopg import capabilities
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from sqlalchemy import Select

from app.foundation.database import db, read_together
from app.foundation.driver_errors import driver_errors_as_ever
from app.foundation.tenancy import shown

AnySelect = Select[*tuple[Any, ...]]
#: may write a statement otherwise, once it is one of tables and holds the viewer's criteria
Finish = Callable[[AnySelect], AnySelect]
_LITERALLY = {"literal_binds": True}
#: For this transaction: a plan that begins to give rows at once, along the index of the order where there is one, and not by sorting
#: them all. And the process that writes the rows out has enough to do: where two others read, what it also read would keep them waiting.
_PLANNED_FOR_A_FILE = """
SELECT set_config('enable_sort', 'off', true),
    CASE WHEN current_setting('max_parallel_workers_per_gather')::int > 1
    THEN set_config('parallel_leader_participation', 'off', true) END
"""


def copied(statement: AnySelect, batch: int, finish: Finish) -> Generator[Sequence[Any], None, None]:
    """PostgreSQL's own CSV, `batch` rows at a time. Whoever stops reading cancels the statement, and the connection is good again."""
    connection = read_together().connection()
    copy = f"COPY ({_written_out(statement, finish)}) TO STDOUT (FORMAT csv)"
    driver: Any = connection.connection.driver_connection
    connection.exec_driver_sql(_PLANNED_FOR_A_FILE)
    try:
        with driver_errors_as_ever(connection, copy), driver.cursor() as cursor, cursor.copy(copy):
            last = yield from _arriving(driver.pgconn, batch)
        if last:  # the copy has ended: whoever stops here finds nothing to cancel
            yield last
    except BaseException:
        db.session.rollback()  # a statement that was cancelled leaves a transaction that takes no other
        raise


def _arriving(sent: PGconn, batch: int) -> Generator[Sequence[Any], None, Sequence[Any]]:
    """What `for row in cursor.copy(...)` gives, whole batches of it, and returns what is left. That goes through five generators a
    row, which took longer than all the rest."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(sent.socket, selectors.EVENT_READ)
        rows: list[Any] = []
        while True:
            length, row = sent.get_copy_data(1)
            if length > 0:
                rows.append(row)
                if len(rows) == batch:
                    yield rows
                    rows = []
            elif length == 0:  # no more has arrived yet
                waiting.select()
                sent.consume_input()
            else:
                break
    for ended in list(iter(sent.get_result, None)):  # all of them first: the connection is good again only then
        if ended.status != ExecStatus.COMMAND_OK:
            raise error_from_result(ended)
    return rows


def fetched(statement: AnySelect, batch: int, finish: Finish | None = None) -> Generator[Sequence[Any], None, None]:
    """Plain tuples, `batch` at a time. On PostgreSQL without a cursor of the server's: under one nothing is read by parallel
    workers, and nothing may be written by the statement itself."""
    connection, written = db.session.connection(), _written_out(statement, finish)
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


def _written_out(statement: AnySelect, finish: Finish | None = None) -> str:
    """What this viewer is shown, as text: COPY takes no parameters, so SQLAlchemy writes every value into it, quoted."""
    dialect = db.session.get_bind().dialect
    compiled: Any = shown(statement).compile(dialect=dialect, compile_kwargs=_LITERALLY)
    if finish is not None:
        compiled = finish(compiled.compile_state.statement).compile(dialect=dialect, compile_kwargs=_LITERALLY)
    text = str(compiled)
    return text.replace("%%", "%") if dialect.paramstyle in ("format", "pyformat") else text
