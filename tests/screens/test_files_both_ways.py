"""The long lists' files are made by the database, past the listener: they hold what the listener shows, and not a byte else."""

import re
import uuid
from types import SimpleNamespace

import pytest
from sqlalchemy.dialects import postgresql

from app.documents import csv_in_sql
from app.documents.spelled import spelled_text
from app.documents.spelled_once import spelled_once
from app.engagements.queries import engagements
from app.foundation import raw_rows, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.screens.customer import my_billing_entries, my_charges, my_engagements
from app.web import engagement_list, entry_list
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.screens import billing_stage
from tests.screens.billing_stage import utc

LISTS = (
    "/engagements", "/engagements?status=all", "/engagements?status=past", "/engagements?search=24x7+50%25", "/engagements?search=incident",
    "/engagements?month=2026-07", "/engagements?entries=waiting", "/my/engagements", "/my/engagements?status=active", "/my/charges",
    "/my/charges?month=2026-10", "/my/charges?search=38.25", "{mine}/billing-entries", "{mine}/billing-entries?status=rated",
    "{mine}/billing-entries?search=crash%25_'", "{mine}/billing-entries?month=2026-10", "/my{mine}/billing-entries",
    "/my{mine}/billing-entries?status=rejected", "/my{mine}/billing-entries?month=2026-10", "{foreign}/billing-entries",
    "/my{foreign}/billing-entries",
)  # fmt: skip
PEOPLE = ("ada", "ben", "cy", "dot", "eve", "olga")
#: planted in Contrail's work for Globex, and in nothing of anybody else's
FOREIGN = "Watch of Globex"


@pytest.fixture
def stage(app, people):
    stage = billing_stage.set_stage(app, people)
    with app.app_context():
        other = make_product(make_programme("Other rules"), people.contrail, name="=Cloud; +watch")
        globex = make_engagement(other, people.globex, name=FOREIGN, at=utc(2026, 9, 1))
        for month, notes in (
            (BillingMonth(2026, 9), f"-{FOREIGN}"),
            (BillingMonth(2026, 10), f'{FOREIGN}, "two\nlines"'),
        ):
            make_entry(globex, "7", month=month, at=utc(2026, month.month, 25), notes=notes, rated=True)
        make_entry(
            stage.engagement,
            "3",
            notes='=1+1; @SUM(A1), "quoted"\r\ncrash%_\'',
            by=people.viewer("ada"),
            at=utc(2026, 10, 30),
        )
        foreign = f"/engagements/{globex.id}"
        db.session.remove()
    with billing_stage.at():
        yield SimpleNamespace(here=stage.here, path=stage.path, foreign=foreign)


def files(as_, stage):
    """(person, list) -> the CSV, of everything that this person may open."""
    found = {}
    for name in PEOPLE:
        for path in LISTS:
            path, _, query = path.format(mine=stage.here, foreign=stage.foreign).partition("?")
            answer = as_(name).get(f"{path}.csv?{query}")
            assert answer.status_code in (200, 403, 404), (name, path)
            if answer.status_code == 200:
                found[name, f"{path}?{query}"] = answer.data
    return found


def test_both_ways_hold_the_same_for_everybody(as_, stage, monkeypatch):
    in_sql = files(as_, stage)
    monkeypatch.setattr(csv_in_sql, "_SPELLED", ())  # no cell is known to the database: Python makes them all
    in_python = files(as_, stage)
    assert in_sql == in_python
    assert {name for name, _ in in_sql} == set(PEOPLE)
    rows = [text.count(b"\r\n") - 1 for text in in_sql.values()]
    assert len(rows) > 40 and sum(rows) > 60


