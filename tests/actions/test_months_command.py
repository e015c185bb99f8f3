"""`flask months close` and `flask months reopen`, for whoever runs the machine."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.billing import rating
from app.foundation import clock
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.tenancy import acting_for_all
from app.months import states as month_states
from app.months.model import MonthClose
from tests.actions.closed_months import (
    NOW,
    OCTOBER,
    WORK,
    engagement,
    row_of,
)
from tests.makers import (
    freeze_month,
    make_entry,
)


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


def run(app: Flask, *words: str) -> tuple[int, str]:
    with clock.pinned(NOW):
        told = app.test_cli_runner().invoke(args=["months", *words])
    assert told.exception is None or isinstance(told.exception, SystemExit), told.output
    return told.exit_code, told.output


def test_the_command_line_closes_and_reopens(app: Flask) -> None:
    made = engagement()
    waiting = make_entry(made, "10", month=OCTOBER, at=WORK)
    number, entry_id = waiting.number, waiting.id
    assert "is not a month written YYYY-MM" in run(app, "close", "2026-13")[1]
    assert "No book has" in run(app, "close", "2026-09")[1]
    freeze_month(OCTOBER)
    db.session.remove()
    code, output = run(app, "close", "2026-10")
    assert (code, number in output) == (1, True)
    with acting_for_all("a test's job") as job:
        rating.rate_entry(entry_id, by=job)
    db.session.remove()
    code, output = run(app, "close", "2026-10")
    assert code == 0, output
    assert "gross 1500.00 USD, due 1200.00 USD, tax 0.00 USD" in output
    with acting_for_all("a test looks"):
        assert db.session.scalars(select(MonthClose.root_hash)).one() in output
    assert "closed already" in run(app, "close", "2026-10")[1]
    assert run(app, "reopen", "2026-10")[0] == 2  # without a reason
    assert run(app, "reopen", "2026-10", "--reason", " ")[0] == 1
    assert run(app, "reopen", "2026-10", "--reason", "A strike")[0] == 0
    assert row_of(OCTOBER).state == month_states.REOPENED
    with acting_for_all("a test reads history"):
        told = db.session.execute(
            select(History.facts, History.by_label).where(History.event == "month_reopened")
        ).one()
    assert "from the command line" in told.facts
    assert told.by_label == "system"
    assert "nothing to reopen" in run(app, "reopen", "2026-10", "--reason", "A strike")[1]
