"""Operations shows who runs the jobs and, where many machines share them, what waits in the queues."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from app.foundation import clock, workers
from app.foundation.database import db, transaction
from app.foundation.identity import new_id
from app.foundation.tenancy import acting_for_all
from tests.page import Fragment, Page
from tests.screens.engagement_stage import HTMX

HERE = "/operations"


@pytest.fixture
def two_workers(app, people):
    now = clock.now()
    with app.app_context(), acting_for_all("a test's workers"):
        for name, kind, ago, running in (
            ("app-1:4711", "worker", 2, [{"job": "rate_billing_entries", "since": now.isoformat()}] * 2),
            ("app-<2>:" + "9" * 80, "portal", 65, []),
        ):
            at = now - timedelta(seconds=ago)
            with clock.pinned(at):
                workers.beat(new_id(), name=name, kind=kind, started_at=at - timedelta(hours=3), running=running)
        db.session.remove()


def test_who_runs_the_jobs(two_workers, as_):
    page = Page(as_("olga").get(HERE))
    page.check()
    silent, alive = (" ".join(row.get_text(" ").split()) for row in page.soup.select(".workers tbody tr"))
    assert "app-1:4711" in alive and "jobs only" in alive and "Running" in alive
    assert alive.count("Rate billing entries") == 1, "two shares of it are one job"
    assert "app-<2>" in silent and "beside the pages" in silent and "Silent" in silent and "1 min" in silent
    Fragment(as_("olga").get(HERE, headers=HTMX)).check()


def test_without_a_worker_there_is_no_empty_table(app, people, as_):
    page = Page(as_("olga").get(HERE))
    page.check()
    assert not page.soup.select(".workers")


@pytest.mark.postgres
def test_what_waits_in_the_queues(app, people, as_):
    with app.app_context(), acting_for_all("a test's jobs"), transaction() as session:
        for job, status, count in (
            ("send_notices", "todo", 2),
            ("send_notices", "doing", 1),
            ("check", "failed", 1007),
        ):
            session.execute(
                text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
                    " SELECT 'whole', :job, CAST(:status AS procrastinate_job_status) FROM generate_series(1, :count)"
                ),
                {"job": job, "status": status, "count": count},
            )
    page = Page(as_("olga").get(HERE))
    page.check()
    rows = [" ".join(row.get_text(" ").split()) for row in page.soup.select(".queues tbody tr")]
    assert rows == ["Check 0 0 1,000+", "Send notices 2 1 0"]


def test_two_statements_tell_it_all(app, two_workers):
    """One for the workers, one for the queues where there are any."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.startswith(("SELECT", "\nSELECT")):
            asked.append(statement)

    with app.app_context(), acting_for_all("a test counts"):
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            assert len(workers.workers()) == 2
            queued = workers.queued()
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        assert (queued is None) == (db.engine.dialect.name == "sqlite")
        db.session.remove()
    assert len(asked) == (1 if queued is None else 2)


@pytest.mark.parametrize("name", ["ada", "cy", "dot"])
def test_nobody_else_sees_them(two_workers, as_, name):
    assert as_(name).get(HERE).status_code in (403, 404)
