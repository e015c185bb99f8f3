"""Reading beside: on PostgreSQL by another thread on its own connection, unless the transaction has written what is read."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Table, event, select
from sqlalchemy.sql import visitors

from app.foundation import clock
from app.foundation.beside import read_beside
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, current
from app.months.closing import NOT_COUNTED, _ready
from app.months.model import Month
from app.months.queries import stored_totals
from app.parties.model import Organisation
from tests.actions.closed_months import NOW, OCTOBER, WORK, engagement
from tests.makers import close_month, make_entry, make_organisation
from tests.makers.months import BOOK

pytestmark = pytest.mark.usefixtures("app")


def on_postgresql() -> bool:
    return db.session.get_bind().dialect.name == "postgresql"


def test_it_reads_what_is_committed_as_the_same_viewer_at_the_same_instant() -> None:
    def read() -> tuple[int, str, datetime, int]:
        months = db.session.scalars(select(Month.id)).all()
        return threading.get_ident(), current().reason, clock.now(), len(months)

    with clock.pinned(NOW), acting_for_all("a test reads beside"), transaction() as session:
        session.add(Month(book="roll-forward", month=OCTOBER))
        with read_beside(read, written=(Month,)) as found:
            thread, reason, now, months = found()
    assert (thread == threading.get_ident(), months) == ((False, 0) if on_postgresql() else (True, 1))
    assert (reason, now) == ("a test reads beside", NOW)


def test_it_reads_at_once_where_the_transaction_has_written_something_else() -> None:
    with acting_for_all("a test reads beside"), transaction():
        made = make_organisation("Written just now")
        with read_beside(lambda: db.session.scalars(select(Organisation.id)).all(), written=(Month,)) as found:
            assert made.id in found()


def test_it_raises_what_the_reading_raised_and_nothing_is_written() -> None:
    def read() -> None:
        raise LookupError("not there")

    def write() -> None:
        with transaction() as session:
            session.add(Month(book="roll-forward", month=OCTOBER))
            with read_beside(read, written=(Month,)) as found:
                found()

    with acting_for_all("a test reads beside"):
        with pytest.raises(LookupError):
            write()
        assert db.session.scalars(select(Month.id)).all() == []


def test_a_close_counts_what_its_own_transaction_has_rated() -> None:
    made = engagement()
    with clock.pinned(datetime(2026, 11, 5, tzinfo=UTC)), acting_for_all("a test does it all at once"), transaction():
        make_entry(made, "10", month=OCTOBER, at=WORK, rated=True)
        closed = close_month(OCTOBER)
        assert [total.gross_minor for total in stored_totals([closed.month_id])] == [150_000]


def test_what_a_close_counts_beside_is_nothing_that_it_may_have_written() -> None:
    made = engagement()
    with clock.pinned(datetime(2026, 11, 5, tzinfo=UTC)):
        make_entry(made, "10", month=OCTOBER, at=WORK, rated=True)
    asked: set[str] = set()

    def note(_connection: Any, clause: Any, *_rest: Any) -> None:
        asked.update(table.name for table in visitors.iterate(clause) if isinstance(table, Table))

    with acting_for_all("a test counts a month"):
        event.listen(db.engine, "before_execute", note)
        try:
            _ready(Month(book=BOOK, month=OCTOBER, state="frozen"))
        finally:
            event.remove(db.engine, "before_execute", note)
    assert asked >= {"billing_entry", "charge_line"}
    assert asked.isdisjoint(model.__tablename__ for model in NOT_COUNTED)