def test_a_file_outlives_its_request(as_, stage, monkeypatch):
    """The request is over with the first piece; what the database reads goes on, either way."""
    path = f"{stage.path}.csv"
    whole = as_("ada").get(path).data
    for name, one_by_one in (("csv_in_sql.BATCH", 1), ("csv_stream.CHUNK", 1), ("row_stream.BATCH", 1)):
        monkeypatch.setattr(f"app.documents.{name}", one_by_one)
    for cells in (csv_in_sql._SPELLED, ()):
        monkeypatch.setattr(csv_in_sql, "_SPELLED", cells)
        answer = as_("ada").get(path, buffered=False)
        pieces = list(answer.response)
        answer.close()
        assert b"".join(pieces) == whole
        assert len(pieces) > 3


def test_nobody_gets_what_is_anothers(as_, stage):
    for (name, path), text in files(as_, stage).items():
        foreign, own = FOREIGN in text.decode(), "24x7 incident response" in text.decode()
        assert not (foreign and name in ("ada", "ben", "dot")), path
        assert not (own and name in ("cy", "eve")), path
    whole = files(as_, stage)
    assert all(FOREIGN.encode() in whole[name, "/engagements?"] for name in ("cy", "olga"))
    assert FOREIGN.encode() in whole["eve", f"/my{stage.foreign}/billing-entries?"]


def test_the_long_lists_are_made_by_the_database(app):
    """Their every column is declared for it: one that only Python can make would cost a million rows their speed."""
    from app.billing import own_entries
    from app.billing.queries import entries_of
    from app.charges.queries import own_charges

    some = uuid.uuid4()
    with app.app_context():
        for columns, statement in (
            (engagement_list.COLUMNS, engagements()),
            (my_engagements.COLUMNS, engagements()),
            (my_charges.COLUMNS, own_charges()),
            (my_billing_entries.COLUMNS, own_entries.charged_rows(own_entries.own_entries(some))),
            (entry_list.columns({}), entries_of(some)),
        ):
            assert csv_in_sql.in_sql(columns, statement) is not None


@pytest.mark.parametrize("capacity", ["operator", "partner", "customer"])
def test_names_made_once_are_those_that_the_viewer_is_shown(app, capacity):
    """The statement of a file on PostgreSQL has every criterion that it had, and spells four names beneath their joins."""
    with app.app_context(), tenancy.viewing(tenancy.Viewer(capacity, uuid.uuid4())):
        names = [engagements().selected_columns[f"{name}_name"] for name in ("customer", "partner", "product", "plan")]
        statement = engagements().with_only_columns(*map(spelled_text, names), maintain_column_froms=True)
        shown = tenancy.shown(statement).compile(dialect=postgresql.dialect()).compile_state.statement
        before, after = (
            " ".join(str(one.compile(dialect=postgresql.dialect())).split()) for one in (shown, spelled_once(shown))
        )
    spelled, _, joined = after.partition(" FROM engagement ")
    assert "regexp_replace" not in spelled and joined.count("AS spelled_name FROM") >= 4
    whole = re.compile(r"\(SELECT (?:(?!\(SELECT ).)* AS spelled_name FROM (\w+)\) AS (\w+)")
    as_tables = whole.sub(lambda found: found[1] if found[1] == found[2] else f"{found[1]} AS {found[2]}", joined)
    as_joins = re.sub(r"\((\w+\.\w+ IN \(SELECT (?:[^()]|\([^()]*\))*\))\) IS true", r"\1", as_tables)
    assert as_joins == before.partition(" FROM engagement ")[2]


@pytest.mark.postgres
def test_what_the_viewer_may_see_of_a_name_becomes_no_join(app):
    """PostgreSQL keeps each plan by its id then, where it went through all plans for each of a million rows."""
    with app.app_context(), tenancy.viewing(tenancy.Viewer("operator", uuid.uuid4())):
        name = engagements().selected_columns["plan_name"]
        statement = engagements().with_only_columns(spelled_text(name), maintain_column_froms=True)
        plans = []
        for finish in (None, spelled_once):
            rows = db.session.connection().exec_driver_sql(f"EXPLAIN {raw_rows._written_out(statement, finish)}")
            plans.append("\n".join(row[0] for row in rows))
        db.session.rollback()
    before, after = plans
    assert "SubPlan" not in before
    assert "hashed SubPlan" in after
