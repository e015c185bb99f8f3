"""Action tests call rooms directly: a real database, an application context, no request.

What an action puts into the outbox about its subject must be sayable: a notice that cannot be written is found where it is
posted. What a test makes up itself, without a subject or under a name of its own, is its own business.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.notices.bodies import FOLDER, render


@pytest.fixture(autouse=True)
def in_the_portal(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()
        every_notice_can_be_written()
        db.session.remove()


def every_notice_can_be_written() -> None:
    posted = select(OutboxRow.template, OutboxRow.facts).where(
        OutboxRow.subject_id.is_not(None), OutboxRow.sent_at.is_(None), OutboxRow.failed_at.is_(None)
    )
    with acting_for_all("a test reads what was posted"):
        rows = db.session.execute(posted.limit(500)).all()
    for template, facts in (row for row in rows if (FOLDER / f"{row.template}.txt").exists()):
        body = render(template, facts, portal_name="Partner Portal", portal_url="https://portal.example")
        assert body.subject
        assert "\n" not in body.subject
        assert "https://portal.example/" in body.text
        assert "{" not in body.text + body.subject
        assert "\n\n\n" not in body.text
        assert "&amp;" not in body.text + body.subject
