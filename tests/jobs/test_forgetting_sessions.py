"""Sessions and sign-ups that are of no use any more are forgotten; what is of use stays."""

from datetime import timedelta

import pytest
import time_machine

from app.foundation.tenancy import acting_for_all
from app.jobs import forget_sessions
from app.jobs.schedule import JOBS
from app.jobs.work import never
from app.members import queries, sessions, sign_ups
from tests.people import everybody


@pytest.fixture
def people(app, restore_database):
    with app.app_context():
        yield everybody(app, restore_database)


def test_old_ones_go_and_it_may_run_twice(people):
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False) as now:
        sessions.begin(people.ada.id, user_agent=None, source="192.0.2.1")
        sign_ups.ask("Harbour Works", "Kim Okafor", "kim@harbour.example", "four calm herons", source="192.0.2.1")
        now.shift(sessions.KEPT + timedelta(seconds=1))
        token = sessions.begin(people.ada.id, user_agent=None, source="192.0.2.1")
        with acting_for_all("a job runs as the system") as system:
            assert forget_sessions.run(by=system, stopped=never).rows == 2
            assert forget_sessions.run(by=system, stopped=never).rows == 0
        assert queries.signed_in(people.ada.id, token) is not None
    assert JOBS["forget_sessions"].run is forget_sessions.run
