"""A statement that is planned once hides its values from PostgreSQL, and still asks with them."""

from typing import Any

from flask import Flask
from sqlalchemy import String, select
from sqlalchemy.dialects import postgresql, sqlite

from app.engagements import states
from app.engagements.queries import LIST_KEYS, engagements_asked
from app.foundation import pages
from app.foundation.identity import new_id
from app.foundation.kept_statements import columns_of
from app.foundation.tenancy import acting_for_all
from app.foundation.unseen import PLANNED_ONCE, Unseen
from app.parties.model import Organisation
from tests.databases import Restorer
from tests.people import everybody

FOUND = select(Organisation.name).where(Organisation.name == Unseen("name", type_=String()))
ONCE = FOUND.execution_options(**{PLANNED_ONCE: True})


def test_its_values_are_hidden_on_postgresql_alone() -> None:
    assert "(SELECT %(name)s::VARCHAR)" in str(ONCE.compile(dialect=postgresql.psycopg.dialect()))
    assert "SELECT %(name)s" not in str(FOUND.compile(dialect=postgresql.psycopg.dialect()))
    assert "= ?" in str(ONCE.compile(dialect=sqlite.dialect()))


def test_a_cursor_is_one_of_them() -> None:
    """A list's last page is what lies before some place: it would look dearer than the average one, and be planned each time."""
    keys: Any = LIST_KEYS
    page = pages.page_rows(engagements_asked()[0], keys, pages.PAGE, upwards=True, beyond=True)
    assert "(SELECT %(cursor_1)s" in str(page.compile(dialect=postgresql.psycopg.dialect()))


def test_it_finds_the_same(app: Flask, restore_database: Restorer) -> None:
    with app.app_context(), acting_for_all("a test asks"):
        everybody(app, restore_database)
        for statement in (FOUND, ONCE):
            for name, found in (("Acme", ["Acme"]), ("nobody", [])):
                assert [row.name for row in columns_of(statement, {"name": name})] == found


def test_lists_are_unless_a_value_decides_how_they_are_read(app: Flask) -> None:
    row_id = new_id()
    with app.app_context():
        cases: list[tuple[dict[str, Any], bool]] = [
            ({}, True),
            ({"product_id": row_id}, True),
            ({"customer_id": row_id, "states_wanted": [states.PENDING]}, False),
        ]
        for asked, once in cases:
            found, _values = engagements_asked(**asked)
            assert found.get_execution_options().get(PLANNED_ONCE, False) is once
