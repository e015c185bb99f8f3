"""On PostgreSQL the reads of a page begin no transaction; what is written does, and what must be one picture."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import text

from app.foundation.database import db, one_picture, read_apart, read_together, transaction
from app.foundation.tenancy import acting_for_all


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
