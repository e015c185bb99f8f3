"""Migrations go both ways, end where the models are, and put the append-only triggers back."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import String, cast, create_engine, inspect, select, text
from sqlalchemy.exc import DBAPIError

from app import create_app
from app.engagements import search_index
from app.foundation import append_only, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.jobs import claim_tables
from tests import databases
from tests.conftest import SERVER, on_postgres
from tests.makers import close_month, make_engagement, make_entry, make_organisation, make_product
from tests.makers.csp_documents import csp_ids


@pytest.fixture
def portal(database_url: str, pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Flask]:
    """A portal on a database of its own: taking the tables away must not disturb the other tests."""
    server: AbstractContextManager[str]
    if on_postgres(pytestconfig):
        server = databases.postgres_database(pytestconfig.stash[SERVER], f"portal_migrations_{os.getpid()}")
    else:
        server = nullcontext(f"sqlite:///{tmp_path / 'portal.sqlite3'}")
    with server as url:
        settings = {"DATABASE_URL": url, "DEMO": "0", "SECRET_KEY": "x" * 40, "INSTANCE_PATH": str(tmp_path)}
        app = create_app(settings)
        with app.app_context():
            upgrade()
            yield app
            db.session.remove()
            db.engine.dispose()


def is_modelled(name: str | None, kind: str, parents: object = None) -> bool:
    return claim_tables.is_ours(name, kind, parents) and search_index.is_modelled(name, kind, parents)


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_the_head_is_what_the_models_say(portal: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_modelled})
        assert compare_metadata(context, db.metadata) == [], 'run: ./run flask db migrate -m "..."'


def test_down_to_nothing_and_up_again(portal: Flask) -> None:
    before = tables()
    assert {"engagement", "billing_entry", "charge_line", "history"} <= before
    downgrade(revision="base")
    assert tables() == set()
    upgrade()
    assert tables() == before
    with db.engine.connect() as connection:
        assert list(append_only.unprotected(connection)) == []


def test_lived_in_data_outlives_the_head_being_applied_again(portal: Flask) -> None:
    make_entry(make_engagement(make_product()), "3", rated=True)
    db.session.remove()
    upgrade()
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT amount_minor FROM billing_entry")).scalar_one() == 45000


def test_ratings_from_before_there_were_corrections_get_their_order(portal: Flask) -> None:
    """The migration that brings corrections numbers what is rated already, group by group."""
    engagement = make_engagement(make_product())
    for quantity in ("3", "1", "2"):
        make_entry(engagement, quantity, rated=True)
    make_entry(engagement, "9")
    db.session.remove()
    downgrade(revision="15260d621bea")
    upgrade()
    with db.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT quantity, rated_sequence, kind FROM billing_entry ORDER BY number")
        ).all()
    assert [(row.quantity // 10**6, row.rated_sequence, row.kind) for row in rows] == [
        (3, 1, "entry"), (1, 2, "entry"), (2, 3, "entry"), (9, None, "entry"),
    ]  # fmt: skip


@pytest.mark.parametrize("table", append_only.APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET {column} = {column}", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_rewrite_the_past(portal: Flask, table: str, change: str) -> None:
    last = BillingMonth.at(clock.now()).previous
    make_entry(make_engagement(make_product()), "3", month=last, at=last.starts_at.replace(day=9), rated=True)
    close_month(last)
    csp_ids(make_organisation("Harborline", partner=True), make_organisation("Acme Ltd", customer=True), "G048201937")
    db.session.remove()
    column = inspect(db.engine).get_pk_constraint(table)["constrained_columns"][0]
    with db.engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(change.format(table, column=column)))


@pytest.mark.postgres
def test_the_script_for_a_database_administrator_makes_the_same_database(
    pytestconfig: pytest.Config, portal: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade(sql=True)
    script = capsys.readouterr().out
    columns = "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    indexes = "SELECT indexname, indexdef FROM pg_indexes"
    here = [f"{what} WHERE {{}} = current_schema() ORDER BY 1, 2" for what in (columns, indexes)]
    with databases.postgres_database(pytestconfig.stash[SERVER], f"portal_by_script_{os.getpid()}") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(script.encode())
        there = create_engine(url)
        with there.connect() as made, db.engine.connect() as migrated:
            for what, schema in zip(here, ("table_schema", "schemaname"), strict=True):
                asked = text(what.format(schema))
                assert made.execute(asked).all() == migrated.execute(asked).all()
            assert append_only.unprotected(made) == []
        there.dispose()


@pytest.mark.postgres
def test_the_script_folds_names_as_the_portal_does(portal: Flask, repository: Path) -> None:
    path = repository / "migrations" / "versions" / "2026_11_25_1830_saved_views_and_search.py"
    spec = spec_from_file_location("saved_views_and_search", path)
    assert spec is not None and spec.loader is not None
    migration = module_from_spec(spec)
    spec.loader.exec_module(migration)
    names = [
        "Straße ŁÓDŹ",
        "  Ærø\u00a0\u2003& Søn ",
        "ΣΊΣΥΦΟΣ ς",
        "İstanbul ıI",
        "ﬁne ǅ ⅷ",
        "Þór Đà Nẵng Œuvre",
        "مُحَمَّد",
        "ẞ ŉ ſ",
    ]
    names += ["".join(map(chr, range(start, start + 256))) for start in range(256, 0x3000, 256)]
    with db.engine.connect() as connection:
        for name in names:
            folded = connection.scalar(select(migration.folded_in_sql(cast(name, String))))
            assert folded == migration.folded(name), name
