"""How PostgreSQL carries out what a close asks of all chains at once."""

import uuid

import pytest
from sqlalchemy import text

from app.foundation import bulk
from app.foundation.database import transaction
from app.foundation.history import HistoryHead
from app.foundation.tenancy import acting_for_all
from app.months.root import mark_chains


@pytest.mark.postgres
def test_the_first_close_does_not_read_its_own_marks_again_for_each_chain() -> None:
    """A table that was looked at while it was empty is planned as an empty one, unless told otherwise."""
    with acting_for_all("a test makes chains"), transaction() as session:
        names = ("subject_kind", "subject_id", "length", "hash")
        bulk.insert(HistoryHead, names, [("month", uuid.uuid4(), 1, "0" * 64) for _ in range(500)])
        for table in ("chain_mark", "history_head"):
            session.execute(text(f"ANALYZE {table}"))
        looks = text("SELECT seq_scan + idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'chain_mark'")
        # earlier transactions of this connection count as well, until the server has taken note of them
        before = session.scalar(looks)
        assert mark_chains(1).chains >= 500
        assert session.scalar(looks) - before < 10
        assert session.scalar(text("SHOW enable_nestloop")) == "on"
