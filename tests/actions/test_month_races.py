"""What closes a month and what is done to it at the same moment: one of them comes first, never both halves."""

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.billing import actions as billing
from app.billing.model import BillingEntry
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.database import db
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.months import closing, reopening
from app.months import states as month_states
from app.months.model import MonthClose
from tests.actions.closed_months import (
    NOW,
    OCTOBER,
    WORK,
    engagement,
    row_of,
)
from tests.actions.submitting import ada_of, draft_for
from tests.makers import (
    as_operator,
    freeze_month,
    make_entry,
)


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


def test_two_closes_of_one_month_store_it_once(app: Flask) -> None:
    make_entry(engagement(), "10", month=OCTOBER, at=WORK, rated=True)
    row = freeze_month(OCTOBER)
    olga = as_operator()
    db.session.remove()
    gate, outcomes = threading.Barrier(2), []

    def run() -> None:
        with app.app_context(), clock.pinned(NOW), viewing(olga):
            gate.wait(10)
            try:
                closing.close(row, by=olga)
                outcomes.append("closed")
            except AlreadyDone:
                outcomes.append("late")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["closed", "late"]
    with acting_for_all("a test counts"):
        assert len(db.session.scalars(select(MonthClose.id)).all()) == 1


def test_a_submit_into_a_reopened_month_races_its_close(app: Flask) -> None:
    """Either the entry is in, undecided, and so in the way of the close; or the month closed first and refuses it."""
    made = engagement()
    with acting_for_all("the machine's owner") as owner:
        reopening.reopen_at_once(freeze_month(OCTOBER), reason="Lost", by=owner)
    row, olga, ada = row_of(OCTOBER), as_operator(), ada_of(made)
    draft = draft_for(made, "2026-10")
    db.session.remove()
    gate, outcomes = threading.Barrier(2), []

    def run(do: Any, by: Any) -> None:
        with app.app_context(), clock.pinned(NOW), viewing(by):
            gate.wait(10)
            try:
                do()
                outcomes.append(do.__name__)
            except Refused:
                pass
            finally:
                db.session.remove()

    def submitted() -> None:
        billing.submit(one(Engagement, made.id), draft, by=ada)

    def closed() -> None:
        closing.close(row, by=olga)

    threads = [threading.Thread(target=run, args=pair) for pair in ((submitted, ada), (closed, olga))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == 1
    with acting_for_all("a test looks"):
        entries = len(db.session.scalars(select(BillingEntry.id)).all())
    assert (row_of(OCTOBER).state, entries) == (
        (month_states.REOPENED, 1) if outcomes == ["submitted"] else (month_states.CLOSED, 0)
    )
