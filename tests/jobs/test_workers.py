"""Signs of life: who runs jobs, who fell silent, who stopped; on either database."""

import time
import uuid
from datetime import datetime, timedelta

from flask import Flask

from app.foundation import clock, workers
from app.foundation.database import db
from app.foundation.identity import new_id
from app.foundation.tenancy import acting_for_all, viewing
from app.foundation.workers import Worker
from app.jobs import engine
from tests.makers import as_operator, as_partner, make_organisation


def known(app: Flask) -> list[Worker]:
    with app.app_context(), acting_for_all("a test looks"):
        found = list(workers.workers())
        db.session.remove()
    return found


def test_a_running_engine_is_one_worker_until_it_stops(app: Flask) -> None:
    jobs = engine.start(app)
    try:
        deadline = time.monotonic() + 10
        while not known(app) and time.monotonic() < deadline:
            time.sleep(0.1)
        (only,) = known(app)
        assert (only.name, only.kind) == (jobs.name, "portal") and not only.is_silent(clock.now())
    finally:
        jobs.stop()
    assert known(app) == []


def test_who_gives_no_sign_is_silent_then_forgotten(app: Flask) -> None:
    began = clock.now()
    killed, other = (new_id(), "app-1:7", began), (new_id(), "app-2:8", began + timedelta(seconds=15))

    def beat(worker: tuple[uuid.UUID, str, datetime], seconds: float) -> None:
        worker_id, name, started_at = worker
        with app.app_context(), acting_for_all("a test's worker"), clock.pinned(began + timedelta(seconds=seconds)):
            workers.beat(worker_id, name=name, kind="worker", started_at=started_at, running=[])
            db.session.remove()

    beat(killed, 0)
    beat(other, 15)
    first, second = known(app)
    assert [one.name for one in (first, second)] == ["app-1:7", "app-2:8"]
    assert not first.is_silent(began + timedelta(seconds=20))
    assert first.is_silent(began + timedelta(seconds=20, microseconds=1))
    beat(other, 600)
    assert len(known(app)) == 2
    beat(other, 601)
    assert [one.name for one in known(app)] == ["app-2:8"]
    beat(killed, 602)  # it was only held up
    assert len(known(app)) == 2


def test_only_the_operator_sees_them(app: Flask) -> None:
    with app.app_context():
        with acting_for_all("a test's worker"):
            workers.beat(new_id(), name="app-1:7", kind="worker", started_at=clock.now(), running=[])
        partner, olga = make_organisation("Northbridge", partner=True), as_operator()
        with viewing(olga):
            assert len(workers.workers()) == 1
        with viewing(as_partner(partner)):
            assert workers.workers() == []
