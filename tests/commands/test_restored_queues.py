"""A restore on PostgreSQL: what waited in the queues was about rows that are gone; the tables of the engine stay whole."""

from pathlib import Path

import pytest
from sqlalchemy import text

from app.foundation.database import db
from app.jobs import engine, runs
from tests.commands.conftest import NewPortal, run
from tests.jobs.claiming import ask, tell, wait_for
from tests.jobs.test_claim_tables import objects

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("migrated", [True, False])
def test_queues_are_empty_and_work_after_a_restore(
    file: Path, new_portal: NewPortal, migrated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = new_portal("postgresql", migrated=migrated)
    if migrated:
        tell(app, "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('whole', 'of_the_past')")
    done = run(app, "restore", file, "--replace")
    assert done.exit_code == 0, done.output
    assert ask(app, "SELECT 1 FROM procrastinate_jobs") == []
    whole = new_portal("postgresql")
    with app.app_context(), db.engine.connect() as restored, whole.app_context(), db.engine.connect() as fresh:
        assert objects(restored) == objects(fresh)
        assert restored.scalar(text("SELECT to_regnamespace('portal_restore')")) is None
    monkeypatch.setattr(runs, "_noted_at", {})
    jobs = engine.start(app)
    try:
        wait_for(lambda: ask(app, "SELECT 1 FROM job_result WHERE name = 'send_webhooks' AND last_ok"), 20)
    finally:
        jobs.stop()
    assert run(app, "check", "all").exit_code == 0
