"""A large load is what the actions would have left: everything that must hold holds, on an empty portal and on the demo's year."""

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.billing import states as entry_states
from app.billing.model import BillingEntry
from app.charges.model import ChargeLine
from app.commands.demo import seed_if_empty
from app.engagements import states
from app.engagements.model import CompletionRequest, Engagement
from app.foundation import clock
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.months import states as month_states
from app.months.model import Month, MonthClose
from tests.commands.conftest import NewPortal, run, settings_for

REPOSITORY = Path(__file__).parents[2]
#: the middle of a month: one month is open, the one before it froze last
NOW = datetime(2026, 11, 18, 14, 20, tzinfo=UTC)
SMALL = ("--engagements", 300, "--entries", 900, "--months", 12)


def load(app: Flask, *words: object, now: datetime = NOW) -> str:
    with clock.pinned(now):
        done = run(app, "demo", "load", *words)
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done.output


def assert_all_holds(app: Flask) -> str:
    with clock.pinned(NOW):
        done = run(app, "check", "all")
    assert done.exit_code == 0, done.output
    return done.output


def rows(app: Flask, *columns: Any, where: Any = True) -> list[Any]:
    """Sorted by the first column."""
    with app.app_context(), acting_for_all("a test looks"):
        found = db.session.execute(select(*columns).where(where).order_by(columns[0])).all()
        db.session.remove()
    return list(found)


@pytest.fixture(scope="module")
def loaded(new_portal: NewPortal) -> Flask:
    """300 engagements and 900 entries on what was an empty database."""
    app = new_portal(DEMO="1")
    load(app, *SMALL)
    return app


@pytest.fixture(scope="module")
def lived(new_portal: NewPortal) -> Flask:
    """The demo's year, lived until NOW."""
    app = new_portal(DEMO="1")
    with clock.pinned(NOW):
        seed_if_empty(app)
    return app


def test_everything_holds_on_what_was_an_empty_database(loaded: Flask) -> None:
    told = assert_all_holds(loaded)
    assert "engagements are in the state that history says (300 checked)" in told
    assert "billing entries are as history says (900 checked)" in told


def test_every_state_is_there_and_most_is_as_it_usually_is(loaded: Flask) -> None:
    engagements = Counter(row.state for row in rows(loaded, Engagement.state, Engagement.id))
    entries = Counter(row.state for row in rows(loaded, BillingEntry.state, BillingEntry.id))
    assert set(engagements) == {*states.CURRENT, *states.PAST}
    assert engagements[states.ACTIVE] > 100 < engagements[states.COMPLETE] + 40
    assert set(entries) == {
        entry_states.SUBMITTED,
        entry_states.IN_REVIEW,
        entry_states.RATED,
        entry_states.REJECTED,
        entry_states.WITHDRAWN,
    }
    assert entries[entry_states.RATED] > 800
    outcomes = {row.outcome for row in rows(loaded, CompletionRequest.outcome, CompletionRequest.id)}
    assert outcomes == {None, "complete", "delete", "keep-active"}
    groups = Counter(row.engagement_id for row in rows(loaded, BillingEntry.engagement_id, BillingEntry.id))
    assert max(groups.values()) > 15
    assert 1 in groups.values()


def test_numbers_go_on_and_nobody_is_told(loaded: Flask) -> None:
    assert [row.number for row in rows(loaded, Engagement.number)] == [f"ENG-{1001 + n}" for n in range(300)]
    assert {row.number for row in rows(loaded, BillingEntry.number)} == {f"BE-{1001 + n}" for n in range(900)}
    templates = {row.template for row in rows(loaded, OutboxRow.template, OutboxRow.id)}
    assert not templates & {"engagement_requested", "request_approved", "marked_complete"}


def test_what_is_past_its_cut_off_is_frozen_and_all_but_the_last_is_closed(loaded: Flask) -> None:
    found = {(str(row.month), row.state) for row in rows(loaded, Month.month, Month.state)}
    assert ("2026-11", month_states.OPEN) in found
    assert ("2026-10", month_states.FROZEN) in found
    assert {state for month, state in found if month < "2026-10"} == {month_states.CLOSED}
    undecided = {str(row.booked_month) for row in rows(loaded, BillingEntry.booked_month, BillingEntry.id, where=BillingEntry.state.in_(entry_states.UNDECIDED))}  # fmt: skip
    assert undecided <= {"2026-10", "2026-11"}


def test_an_entry_was_sent_while_its_month_was_open_and_its_engagement_ran(loaded: Flask) -> None:
    found = rows(
        loaded,
        BillingEntry.number,
        BillingEntry.submitted_at,
        BillingEntry.rated_at,
        Engagement.active_from,
        Engagement.ended_at,
        where=BillingEntry.engagement_id == Engagement.id,
    )
    for row in found:
        assert row.active_from <= row.submitted_at < NOW, row.number
        assert row.ended_at is None or row.submitted_at < row.ended_at, row.number
        assert row.rated_at is None or row.submitted_at < row.rated_at < NOW, row.number


