"""What the tests of Operations have before them: rows that failed, jobs with their last results."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask

from app.billing import rating
from app.foundation import clock, job_results, outbox, timetable
from app.foundation.database import db, transaction
from app.foundation.outbox import Notice, OutboxRow
from app.foundation.tenancy import acting_for_all
from app.foundation.timetable import Plan
from tests.makers import make_engagement, make_entry, make_product
from tests.people import People

HERE = "/operations"
FACTS = dict.fromkeys(("number", "name", "product", "partner", "client", "engagement_id", "plan", "secret"), "figures")


def look(app: Flask, read: Callable[[], Any]) -> Any:
    with app.app_context(), acting_for_all("a test looks"):
        found = read()
        db.session.remove()
    return found


def what_failed(app: Flask, people: People) -> dict[str, UUID]:
    """Two entries that could not be rated, a notice put off, one given up, one that waits; ids by name."""
    with app.app_context():
        engagement = make_engagement(make_product(partner=people.northbridge), people.acme, name="<b>Night</b> watch")
        entries = [make_entry(engagement, "1"), make_entry(engagement, "2")]
        for entry in entries:
            rating.note_failure(entry.id, "ZeroDivisionError: <script>alert(1)</script> " + "x" * 300)
        mail = []
        with acting_for_all("a test's mail"), transaction() as session:
            kinds: tuple[dict[str, Any], ...] = (
                {},
                {"tries": 2, "last_error": "451 4.7.1 come back later", "due_at": clock.now() + timedelta(minutes=9)},
                {"tries": 1, "last_error": "550 5.1.1 no such user", "failed_at": clock.now()},
            )
            for columns in kinds:
                outbox.post(Notice("organisation", str(people.acme.id), "request_approved", FACTS))
                newest = next(row for row in session.new if isinstance(row, OutboxRow))
                for name, value in columns.items():
                    setattr(newest, name, value)
                session.flush()
                mail.append(newest.id)
        db.session.remove()
    names = ("first", "second", "waiting", "put off", "given up")
    return dict(zip(names, (*(entry.id for entry in entries), *mail), strict=True))


def four_jobs(app: Flask) -> None:
    """Sound, broken, late, and new."""
    now = clock.now()
    with app.app_context(), acting_for_all("a test's jobs"):
        timetable.write_down(
            [
                Plan("sound", "Does well.", 60, 1),
                Plan("broken", "Does badly.", 60, 1),
                Plan("late", "Was forgotten.", 3600, 1),
                Plan("new", "Comes later.", 86400, 600),
            ]
        )
        for name, ok, ago, message in (
            ("sound", True, 10, ""),
            ("broken", False, 20, "OSError: <disk> is full"),
            ("late", True, 9000, ""),
        ):
            at = now - timedelta(seconds=ago)
            job_results.note(name, started_at=at, finished_at=at, ok=ok, message=message, rows=1234)
        db.session.remove()
