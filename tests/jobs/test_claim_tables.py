"""The tables of the claims go with the library: made, brought up from an older version, and taken away whole."""

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.foundation.database import db
from app.jobs import claim_tables


def test_the_newest_change_of_the_library_is_known() -> None:
    newest = claim_tables.changes()[-1]
    assert newest == claim_tables.NEWEST_CHANGE, (
        "Procrastinate has changed its tables: raise NEWEST_CHANGE, and add a migration that calls claim_tables.bring_up()"
    )


OBJECTS = """
SELECT 'function ' || proname AS what FROM pg_proc WHERE proname LIKE 'procrastinate%' UNION ALL
SELECT 'type ' || typname || ' ' || coalesce(string_agg(enumlabel, ',' ORDER BY enumlabel), '')
  FROM pg_type LEFT JOIN pg_enum ON enumtypid = pg_type.oid
  WHERE typname LIKE 'procrastinate%' GROUP BY typname UNION ALL
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
  FROM information_schema.columns WHERE table_name LIKE 'procrastinate%' UNION ALL
SELECT 'index ' || indexname FROM pg_indexes WHERE tablename LIKE 'procrastinate%' UNION ALL
SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE 'procrastinate%'
"""


def objects(connection: Connection) -> set[str]:
    return set(connection.scalars(text(OBJECTS)))


@pytest.mark.postgres
def test_they_go_and_come_whole_and_again_harms_nothing(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        before = objects(connection)
        assert len(before) > 40
        claim_tables.bring_up(connection)
        assert objects(connection) == before
        claim_tables.take_away(connection)
        assert objects(connection) == set()
        claim_tables.take_away(connection)
        claim_tables.bring_up(connection)
        assert objects(connection) == before
        connection.rollback()


@pytest.mark.postgres
def test_what_the_library_changed_since_is_done_to_older_tables(app: Flask) -> None:
    """Back before the last change: the trigger that it made anew is not there."""
    with app.app_context(), db.engine.connect() as connection:
        whole = objects(connection)
        connection.execute(text("DROP TRIGGER procrastinate_trigger_status_events_update_v1 ON procrastinate_jobs"))
        connection.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS 'as of {claim_tables.changes()[-2]}'"))
        claim_tables.bring_up(connection)
        assert objects(connection) == whole
        comment = connection.scalar(text("SELECT obj_description('procrastinate_jobs'::regclass, 'pg_class')"))
        assert claim_tables.NEWEST_CHANGE in str(comment)
        connection.rollback()


@pytest.mark.postgres
def test_the_statements_can_be_read_beforehand(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    """`flask db upgrade --sql`, for an administrator who applies them by hand."""
    from flask_migrate import upgrade

    with app.app_context():
        upgrade(revision="039a89578ae2:c4a17b5e0d21", sql=True)
    told = capsys.readouterr().out
    assert "CREATE TABLE procrastinate_jobs" in told and "CREATE TABLE worker" in told and "\\:" not in told