def test_rows_lack_what_rows_of_the_actions_lack(loaded: Flask, lived: Flask) -> None:
    """In each state that the demo's year knows as well, the same columns are empty: nothing is forgotten, nothing made up."""
    for model, free in ((Engagement, {"requested_by_id"}), (BillingEntry, {"submitted_by_id"})):
        names = [column.key for column in model.__mapper__.columns if column.key not in free]
        actual, made = (
            {
                (row.state, tuple(name for name in names if getattr(row, name) is None))
                for row in rows(app, *(getattr(model, name) for name in names), where=kind_of(model))
            }
            for app in (lived, loaded)
        )
        alike = {state for state, _ in actual} & {state for state, _ in made}
        assert len(alike) > 2
        assert {one for one in made if one[0] in alike} <= actual


def kind_of(model: Any) -> Any:
    return model.is_test.is_(False) if model is Engagement else (model.kind == "entry") & model.is_test.is_(False)


def test_the_same_seed_gives_the_same_rows_and_another_gives_others(loaded: Flask, new_portal: NewPortal) -> None:
    again, other = new_portal(DEMO="1"), new_portal(DEMO="1")
    load(again, *SMALL, now=NOW.replace(minute=59))
    load(other, *SMALL, "--seed", 2)
    of_entries = (
        BillingEntry.id, BillingEntry.number, BillingEntry.state, BillingEntry.quantity, BillingEntry.amount_minor,
        BillingEntry.submitted_at, BillingEntry.rated_at, BillingEntry.engagement_id,
    )  # fmt: skip
    of_lines = (
        ChargeLine.id,
        ChargeLine.description,
        ChargeLine.gross_minor,
        ChargeLine.due_minor,
        ChargeLine.source_id,
    )
    of_engagements = (Engagement.id, Engagement.number, Engagement.name, Engagement.state, Engagement.requested_at)
    for columns in (of_entries, of_lines, of_engagements):
        assert rows(loaded, *columns) == rows(again, *columns)
        assert rows(loaded, columns[0]) != rows(other, columns[0])


def test_it_goes_on_top_of_the_demos_year_and_opens_and_closes_its_months(lived: Flask, new_portal: NewPortal) -> None:
    app = new_portal(like=lived, DEMO="1")
    before = rows(app, Engagement.number, Engagement.state, where=Engagement.is_test.is_(False))
    closes = len(rows(app, MonthClose.id))
    load(app, "--engagements", 120, "--entries", 300, "--months", 5)
    assert_all_holds(app)
    after = rows(app, Engagement.number, Engagement.state, where=Engagement.is_test.is_(False))
    assert len(after) == len(before) + 120
    assert set(before) < set(after)
    assert len(rows(app, MonthClose.id)) == closes + 6  # July to September, in two books
    told = load(app, "--engagements", 120, "--entries", 300, "--months", 5)
    assert "1 of 1 parts are there already" in told
    assert len(rows(app, MonthClose.id)) == closes + 6
    load(app, "--engagements", 60, "--entries", 0, "--months", 1)
    assert_all_holds(app)


def test_a_killed_load_leaves_whole_parts_and_goes_on(new_portal: NewPortal, tmp_path: Path) -> None:
    app = new_portal(DEMO="1")
    words = ("--engagements", 7000, "--entries", 0, "--months", 2)  # three parts
    with app.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
    environment = os.environ | settings_for(url, tmp_path, DEMO="1")
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "demo", "load", *map(str, words)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True) as loading:
        assert loading.stdout is not None
        for line in loading.stdout:
            if line.startswith("1 of 3"):
                break
        loading.send_signal(signal.SIGKILL)
    assert loading.returncode == -signal.SIGKILL
    assert run(app, "check", "all").exit_code == 0
    with app.app_context(), acting_for_all("a test looks"):
        assert db.session.scalar(select(func.count(Engagement.id))) in (2333, 4666)
        db.session.remove()
    done = run(app, "demo", "load", *words)
    assert done.exit_code == 0, done.output
    assert "parts are there already" in done.output
    assert run(app, "check", "all").exit_code == 0
    assert len({row.number for row in rows(app, Engagement.number)}) == 7000


def test_a_portal_that_is_no_demo_is_left_alone(new_portal: NewPortal) -> None:
    app = new_portal()
    refused = run(app, "demo", "load", "--engagements", 20, "--entries", 40)
    assert refused.exit_code == 1
    assert "--yes" in refused.output
    assert rows(app, Engagement.id) == []
    load(app, "--engagements", 20, "--entries", 40, "--months", 3, "--yes")
    assert len(rows(app, BillingEntry.id)) == 40
    assert_all_holds(app)


def test_on_the_first_of_a_month_one_month_back_is_enough_to_write_something(new_portal: NewPortal) -> None:
    app = new_portal(DEMO="1")
    load(app, "--engagements", 40, "--entries", 60, "--months", 1, now=datetime(2026, 11, 1, 0, 30, tzinfo=UTC))
    assert len(rows(app, Engagement.id)) == 40
    assert_all_holds(app)
