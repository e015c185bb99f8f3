"""On PostgreSQL the reads of a page begin no transaction; what is written does, and what must be one picture.

On both databases a page reads on one connection, and what it has written itself it sees."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.foundation.database import db, one_picture, read_apart, read_together, transaction
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation
from tests.people import move_in

NAMES = select(Organisation.name).order_by(Organisation.name)


def moments() -> tuple[datetime, datetime]:
    """now() is when the transaction began: the same one twice within one."""
    first, second = (db.session.execute(text("SELECT now()")).scalar_one() for _ in range(2))
    return first, second


def is_one(both: tuple[datetime, datetime]) -> bool:
    return both[0] == both[1]


@pytest.mark.postgres
def test_each_read_stands_by_itself_and_what_is_written_together(app: Flask) -> None:
    with app.app_context(), acting_for_all("a test reads"):
        read_apart()
        assert not is_one(moments())
        with transaction():
            assert is_one(moments())
        assert not is_one(moments())
        with one_picture():
            assert is_one(moments())
        read_together()
        assert is_one(moments())
        db.session.remove()


@pytest.mark.postgres
def test_a_connection_comes_back_as_it_went(app: Flask) -> None:
    with app.app_context(), acting_for_all("a test reads"):
        for _ in range(2):
            read_apart()
            moments()
            db.session.remove()
            assert is_one(moments())
            db.session.remove()


def test_a_page_reads_on_one_connection_and_sees_what_it_wrote(app: Flask) -> None:
    with app.app_context(), acting_for_all("a test reads"):
        acme = move_in().acme.id
        db.session.remove()
        in_use = db.engine.pool.checkedout  # type: ignore[attr-defined]
        read_apart()
        before = [row.name for row in columns_of(NAMES)]
        assert in_use() == 1
        assert list(db.session.scalars(NAMES)) == before
        assert in_use() == 1, "the session has taken over"
        db.session.commit()
        columns_of(NAMES)
        with transaction():
            renamed = db.session.get_one(Organisation, acme)
            renamed.name = "Zyx"
            assert in_use() == 1
        assert [row.name for row in columns_of(NAMES)][-1] == "Zyx"
        db.session.remove()
        assert in_use() == 0
